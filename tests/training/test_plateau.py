from __future__ import annotations

import pytest

from amer_tf.training.plateau import PlateauState, plateau_state


@pytest.mark.parametrize(
    ("losses", "state"),
    [
        ([], PlateauState(0, 0, False, False)),
        ([5, 4, 3], PlateauState(3, 0, False, False)),
        ([5, 4, 4], PlateauState(2, 0, False, False)),  # as good is not better
        ([5, 4, 4.5, 4.2], PlateauState(2, 1, False, True)),
        ([5, 4, 4.5, 4.2, 3], PlateauState(5, 1, False, False)),
        ([5, 4, 4.5, 4.2, 4.1], PlateauState(2, 1, False, False)),
        ([5, 4, 4.5, 4.2, 4.1, 4.1], PlateauState(2, 1, True, True)),
        ([5, 4, 4.5, 4.2, 4.1, 3, 3.5, 3.5], PlateauState(6, 1, True, True)),
        # Nothing after the end counts.
        ([5, 4, 4.5, 4.2, 4.1, 4.1, 1], PlateauState(2, 1, True, True)),
    ],
)
def test_patience_of_two_and_one_cut(losses: list[float], state: PlateauState):
    assert plateau_state(losses, patience=2, max_cuts=1) == state


def test_early_stopping_alone():
    assert plateau_state([2, 3], patience=1, max_cuts=0) == PlateauState(1, 0, True, True)


@pytest.mark.parametrize(
    ("losses", "state"),
    [
        ([5, 4], PlateauState(2, 1, False, True)),
        ([5, 6], PlateauState(1, 1, False, True)),
        ([5, 4, 3, 3.5], PlateauState(3, 1, False, False)),  # patience begins anew
        ([5, 4, 3, 3.5, 3.5], PlateauState(3, 1, True, True)),
    ],
)
def test_a_forced_cut(losses: list[float], state: PlateauState):
    assert plateau_state(losses, patience=2, max_cuts=1, forced_cuts=(2,)) == state


def test_a_loss_that_is_no_number_is_no_better():
    assert plateau_state([2, float("nan")], patience=1, max_cuts=1).restores


@pytest.mark.parametrize(
    ("losses", "state"),
    [
        ([1.0] * 20, PlateauState(1, 0, False, False)),
        ([1.0] * 21, PlateauState(1, 1, False, True)),  # the first, and ten times two without gain
        ([1.0] * 5 + [0.9995], PlateauState(6, 0, False, False)),
        ([1.0] * 5 + [0.9995] * 4, PlateauState(6, 0, False, False)),  # hardly better is not yet
        ([1.0] * 5 + [0.99, 1.0], PlateauState(6, 0, False, False)),
        ([1.0] * 5 + [0.99, 1.0, 1.0], PlateauState(6, 1, False, True)),
        ([0.9, 1.0, 1.0], PlateauState(1, 1, False, True)),
    ],
)
def test_patience_while_nothing_is_learned(losses: list[float], state: PlateauState):
    assert plateau_state(losses, patience=2, max_cuts=1, chance=1.0) == state


@pytest.mark.parametrize("arguments", [{"patience": 0}, {"max_cuts": -1}])
def test_refuses(arguments: dict[str, int]):
    with pytest.raises(ValueError, match="`patience` must be at least 1 and .* Received: "):
        plateau_state([], **{"patience": 2, "max_cuts": 1, **arguments})
