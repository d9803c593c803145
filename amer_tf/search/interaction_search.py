"""Step 2: rounds that grow interactions field by field, each trained all at once."""

from __future__ import annotations

import gc
from typing import Any

import keras
import numpy as np

from amer_tf.models import aggregation
from amer_tf.search import phases
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.interaction import InteractionSupernet
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.progress import PhaseProgress
from amer_tf.search.run_error import RunError
from amer_tf.search.screening import Screening
from amer_tf.search.selection import Choice, select_forward
from amer_tf.search.spaces import InteractionSpace
from amer_tf.search.state import RunFolder
from amer_tf.search.trials import TrialLog
from amer_tf.training.fit import Phase, Progress, steps_per_epoch
from amer_tf.training.fitness import FITNESS
from amer_tf.training.interaction_scoring import candidate_parts, score_candidates
from amer_tf.wording import counted

PHASE = "interaction"
SCREENED = "screened interaction"
CANDIDATE, CHOSEN = "interaction", "chosen interaction"
# Candidates that the ones to keep are selected from: those with the largest gains.
_MOST_SELECTED_FROM = 256
_SUPERNET = "interaction_supernet_{number}"


class InteractionSearch:
    """The rounds of step 2 (paper, section 2.3), each of which goes on where it was killed.

    Args:
        bench: Sizes and rates.
        clock: Deadlines.
        trials: Where the scores are written and read.
        train: Training split.
        validation: Validation split.
    """

    def __init__(
        self, bench: CtrWorkbench, clock: PhaseClock, trials: TrialLog, train: Any, validation: Any
    ) -> None:
        self.bench = bench
        self.run: RunFolder = bench.run
        self.settings = bench.settings
        self.clock = clock
        self.trials = trials
        self.train = train
        self._fitness = FITNESS[bench.settings.fitness]
        self._screening: Screening | None = None
        rows = min(self.settings.scoring_rows, validation.num_examples)
        self.validation = validation.limit(rows, seed=bench.seed)
        self.space = InteractionSpace(
            aggregation.interaction_fields(bench.spec), self.settings.max_order or None
        )

    def search(self) -> list[tuple[str, ...]]:
        """Runs the rounds that are not done yet; gives the chosen interactions."""
        if not self.run.phases().get(PHASE, {}).get("done"):
            self.clock.deadline(PHASE)
            supernet: InteractionSupernet | None = None
            for number in range(self.settings.rounds):
                if not self.run.phases().get(_round(number), {}).get("done"):
                    supernet = self._run_round(number, supernet)
            self._choose(supernet)
            self.clock.finish(PHASE)
            self.run.remove_checkpoint(_SUPERNET.format(number=self.settings.rounds - 1))
            gc.collect()
        return [tuple(trial["interaction"]) for trial in self.trials.of(CHOSEN)]

    def _candidates(self, number: int) -> list[tuple[str, ...]]:
        """The candidates of a round: what the round before kept, and its best extensions."""
        kept = self._kept(number - 1) if number else []
        grown = self.space.grow(kept if number else self.space.start())
        new = [group for group in grown if group not in kept]
        if not self.settings.num_screened:
            return grown
        scores = self._screen(number, new)
        room = self.settings.num_screened - len(kept)
        best = sorted(range(len(new)), key=lambda index: -scores[index])[:room]
        return [*kept, *(new[index] for index in sorted(best))]

    def _screen(self, number: int, new: list[tuple[str, ...]]) -> list[float]:
        """Screening scores of the new interactions of a round; computed once."""
        known = [trial for trial in self.trials.of(SCREENED) if trial["round"] == number]
        if len(known) < len(new):
            if self._screening is None:
                rows = min(self.settings.screening_rows, self.train.num_examples)
                split = self.train.limit(rows, seed=self.bench.seed)
                ids = {name: split.field_values(name) for name in self.space.fields}
                self._screening = Screening(ids, split.labels)
            trials: list[dict[str, Any]] = []
            with PhaseProgress(f"Screening {counted(len(new), 'interaction')}", len(new)) as bar:
                for index, group in enumerate(new):
                    [score] = self._screening.scores([group])
                    trials.append(
                        {
                            "kind": SCREENED,
                            "round": number,
                            "interaction": list(group),
                            "score": float(score),
                        }
                    )
                    bar.update(index + 1)
                    self.clock.keep(PHASE)
            self.run.append_trials(trials[len(known) :])
            known = trials
        return [float(trial["score"]) for trial in known]

    def _kept(self, number: int) -> list[tuple[str, ...]]:
        """What a round hands on, in the order in which it was selected."""
        kept = [trial for trial in self._scored(number) if trial["place"] is not None]
        kept.sort(key=lambda trial: trial["place"])
        return [tuple(trial["interaction"]) for trial in kept]

    def _scored(self, number: int) -> list[dict[str, Any]]:
        return [trial for trial in self.trials.of(CANDIDATE) if trial["round"] == number]

    def _make(self, number: int) -> InteractionSupernet:
        keras.utils.set_random_seed(self.bench.seed + number)
        return InteractionSupernet(
            self.bench.spec,
            self._candidates(number),
            hidden_units=self.settings.search_units,
            embedding_dim=self.settings.embedding_dim,
            l2=self.settings.l2,
        )

    def _load(self, number: int) -> InteractionSupernet:
        """The supernet of a round that is done, with its weights."""
        supernet = self._make(number)
        if not phases.load_weights(self.run, _SUPERNET.format(number=number), supernet):
            raise RunError(
                f"The weights of round {number + 1} of the interactions are gone: search again in "
                f"a new `run_dir`. Received: run_dir={str(self.run.path)!r}"
            )
        return supernet

    def _run_round(self, number: int, before: InteractionSupernet | None) -> InteractionSupernet:
        supernet = self._make(number)
        if number:
            supernet.inherit(before or self._load(number - 1))
        settings, size = self.settings, len(supernet.candidates)
        batch_size = size * supernet.hand_size(self.bench.batch_size)
        num_steps = settings.round_epochs * steps_per_epoch(self.train.num_examples, batch_size)
        name, title = _round(number), f"Round {number + 1} of {settings.rounds}"
        with PhaseProgress(f"{title}: {counted(size, 'interaction')}", 1.0) as bar:

            def after_epoch(progress: Progress) -> bool:
                bar.update(progress.fraction, f"loss {progress.loss:.4f}")
                return False

            phases.train_phase(
                self.run,
                name,
                self.bench.trainer(supernet, settings.round_learning_rate, num_steps),
                self.train,
                Phase(
                    epochs=settings.round_epochs,
                    batch_size=batch_size,
                    learning_rate=settings.round_learning_rate,
                    time_limit=self.clock.training_limit(name, PHASE, settings.rounds - number),
                    seed=self.bench.seed + number,
                ),
                on_epoch=after_epoch,
                on_step=lambda: self.clock.keep(name),
            )
        scores = score_candidates(
            supernet, self.validation, dtype=settings.scoring_dtype, fitness=self._fitness
        )
        places = self._places(supernet, [score.gain for score in scores])
        known = len(self._scored(number))  # a full disk may have cut them short
        self.run.append_trials(
            [
                {
                    "kind": CANDIDATE,
                    "round": number,
                    "interaction": list(group),
                    **score._asdict(),
                    "rows": self.validation.num_examples,
                    "place": places.get(index),
                }
                for index, (group, score) in enumerate(
                    zip(supernet.candidates, scores, strict=True)
                )
            ][known:]
        )
        phases.save_weights(self.run, _SUPERNET.format(number=number), supernet)
        self.clock.finish(name)
        self.run.remove_checkpoint(name)
        self.run.remove_checkpoint(_SUPERNET.format(number=number - 1))
        return supernet

    def _places(self, supernet: InteractionSupernet, gains: list[float]) -> dict[int, int]:
        """The candidates that the round keeps, and the order of their selection."""
        order = sorted(range(len(gains)), key=lambda index: -gains[index])
        if self.settings.selection == "best":
            return {index: place for place, index in enumerate(order[: self.settings.num_kept])}
        best = np.array(order[: max(_MOST_SELECTED_FROM, self.settings.num_kept)], np.int32)
        choices = self._select(supernet, best, self.settings.num_kept)
        return {int(best[choice.candidate]): place for place, choice in enumerate(choices)}

    def _select(self, supernet: InteractionSupernet, among: Any, number: int) -> list[Choice]:
        """Selects by what the parts add, and by screening where that is too little to tell."""
        screened = {
            tuple(trial["interaction"]): float(trial["score"]) for trial in self.trials.of(SCREENED)
        }
        groups = [supernet.candidates[index] for index in among]
        scores = [screened[group] for group in groups] if screened.keys() >= set(groups) else None
        parts = candidate_parts(supernet, self.validation, among)
        return select_forward(*parts, number, scores, self._fitness)

    def _choose(self, supernet: InteractionSupernet | None) -> None:
        """Chooses out of those that the last round kept."""
        last, number = self.settings.rounds - 1, self.settings.num_interactions
        if self.settings.selection == "best":
            scored = {tuple(trial["interaction"]): trial for trial in self._scored(last)}
            kept = self._kept(last)[:number]
            gains = [(scored[group]["gain"], scored[group]["standard_error"]) for group in kept]
        else:
            supernet = supernet or self._load(last)
            kept = self._kept(last)
            numbers = np.array([supernet.candidates.index(group) for group in kept], np.int32)
            choices = self._select(supernet, numbers, number)
            kept = [kept[choice.candidate] for choice in choices]
            gains = [(choice.gain, choice.standard_error) for choice in choices]
        known = len(self.trials.of(CHOSEN))
        self.run.append_trials(
            [
                {
                    "kind": CHOSEN,
                    "interaction": list(group),
                    "gain": gain,
                    "standard_error": error,
                    "rows": self.validation.num_examples,
                }
                for group, (gain, error) in zip(kept, gains, strict=True)
            ][known:]
        )


def _round(number: int) -> str:
    return f"interaction_round_{number}"
