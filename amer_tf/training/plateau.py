"""Early stopping and cuts of the learning rate, read off the validation curve alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

# What the waiting counts for while nothing has been learned, and how much of the loss of a constant
# has to be gone before something has.
_PATIENCE_AT_CHANCE = 10
_LEARNED = 0.001


class PlateauState(NamedTuple):
    """Where training stands after some epochs.

    Attributes:
        best_epoch: Number of the epoch with the lowest loss, counted from 1; 0 before the first.
        num_cuts: How often the learning rate has been cut.
        is_over: Whether another epoch would be in vain.
        restores: Whether the last epoch asks to go back to the weights of the best one.
    """

    best_epoch: int
    num_cuts: int
    is_over: bool
    restores: bool


def plateau_state(
    losses: Sequence[float],
    *,
    patience: int,
    max_cuts: int,
    forced_cuts: Collection[int] = (),
    chance: float | None = None,
) -> PlateauState:
    """What the validation losses of the epochs so far say.

    After `patience` epochs without a lower loss the best weights come back and the learning rate
    is cut; where that has been done `max_cuts` times, training is over. The state is a function of
    the arguments alone, so that an interrupted training goes on as an undisturbed one would.

    Where single fields say nothing of the label and only their interactions do, a network may
    predict a constant for many epochs before its loss falls at once. Until a thousandth of `chance`
    is gone, ten times as many epochs are waited for.

    Args:
        losses: Validation loss of each epoch.
        patience: Epochs without a lower loss that are one too many, at least 1.
        max_cuts: Most cuts, 0 for early stopping alone.
        forced_cuts: Epochs after which the rate is cut whatever the losses.
        chance: Loss of the best constant prediction, or None to wait no longer at the start.
    """
    if patience < 1 or max_cuts < 0:
        raise ValueError(
            "`patience` must be at least 1 and `max_cuts` not negative. "
            f"Received: patience={patience}, max_cuts={max_cuts}"
        )
    best, best_epoch, waited, cuts, restores = float("inf"), 0, 0, 0, False
    for epoch, loss in enumerate(losses, 1):
        restores = False
        if loss < best:
            best, best_epoch, waited = loss, epoch, 0
        else:
            waited += 1
        at_chance = chance is not None and best > chance * (1 - _LEARNED)
        if waited == patience * (_PATIENCE_AT_CHANCE if at_chance else 1) or epoch in forced_cuts:
            waited, restores = 0, True
            cuts += 1
            if cuts > max_cuts:
                return PlateauState(best_epoch, max_cuts, True, True)
    return PlateauState(best_epoch, cuts, False, restores)
