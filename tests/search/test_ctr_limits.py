"""What a search of task ctr turns to where what it found is over a limit."""

from __future__ import annotations

import dataclasses
import itertools
import types

import pytest

from amer_tf.architecture import Architecture, Block, HiddenLayer
from amer_tf.search import ctr_search
from amer_tf.search.admission import NO_LIMITS, Limits, claim, left_out
from amer_tf.search.budget import Budget
from amer_tf.search.ctr_search import CtrSearch
from amer_tf.search.ctr_settings import CtrSettings
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.run_error import RunError
from amer_tf.search.spaces import MlpSpace
from amer_tf.search.state import RunFolder
from tests.models.ctr_contract import HYBRID

# Two behaviour fields: what fits below is a matter of sizes.
SPEC = dataclasses.replace(HYBRID, fields=HYBRID.fields[:-2])
LARGE, SMALL = ((Block("layer_norm", layer, "relu"),) for layer in ("conv_3", "max_pool_3"))
STACKS = [LARGE, SMALL]
TWO, ALL = ("behavior", "interaction"), ("behavior", "interaction", "mlp")
SETTINGS = CtrSettings(
    max_units=60,
    embedding_dim=4,
    hidden_units=(20,),
    behavior_units=(20,),
    mlp_layers=1,
    min_interactions=2,
)


@pytest.fixture
def make(tmp_path, monkeypatch):
    """A search within limits that trains nothing."""
    numbers = itertools.count()

    def make(limits: Limits = NO_LIMITS, steps=TWO) -> CtrSearch:
        run = RunFolder(tmp_path / str(next(numbers)))
        run.claim({})
        bench = CtrWorkbench(run, SPEC, SETTINGS, 0, 100, limits=limits)
        search = CtrSearch(bench, Budget(None, {}), None, None, steps)
        for name in ("_train", "_record", "_score_again"):
            monkeypatch.setattr(search, name, lambda *arguments: None)
        return search

    return make


@pytest.fixture
def frame(make) -> Architecture:
    """The model before anything is found, with three interactions."""
    interactions = (("ad", "user"), ("ad", "hour"), ("hour", "user"))
    return dataclasses.replace(make().bench.frame, interactions=interactions)


@pytest.fixture
def changed(frame):
    def changed(number=3, blocks=(), units=20) -> Architecture:
        return dataclasses.replace(
            frame,
            interactions=frame.interactions[:number],
            blocks=blocks,
            mlp=(HiddenLayer("relu", units=units),),
        )

    return changed


@pytest.fixture
def size(make):
    """Parameters of an architecture."""
    build = make().bench.build
    return lambda architecture: build(architecture).count_params()


def smallest_units(search: CtrSearch, architecture: Architecture) -> int:
    [layer] = search.limits._with_smallest_mlp(architecture).mlp
    return layer.units


def found(search: CtrSearch, predefined: Architecture) -> Architecture:
    behavior = types.SimpleNamespace(forget=lambda: None)
    fewer = search.limits.with_fewer_interactions(predefined, STACKS)
    assert fewer == dataclasses.replace(predefined, interactions=fewer.interactions)
    return search._use_inherited(fewer, behavior, STACKS)


def test_nothing_is_measured_without_limits(make, changed, frame, monkeypatch):
    free = make()
    monkeypatch.setattr(free.limits.admission.size, "_build", None)
    free.limits.require()
    assert free.limits.stacks([changed(0, LARGE), changed(0, SMALL)], 1) == [LARGE]
    assert found(free, frame) == changed(3, LARGE)
    assert free.limits.finalists([frame, changed(0)]) == [frame, changed(0)]
    assert left_out(free.run) == []


@pytest.mark.parametrize(
    "expected", [(3, LARGE), (3, SMALL), (2, LARGE), (2, SMALL), (1, SMALL), (3, ()), (0, ())]
)
def test_what_is_smaller_comes_next(make, changed, frame, size, expected):
    """The most interactions with which some blocks fit, and the best of those blocks."""
    taken = found(make(Limits(size(changed(*expected)))), frame)
    most = size(changed(*expected))
    possible = [
        changed(number, blocks)
        for some in (STACKS, [()])
        for number in (3, 2, 1, 0)
        for blocks in some
        if size(changed(number, blocks)) <= most
    ]
    assert taken == possible[0]


def test_what_was_left_out_is_told(make, changed, frame, size):
    search = make(Limits(size(changed(1, SMALL))))
    assert found(search, frame) == changed(1, SMALL)
    [text, *_] = left_out(search.run)
    assert text == (
        f"2 of 3 interactions left out: with them the model has {size(changed(3, LARGE)):,} "
        f"parameters, the limit is {size(changed(1, SMALL)):,}."
    )
    assert search.limits.finalists([changed(3, LARGE), changed(1)]) == [changed(1)]
    assert left_out(search.run)[-1].startswith("1 of 2 variants of what was found are not trained")


