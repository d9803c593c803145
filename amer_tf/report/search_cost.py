"""What a search costs, in trainings of the plain network."""

from __future__ import annotations

from typing import NamedTuple

from amer_tf.report.markup import Html, paragraph
from amer_tf.report.phase_seconds import latency_seconds, phase_seconds
from amer_tf.report.run_record import TUNING, RunRecord
from amer_tf.report.words import duration
from amer_tf.search.audit import is_cut_short
from amer_tf.training.plateau import plateau_state

PLAIN = "dnn"
# Phases that end a step; which of them there are depends on the steps.
_STEPS = ("behavior_rescoring", "interaction", "rescoring")
# In which what the steps train is regularised as suits it, as every hand-made system is.
_PRIORS = ("prior", "tuning")
# The last one before the hand-made systems.
_TRAINED = "scratch"


class SearchCost(NamedTuple):
    """Seconds, without those that latencies were measured in.

    Attributes:
        steps: From the beginning to the end of the last step.
        priors: Of that, the choice of priors, which each hand-made system has too.
        trained: The same to the end of the final trainings of what was found.
        plain: One training of the plain DNN, under the prior that was chosen for it.
    """

    steps: float
    priors: float
    trained: float
    plain: float


def search_cost(record: RunRecord) -> SearchCost | None:
    """The cost of a search of task ctr; None where the DNN is not among its references."""
    if PLAIN not in record.references:
        return None
    plain = record.phases.get(_plain_training(record), {}).get("seconds")
    used = {name: float(phase["used"]) for name, phase in record.phases.items() if "used" in phase}
    ends = [used[name] for name in _STEPS if name in used]
    if not plain or not ends or _TRAINED not in used:
        return None
    seconds = phase_seconds(record)
    priors = sum(seconds.get(name, 0.0) for name in _PRIORS)
    steps, trained = (end - latency_seconds(record, end=end) for end in (max(ends), used[_TRAINED]))
    return SearchCost(steps, priors, trained, plain)


def cost_sentence(record: RunRecord) -> Html | None:
    """The same in words."""
    cost = search_cost(record)
    if cost is None:
        return None
    measured = latency_seconds(record)
    return paragraph(
        f"To train the plain DNN once took {duration(cost.plain)}{_cut_short(record)}. "
        "The steps of the search took "
        f"{duration(cost.steps)}, {cost.steps / cost.plain:.1f} times as long, without the choice "
        f"of priors {(cost.steps - cost.priors) / cost.plain:.1f} times; with the final "
        f"trainings of what they found it is {duration(cost.trained)}, "
        f"{cost.trained / cost.plain:.1f} times."
        + (f" The {duration(measured)} of measuring latencies do not count." if measured else "")
    )


def _cut_short(record: RunRecord) -> str:
    """What is to be said where the training of the DNN did not end by itself."""
    phase, settings = record.phases[_plain_training(record)], record.config["settings"]
    losses = phase.get("curve", ())
    state = plateau_state(losses, patience=settings["patience"], max_cuts=settings["max_cuts"])
    if is_cut_short(phase):
        limit = "time limit"
    elif len(losses) >= settings["final_epochs"] and not state.is_over:
        limit = "most epochs of the settings"
    else:
        return ""
    return (
        f", cut short by the {limit}: to its end it would take longer, and the "
        "ratios here would be smaller"
    )


def _plain_training(record: RunRecord) -> str:
    """Name of the final training of the DNN: a trial of its prior on all rows is one."""
    name = f"reference_{PLAIN}"
    if name in record.phases:
        return name
    tried = [
        (float(trial["score"]), f"{trial['setting']}_{trial['system']}_{trial['value']:g}")
        for trial in record.of(TUNING)
        if (trial["setting"], trial["system"]) == ("prior_precision", PLAIN)
    ]
    return max(tried)[1] if tried else name
