"""Curves: every number that the run kept, under the right title."""

from __future__ import annotations

import re

import pytest

from amer_tf.report.learning_curves import final_panels, learning_curves, supernet_panels
from amer_tf.search.result import SearchResult
from tests.report.conftest import change_json, record


def by_title(panels):
    return {panel.title: panel.curves for panel in panels}


def test_the_supernet_of_task_next_item(next_item):
    phases = next_item.run.phases()
    panels = by_title(supernet_panels(record(next_item)))
    assert set(panels) == {"Behaviour supernet, validation", "Behaviour supernet, training"}
    assert panels["Behaviour supernet, validation"][0].values == phases["supernet"]["curve"]
    assert panels["Behaviour supernet, training"][0].values == phases["supernet"]["losses"]


def test_the_supernets_of_three_steps(hybrid):
    phases = hybrid.run.phases()
    panels = by_title(supernet_panels(record(hybrid)))
    assert list(panels) == [
        *("Behaviour supernet, validation", "Behaviour supernet, training"),
        *("Interactions, round by round", "MLP supernet, training"),
    ]
    means = panels["Behaviour supernet, validation"][0].values
    assert means == [-value for value in phases["behavior"]["curve"]]
    losses = panels["Behaviour supernet, training"][0].values
    assert losses == phases["behavior_supernet"]["losses"]
    assert len(losses) == len(means) == 2


def test_rounds_follow_each_other(ctr):
    first, second = by_title(supernet_panels(record(ctr)))["Interactions, round by round"]
    assert (first.start, second.start) == (1, 3)
    assert second.values == ctr.run.phases()["interaction_round_1"]["losses"]


def test_final_trainings(ctr):
    phases = ctr.run.phases()
    panels = by_title(final_panels(record(ctr)))
    assert set(panels) == {"Validation log loss", "Training loss"}
    for title, key in (("Validation log loss", "curve"), ("Training loss", "losses")):
        drawn = [curve.values for curve in panels[title]]
        expected = [phases[name] for name in phases if name.startswith(("scratch_", "finetuning_"))]
        assert expected
        assert all(phase[key] in drawn for phase in expected)
        assert any(curve.label == "DNN, made by hand" for curve in panels[title])


def test_task_next_item_has_training_losses(next_item):
    panels = by_title(final_panels(record(next_item)))
    assert set(panels) == {"Training loss"}
    labels = {curve.label for curve in panels["Training loss"]}
    assert labels == {
        *("Transformer, made by hand", "found, from inherited weights"),
        *("found, from new weights", "found, longer"),
    }


def with_epochs(result, folder, supernet, mlp=None):
    """The diagrams of a run whose supernets were trained for so many epochs."""

    def change(phases):
        losses = [0.7 - 0.01 * epoch for epoch in range(supernet)]
        found = {"behavior_supernet": {"losses": losses}}
        return found if mlp is None else {**found, "mlp_supernet": {"losses": losses[:mlp]}}

    change_json(folder / "phases.json", change)
    return learning_curves(record(SearchResult.load(folder)))


@pytest.mark.parametrize(
    ("epochs", "ticks", "course"),
    [
        (1, ["1"], "0.7000 after 1 epoch."),
        (2, ["1", "2"], "from 0.7000 to 0.6900 in 2 epochs."),
        (8, list("12345678"), "in 8 epochs."),
        (40, [str(epoch) for epoch in range(0, 41, 5)], "in 40 epochs."),
    ],
)
def test_epochs_are_whole_numbers(ctr, copy, epochs, ticks, course):
    drawing = with_epochs(ctr, copy(ctr), epochs)
    assert course in drawing
    axis = drawing[drawing.index('id="supernets-matplotlib.axis_1"') :]
    axis = axis[: axis.index('id="supernets-matplotlib.axis_2"')]
    assert re.findall(r">([\d.]+)</text>", axis) == ticks


TOO_FEW = "These are too few epochs to tell whether the training was long enough."
LONG = "A curve that has flattened out at its right end was trained long enough."
SOME = "Curves of one or two points have too few epochs to tell."


@pytest.mark.parametrize(
    ("supernet", "mlp", "said"),
    [
        (2, None, [TOO_FEW]),
        (2, 1, [TOO_FEW]),
        (3, None, [LONG]),
        (3, 3, [LONG]),
        (3, 2, [LONG, SOME]),
    ],
)
def test_whether_a_training_was_long_enough_takes_three_epochs(ctr, copy, supernet, mlp, said):
    drawing = with_epochs(ctr, copy(ctr), supernet, mlp)
    assert [text for text in (TOO_FEW, LONG, SOME) if text in drawing] == said


def test_runs_that_kept_no_curves(next_item, copy):
    folder = copy(next_item)
    change_json(folder / "phases.json", lambda phases: {name: {"done": True} for name in phases})
    assert learning_curves(record(SearchResult.load(folder))) is None