def test_a_narrower_mlp_stands_in_for_a_predefined_one_that_is_too_large(
    make, changed, frame, size
):
    space = MlpSpace(make().limits.admission.size.input_size(frame), 1, SETTINGS.max_units)
    widths = [units for units in space.sizes if units < 20]
    assert len(widths) > 1
    for units in widths:
        search = make(Limits(size(changed(units=units))), ALL)
        assert search.limits.with_fitting_mlp(frame) == changed(units=units)
    search = make(Limits(size(frame) - 1), ALL)
    assert search.limits.with_fitting_mlp(frame) == changed(units=widths[-1])
    [text] = left_out(search.run)
    assert text == (
        f"The predefined MLP left out: with it the model has {size(frame):,} parameters, the "
        f"limit is {size(frame) - 1:,}. Hidden layers of {widths[-1]} units stand in for it."
    )


@pytest.mark.parametrize("steps", [TWO, ALL])
def test_a_predefined_mlp_within_the_limits_stays(make, frame, size, steps):
    for limits in (NO_LIMITS, Limits(size(frame))):
        search = make(limits, steps)
        assert search.limits.with_fitting_mlp(frame) == frame
        assert left_out(search.run) == []


def test_limits_stay_as_they_are_once_something_is_tried_out(make, frame):
    search = make()
    claim(search.run, {}, Limits(5))
    search.limits.with_fitting_mlp(frame)
    with pytest.raises(RunError, match="another max_params"):
        claim(search.run, {}, Limits(6))


def test_blocks_leave_room_for_interactions(make, changed, size):
    """Beside two interactions, the fewest, and the predefined MLP."""
    ranked = [changed(0, LARGE), changed(0, SMALL)]
    search = make(Limits(size(changed(0, LARGE))))
    assert search.limits.stacks(ranked, 2) == [SMALL]
    assert size(changed(2, SMALL)) <= size(changed(0, LARGE)) < size(changed(2, LARGE))
    [text] = left_out(search.run)
    assert text.startswith(
        "1 of the best 2 stacks of blocks left out: beside 2 interactions the smallest of them "
        f"has {size(changed(2, LARGE)):,} parameters"
    )
    assert list(map(search.limits.is_too_large, ranked)) == [True, False]
    # With room for them there would be no blocks at all, nor without them.
    assert make(Limits(size(changed(0)))).limits.stacks(ranked, 2) == [()]
    # No room is left for what would not fit without blocks either.
    none_fits = size(changed(0, SMALL))
    assert none_fits < size(changed(1))
    assert make(Limits(none_fits)).limits.stacks(ranked, 2) == [SMALL]
    assert make(Limits(size(changed(0, LARGE))), ("behavior",)).limits.stacks(ranked, 1) == [LARGE]


def test_blocks_that_fit_beside_a_smaller_mlp_are_taken_where_one_is_searched(make, changed, size):
    ranked = [changed(0, LARGE), changed(0, SMALL)]
    units = smallest_units(make(steps=ALL), changed(2))
    most = size(changed(2, LARGE, units))
    assert most < size(changed(2, SMALL))
    assert make(Limits(most), ALL).limits.stacks(ranked, 2) == STACKS
    assert make(Limits(most), TWO).limits.stacks(ranked, 2) == [()]


def test_the_smallest_model_must_be_within_the_limits(make, changed, size):
    for steps, smallest in (
        (TWO, changed(0)),
        (ALL, changed(0, (), smallest_units(make(steps=ALL), changed(0)))),
    ):
        make(Limits(size(smallest)), steps).limits.require()
        make(Limits(size(smallest)), steps).limits.require_size()
        with pytest.raises(RunError, match=f"has {size(smallest):,} parameters, the limit is"):
            make(Limits(size(smallest) - 1), steps).limits.require_size()
        with pytest.raises(RunError, match=f"has {size(smallest):,} parameters, the limit is 1.*"):
            make(Limits(1), steps).search()


class Searched:
    """Step 3, with three MLPs."""

    UNITS = (40, 30, 12)

    def __init__(self, *arguments, start):
        self.predefined = arguments[-1]

    def search(self):
        return [(HiddenLayer("relu", units=units),) for units in self.UNITS]

    def architecture_of(self, mlp):
        return dataclasses.replace(self.predefined, mlp=mlp)

    def is_own(self, architecture):
        return architecture == self.architecture_of(architecture.mlp)

    def forget(self):
        pass


def test_the_mlp_is_searched_where_the_predefined_one_is_too_large(
    make, changed, frame, size, monkeypatch
):
    monkeypatch.setattr(ctr_search, "MlpSearch", Searched)
    assert found(make(steps=ALL), frame) == changed(3, LARGE, 40)
    units = smallest_units(make(steps=ALL), changed(2))
    assert units < 12
    for expected in (
        changed(3, LARGE, 30),
        # Too large with the predefined MLP: the fewest interactions, and an MLP that fits.
        changed(2, LARGE, 12),
        changed(2, SMALL, 12),
        # None of those that were sampled fits.
        changed(2, SMALL, units),
        changed(0, (), smallest_units(make(steps=ALL), changed(0))),
    ):
        search = make(Limits(size(expected)), ALL)
        assert found(search, frame) == expected
    assert "the best 3 MLPs left out" in " ".join(left_out(search.run))
