"""What an audit says, in a sentence each: whether the search gained, and from which weights."""

from __future__ import annotations

import math
from typing import NamedTuple

from amer_tf.report import words
from amer_tf.report.verdict import Comparison, certainty
from amer_tf.search.audit_findings import Audit, RandomScore, Score, StepAudit
from amer_tf.wording import counted

_OF_A_RUN = "the references of this run (`--references={name}` scores it)"
# By other draws than those that it was chosen by: it has no luck that others did not have.
_FOUND = "the found architecture, trained once more with another seed,"
_TUNE = "`amer compare --tune=N`"
_WITHOUT_SETTINGS = ("popularity",)
_RANDOM = "a random architecture trained in the same way"


class _Rival(NamedTuple):
    """What the found architecture is compared with.

    Attributes:
        name: What it is called.
        comparison: Of their scores.
        how: How it was tuned, behind its name.
        notes: What is to be said of it beside the scores.
        unfair: What favours the found one, if anything does.
    """

    name: str
    comparison: Comparison
    how: str = ""
    notes: tuple[str, ...] = ()
    unfair: str | None = None

    @property
    def is_fair(self) -> bool:
        """Whether nothing favours the found one, or the other is ahead in spite of it."""
        return self.unfair is None or self.side < 0

    @property
    def side(self) -> int:
        """1 where the found one is ahead by more than chance, -1 where it is behind, else 0."""
        errors = self.comparison.errors
        if errors is None or abs(errors) < self.comparison.sure:
            return 0
        return 1 if errors > 0.0 else -1


def audit_verdict(audit: Audit, among: str = _OF_A_RUN, best: Audit | None = None) -> str:
    """One sentence: whether the search gained anything, how much, how sure.

    It is about the found architecture trained once more, and not about the model of the run: that
    is the best of several trainings on the rows that it is scored on.

    Args:
        audit: What was found.
        among: What the hand-made system was looked for in, where there is none.
        best: The same audit with another hand-made system as its reference, the best there is;
            None where there is no better one than that of the audit.
    """
    rivals = _rivals(audit)
    if best is not None and best.reference is not None:
        name = f"the best hand-made system here ({words.system(best.reference_name)})"
        rivals.append(_reference(best, best.reference)._replace(name=name))
    if not rivals:
        return (
            "Whether the search gained anything is not known: neither random architectures nor the "
            f"{words.system(audit.reference_name)} could be set beside what it found."
        )
    label = words.metric(audit.metric).label
    own = "the model of the run, the best of several trainings," if audit.found is None else _FOUND
    first, *others = map(_clause, rivals)
    clauses = [f"{own} {first}", *(f"it {other}" for other in others)]
    if audit.reference is None:
        clauses.append(_absence(audit, among))
    return f"{_lead(rivals)}: by validation {label}, {', and '.join(clauses)}."


def _rivals(audit: Audit) -> list[_Rival]:
    rivals = []
    if audit.found is not None and audit.random is not None:
        comparison = compared(audit.metric, audit.found, audit.random)
        rivals.append(_Rival(_RANDOM, comparison))
    if audit.reference is not None:
        rivals.append(_reference(audit, audit.reference))
    return rivals


def _absence(audit: Audit, among: str) -> str:
    """Why the hand-made system is not there."""
    name = f"the {words.system(audit.reference_name)}"
    if audit.reference_failure is not None:
        return f"{name} has no score ({audit.reference_failure.rstrip('.')})"
    return f"{name} is not among {among.format(name=audit.reference_name)}"


def _tuning(audit: Audit) -> tuple[str, tuple[str, ...]]:
    """How the hand-made system was tuned, and what tunes it further."""
    number = audit.reference_trials
    if number > 1:
        return f", tuned by {number} trials", (f"the best of those {number} on these rows",)
    if audit.reference_name.partition("@")[0] in _WITHOUT_SETTINGS:
        return "", ()
    if audit.reference_tried > 1:
        return ", tuned in its prior alone", (f"{_TUNE} tunes the rest",)
    return ", not tuned", (f"{_TUNE} tunes it",)


def _reference(audit: Audit, score: Score) -> _Rival:
    """The hand-made system, which was trained once, as the found architecture was once more."""
    name, unfair = f"the {words.system(audit.reference_name)}", None
    if audit.reference_cut_at is not None:
        noun = "tree" if audit.reference_name.partition("@")[0] == words.TREES else "epoch"
        unfair = f"a time limit ended its training after {counted(audit.reference_cut_at, noun)}"
    elif audit.found is None:
        unfair = "trained once"
    comparison = compared(audit.metric, audit.found or audit.result, score)
    return _Rival(name, comparison, *_tuning(audit), unfair)


