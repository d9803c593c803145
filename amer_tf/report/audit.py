"""Whether the search gained anything: inherited scores beside scores of the same trained alone."""

from __future__ import annotations

from typing import Any

from amer_tf.report import words
from amer_tf.report.audit_verdict import (
    audit_verdict,
    left_out_sentence,
    start_verdict,
    step_sentence,
)
from amer_tf.report.markup import Estimate, Html, figure, joined, paragraph, table
from amer_tf.report.plots import COLORS, plot
from amer_tf.report.run_record import RunRecord
from amer_tf.report.sampled import side_by_side
from amer_tf.search.audit_findings import LOSSES, Audit, StepAudit
from amer_tf.wording import counted

NAMES = {"behavior": "Behaviour networks", "interaction": "Interactions", "mlp": "MLPs"}


def audit_section(record: RunRecord) -> Html | None:
    """Sentences, scores and a scatter plot; None of a run without an audit."""
    audit = record.result.audit()
    if audit is None:
        return None
    parts = [paragraph(audit_verdict(audit), class_="headline"), _scores(audit)]
    if audit.steps:
        parts += [_plot(audit), _taus(audit)]
        parts += [paragraph(f"{NAMES[step.step]}: {step_sentence(step)}") for step in audit.steps]
    start = start_verdict(audit)
    return joined([*parts, paragraph(start) if start else "", paragraph(_how(audit))])


def _scores(audit: Audit) -> Html:
    label = words.metric(audit.metric).label
    rows: list[list[Any]] = [
        ["The model of the run", Estimate(audit.result.value, audit.result.error), None]
    ]
    if audit.found is not None:
        name = "The found architecture, trained alone"
        rows.append([name, Estimate(audit.found.value, audit.found.error), None])
    if audit.random is not None:
        name = f"A random architecture, trained alone (mean over {audit.random.count})"
        rows.append([name, Estimate(audit.random.mean, audit.random.error), audit.random.deviation])
    if audit.reference is not None:
        name = f"{words.system(audit.reference_name)}, made by hand"
        rows.append([name, Estimate(audit.reference.value, audit.reference.error), None])
    headers = ["What", f"Validation {label}", "Spread over architectures"]
    return table("What the search gained", headers, rows, [0])


def _taus(audit: Audit) -> Html:
    headers = ["Step", "By", "Trained", "Of", "Kendall's tau", "From", "To", "p"]
    rows = []
    for step in audit.steps:
        found = step.correlation
        rows.append(
            [
                *(NAMES[step.step], words.metric(step.measured_by).label),
                *(found.count, step.num_scored, found.tau, found.low, found.high, found.p_value),
            ]
        )
    return table("Rank correlation, with its bootstrap interval", headers, rows)


def points(step: StepAudit) -> tuple[list[float], list[float]]:
    """Inherited and own scores as people read them: losses are positive, gains stay gains."""
    is_loss = step.measured_by in LOSSES
    own = -1.0 if is_loss else 1.0
    inherited = 1.0 if step.step == "interaction" else own
    return [inherited * value for value in step.inherited], [own * value for value in step.alone]


def _plot(audit: Audit) -> Html:
    def draw(figure: Any) -> None:
        for axes, step in zip(side_by_side(figure, len(audit.steps)), audit.steps, strict=True):
            label = words.metric(step.measured_by).label
            inherited, alone = points(step)
            what = f"gain in {label} in" if step.step == "interaction" else f"{label} in"
            axes.set_title(NAMES[step.step])
            axes.set_xlabel(f"{what} the supernet")
            axes.set_ylabel(f"validation {label}, trained alone")
            axes.errorbar(
                inherited,
                alone,
                yerr=[error or 0.0 for error in step.errors],
                fmt="o",
                markersize=6,
                color=COLORS["first"],
                ecolor=COLORS["quiet"],
                elinewidth=1.0,
            )

    in_words = "; ".join(
        f"{NAMES[step.step]}: "
        + ", ".join(f"{one:.4f} and {other:.4f}" for one, other in zip(*points(step), strict=True))
        for step in audit.steps
    )
    image = plot(
        "audit-points", f"Inherited scores and scores of the same alone. {in_words}.", draw
    )
    return figure(
        image,
        "Each point is one architecture, at its score with inherited weights (of an interaction, "
        "its gain) and its score trained alone, with the standard error over the rows. The nearer "
        "the points come to a rising line (a falling one where a gain stands beside a loss), the "
        "better the search's scores rank; a cloud says that they rank nothing.",
    )


def _how(audit: Audit) -> str:
    text = (
        "For this, architectures at evenly spaced ranks of the inherited scores were trained from "
        f"new weights, all in one way, for at most {counted(audit.epochs, 'epoch')}, and so was "
        "the found one. Each was trained once: what another seed would change is no part of the "
        "errors of single scores."
    )
    if audit.random is not None:
        text += (
            " Random architectures were drawn for themselves, each choice of the searched steps at "
            "random."
            if audit.random.is_drawn
            else " They stand for random ones too: what was scored was drawn at random, and each "
            "counts for as many as lie around its rank."
        )
    left_out = left_out_sentence(audit)
    return text if left_out is None else f"{text} {left_out}"
