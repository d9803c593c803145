"""What a search of task ctr turns to where what it found is over a limit."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

from amer_tf.architecture import Architecture, Block, HiddenLayer
from amer_tf.models import aggregation
from amer_tf.search.admission import Admission
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.spaces import MlpSpace
from amer_tf.search.trials import TrialLog
from amer_tf.wording import counted


class CtrLimits:
    """Chooses within the limits, so that each step leaves room for those after it.

    Blocks come first, then interactions, then the MLP: blocks are admitted beside the fewest
    interactions and the smallest MLP that the later steps may choose. There is always a result:
    the smallest that there can be is admitted before anything is trained.

    Args:
        bench: How models are built, and their limits.
        clock: Of the run.
        trials: The log.
        steps: Which of the steps are searched.
    """

    def __init__(
        self, bench: CtrWorkbench, clock: PhaseClock, trials: TrialLog, steps: Sequence[str]
    ) -> None:
        self.admission = Admission(bench.spec, trials, bench.limits, bench.build, clock)
        self._bench = bench
        self._steps = tuple(steps)
        self._room: tuple[tuple[str, ...], ...] | None = None

    def require(self) -> None:
        """Raises where no model of the search can be within the limits.

        Raises:
            RunError: It says which limit, and how small and fast a model can be.
        """
        if self.admission.is_limited:
            self.admission.require(self._with_smallest_mlp(self._bench.frame))

    def require_size(self) -> None:
        """Raises where no model of the search can have as few parameters as it may have.

        Raises:
            RunError: It says how small a model can be.
        """
        if self.admission.limits.max_params is not None:
            self.admission.require_size(self._with_smallest_mlp(self._bench.frame))

    def is_too_large(self, architecture: Architecture) -> bool:
        """Whether blocks have more parameters than they may have beside what is still to come."""
        if self.admission.limits.max_params is None:
            return False
        return self.admission.is_too_large(self._with_room(architecture))

    def stacks(self, ranked: Sequence[Architecture], number: int) -> list[tuple[Block, ...]]:
        """The first blocks of a ranking that leave room for the later steps, or no blocks.

        Args:
            ranked: Architectures with the blocks, the best first.
            number: How many are wanted.
        """
        whole = [self._with_room(each) for each in ranked] if self.admission.is_limited else ranked
        admitted = self.admission.within(whole, number)
        beside = f"beside {counted(len(self._room), 'interaction')} " if self._room else ""
        self.admission.note_ranking("blocks", "stacks of blocks", whole, admitted, beside)
        return [each.blocks for each in admitted] or [()]

    def with_fewer_interactions(
        self, predefined: Architecture, stacks: Sequence[tuple[Block, ...]]
    ) -> Architecture:
        """With as many of its first interactions as the limits allow beside the best blocks.

        Interactions widen the MLP's input. Where the MLP is searched, a smaller one is chosen to
        fit rather than fewer interactions than there was room left for.

        Args:
            predefined: Without blocks, with the predefined MLP.
            stacks: Blocks, the best first.
        """
        if not self.admission.is_limited:
            return predefined
        number = len(predefined.interactions)
        fewer = [
            dataclasses.replace(predefined, interactions=predefined.interactions[:count])
            for count in range(number, -1, -1)
        ]
        room = min(number, len(self._leave_room()))
        many, few = fewer[: number - room + 1], fewer[number - room :]
        if "mlp" in self._steps:
            few = [self._with_smallest_mlp(each) for each in few]
        ordered = [
            dataclasses.replace(each, blocks=blocks)
            for some in (tuple(stacks), ((),))
            for each in (*many, *few)
            for blocks in some
        ]
        whole = list(dict.fromkeys(ordered))
        found = [*self.admission.within(whole, 1), whole[-1]][0]
        taken = len(found.interactions)
        if taken < number:
            self.admission.note(
                interactions=f"{number - taken} of {counted(number, 'interaction')} left out: "
                f"with them the model {self.admission.why_over(whole[0])}."
            )
        return dataclasses.replace(predefined, interactions=found.interactions)

    def with_fitting_mlp(self, predefined: Architecture) -> Architecture:
        """With the widest MLP within the limits, where step 3 is searched and its own is over one.

        It stands in for the predefined MLP until step 3 has found one: hidden layers of one width,
        as step 3 may choose them.

        Args:
            predefined: Without blocks, with the predefined MLP, and with no more interactions than
                fit beside the smallest MLP.
        """
        whole = [predefined]
        if self.admission.is_limited and "mlp" in self._steps:
            whole += self._with_mlps(predefined)[::-1]
        found = [*self.admission.within(whole, 1), whole[-1]][0]
        if found != predefined:
            units = " x ".join(str(layer.units) for layer in found.mlp)
            self.admission.note(
                predefined="The predefined MLP left out: with it the model "
                f"{self.admission.why_over(predefined)}. Hidden layers of {units} units stand in "
                "for it."
            )
        return found

    def with_blocks(
        self, predefined: Architecture, stacks: Sequence[tuple[Block, ...]]
    ) -> Architecture:
        """With the first blocks that are within the limits, or none."""
        whole = [
            *(dataclasses.replace(predefined, blocks=blocks) for blocks in (*stacks, ())),
            dataclasses.replace(predefined, interactions=()),
        ]
        return [*self.admission.within(whole, 1), whole[-1]][0]

    def mlps(
        self,
        ranked: Sequence[Architecture],
        stacks: Sequence[tuple[Block, ...]],
        number: int,
    ) -> tuple[tuple[Block, ...], list[tuple[HiddenLayer, ...]]]:
        """The first blocks that leave room for one of some MLPs, and the first of those MLPs.

        Where none of those that were sampled is small enough, the smallest of all stands in.

        Args:
            ranked: Architectures with the MLPs and without blocks, the best first.
            stacks: Blocks, the best first.
            number: How many MLPs are wanted.
        """
        smallest = ranked[-1]
        if self.admission.is_limited:
            smallest = self._with_smallest_mlp(ranked[0])
        for some in (ranked, [smallest]):
            for blocks in dict.fromkeys((*stacks, ())):
                whole = [dataclasses.replace(each, blocks=blocks) for each in some]
                admitted = self.admission.within(whole, number)
                if admitted:
                    sampled = [dataclasses.replace(each, blocks=blocks) for each in ranked]
                    taken = [each for each in admitted if each in sampled]
                    self.admission.note_ranking("mlp", "MLPs", sampled, taken)
                    return blocks, [each.mlp for each in admitted]
        self.admission.require(smallest)
        return (), [smallest.mlp]

    def finalists(self, different: Sequence[Architecture]) -> list[Architecture]:
        """Those of some different architectures that are within the limits."""
        admitted = self.admission.within(different, len(different))
        over = [each for each in different if each not in admitted]
        if over:
            self.admission.note(
                finalists=f"{len(over)} of {len(different)} variants of what was found are not "
                f"trained: the first of them {self.admission.why_over(over[0])}."
            )
        return admitted

    def _with_room(self, architecture: Architecture) -> Architecture:
        return self._with_smallest_mlp(
            dataclasses.replace(architecture, interactions=self._leave_room())
        )

    def _with_smallest_mlp(self, architecture: Architecture) -> Architecture:
        """With the smallest MLP that step 3 may choose; as it is where step 3 is not searched."""
        if "mlp" not in self._steps:
            return architecture
        return self._with_mlps(architecture)[0]

    def _with_mlps(self, architecture: Architecture) -> list[Architecture]:
        """With each MLP of step 3 whose layers are all of one width, the smallest first."""
        settings = self._bench.settings
        space = MlpSpace(
            self.admission.size.input_size(architecture),
            settings.mlp_layers,
            settings.max_units or None,
        )
        layers = [HiddenLayer("relu", units=units) for units in space.sizes]
        return [
            dataclasses.replace(architecture, mlp=(layer,) * settings.mlp_layers)
            for layer in layers
        ]

    def _leave_room(self) -> tuple[tuple[str, ...], ...]:
        """As many interactions as step 2 chooses at least, or as there can be without blocks.

        Which fields they are of does not matter for their size.
        """
        if self._room is None:
            room: tuple[tuple[str, ...], ...] = ()
            if "interaction" in self._steps:
                fields = aggregation.interaction_fields(self._bench.spec)
                most = self._bench.settings.max_order or len(fields)
                groups = (itertools.combinations(fields, order) for order in range(2, most + 1))
                number = self._bench.settings.min_interactions
                room = tuple(itertools.islice(itertools.chain.from_iterable(groups), number))
            while room and self.admission.is_too_large(
                self._with_smallest_mlp(dataclasses.replace(self._bench.frame, interactions=room))
            ):
                room = room[:-1]
            self._room = room
        return self._room