def compared(metric: str, own: Score, other: Score | RandomScore) -> Comparison:
    """A score beside another one; their errors are added as if the rows were different ones."""
    known = [each.error for each in (own, other) if each.error is not None]
    error = math.hypot(*known) if len(known) == 2 else None
    value = other.mean if isinstance(other, RandomScore) else other.value
    return Comparison(metric, own.value, value, error)


def _lead(rivals: list[_Rival]) -> str:
    ahead, behind, level = (
        [rival.name for rival in rivals if rival.side == side and rival.is_fair]
        for side in (1, -1, 0)
    )
    if behind:
        return f"The search did not pay: {' and '.join(behind)} {_are(len(behind))} better"
    if not ahead:
        return "The search gained nothing that these rows can show"
    if level:
        return (
            f"The search gained something over {_both(ahead)}, and nothing over {_both(level)} "
            "that these rows can show"
        )
    return f"The search gained something over {_both(ahead)}"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _both(names: list[str]) -> str:
    return " and over ".join(names)


def _clause(rival: _Rival) -> str:
    comparison = rival.comparison
    gap, side = abs(comparison.difference), "ahead of"
    if comparison.difference < 0.0:
        side = "behind"
    sure = "how much of that is chance is not known"
    if comparison.errors is not None:
        times = abs(comparison.errors)
        sure = f"{times:.1f} times the standard error of {comparison.error:.4f}"
    notes = [sure, *rival.notes]
    if rival.unfair is not None:
        notes.append(f"{rival.unfair}: no fair rival")
    return (
        f"is {gap:.4f} {side} {rival.name}{rival.how} ({comparison.own:.4f} and "
        f"{comparison.other:.4f}; {'; '.join(notes)})"
    )


def start_verdict(audit: Audit) -> str | None:
    """Whether inherited weights beat new ones (appendix F of the paper); None if not compared."""
    if not audit.starts:
        return None
    best = max(audit.starts, key=lambda start: max(start.inherited.value, start.scratch.value))
    comparison = compared(audit.metric, best.inherited, best.scratch)
    how = "trained on from" if best.kind == "fine-tuned" else "with"
    verb = "did not beat"
    if comparison.difference > 0.0:
        is_sure = comparison.errors is not None and comparison.errors >= comparison.sure
        verb = "beat" if is_sure else "scored higher than"
    number = sum(start.inherited.value > start.scratch.value for start in audit.starts)
    each = ""
    if len(audit.starts) > 1:
        each = f" It is ahead in {number} of {len(audit.starts)} architectures."
    return (
        f"Starting from inherited weights {verb} starting from new ones: validation "
        f"{words.metric(audit.metric).label} {comparison.own:.4f} for one architecture {how} the "
        f"supernet's weights, {comparison.other:.4f} for the same trained from scratch. "
        f"{certainty(comparison)}{each}"
    )


def left_out_sentence(audit: Audit) -> str | None:
    """What of the audit came to nothing, or not yet; None where all of it was trained."""
    sentences = []
    if audit.num_failed:
        what = counted(audit.num_failed, "training")
        sentences.append(f"{what} diverged and {_are(audit.num_failed)} left out.")
    if audit.num_missing:
        what = counted(audit.num_missing, "architecture")
        sentences.append(
            f"The time limit left {what} untrained: the same command, given once more, goes on."
        )
    return " ".join(sentences) or None


def step_sentence(step: StepAudit) -> str:
    """What the rank correlation of a step says."""
    correlation = step.correlation
    of = f"{correlation.count} of {step.num_scored:,}"
    if correlation.tau is None or correlation.low is None or correlation.high is None:
        return f"{of}: all of them have the same score, so there is no order to compare."
    text = (
        f"Kendall's tau {correlation.tau:.2f} over {of} (bootstrap interval "
        f"{correlation.low:.2f} to {correlation.high:.2f}, p {correlation.p_value:.3f})"
    )
    if not correlation.is_sure:
        return f"{text}: no order that chance would not give."
    if correlation.tau < 0.0:
        return f"{text}: the worse the inherited score, the better alone."
    return f"{text}: the inherited scores rank better than chance."
