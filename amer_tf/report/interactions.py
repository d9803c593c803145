"""The interactions that were found, each with its gain and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amer_tf.report import words
from amer_tf.report.markup import Estimate, Html, drawing, element, joined, paragraph, table
from amer_tf.report.run_record import CHOSEN_INTERACTION, TUNING, RunRecord

_WIDTH, _HEIGHT = 200, 22


def interactions(record: RunRecord) -> Html | None:
    """Those that step 2 chose, as bars with error bars; None where it was not searched."""
    trials = record.of(CHOSEN_INTERACTION)
    if not trials:
        return _only_names(record)
    taken = record.architecture.interactions
    span = _span(trials)
    rows = []
    for trial in trials:
        error = trial["standard_error"]
        rows.append(
            [
                product(trial["interaction"]),
                _bar(trial["gain"], error, span),
                Estimate(trial["gain"], error, 5),
                tuple(sorted(trial["interaction"])) in taken,
            ]
        )
    settings = record.config["settings"]
    fitness = words.metric(settings.get("fitness", "log_loss")).label
    one_by_one = settings.get("selection") == "best"
    alone = "by itself" if one_by_one else "on top of those above it"
    was_tried = any(trial["setting"] == "num_interactions" for trial in record.of(TUNING))
    why = ", as many as predicted best when tried out" if was_tried else ""
    count = sum(bool(row[-1]) for row in rows)
    return joined(
        [
            paragraph(
                "An interaction is the product of the embeddings of its fields: it lets the model "
                "treat a combination of values differently from its parts. The search chose "
                f"{len(trials)}; the found model takes {count} of them{why}."
            ),
            table(
                f"Chosen interactions, in the order in which they were chosen, each gain {alone}",
                ["Interaction", "Gain", f"Gain in {fitness}", "In the model"],
                rows,
                [number for number, row in enumerate(rows) if row[-1]],
            ),
            paragraph(
                f"The bar is what the interaction gains in validation {fitness} {alone}, by the "
                "weights of the supernet; the whisker is one standard error to either side. A bar "
                "whose whisker reaches the zero line may be chance.",
                class_="how",
            ),
        ]
    )


def _only_names(record: RunRecord) -> Html | None:
    if not record.architecture.interactions:
        return None
    return element(
        "ul",
        *(element("li", product(names)) for names in record.architecture.interactions),
    )


def product(names: Sequence[str]) -> Html:
    """Field names with a cross between them."""
    return joined([element("code", name) for name in names], " \N{MULTIPLICATION SIGN} ")


def _span(trials: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """The smallest and the largest that a bar or its whisker reaches, zero among them."""
    errors = [trial["standard_error"] or 0.0 for trial in trials]
    low = min(trial["gain"] - error for trial, error in zip(trials, errors, strict=True))
    high = max(trial["gain"] + error for trial, error in zip(trials, errors, strict=True))
    return min(low, 0.0), max(high, 0.0)


def _bar(gain: float, error: float | None, span: tuple[float, float]) -> Html:
    low, high = span
    scale = (_WIDTH - 8) / ((high - low) or 1.0)

    def place(value: float) -> float:
        return round(4 + (value - low) * scale, 1)

    zero, end, middle = place(0.0), place(gain), _HEIGHT / 2
    parts = [
        element("path", d=f"M{zero} 0V{_HEIGHT}", class_="axis"),
        element(
            "rect", x=min(zero, end), y=5, width=round(abs(end - zero), 1), height=_HEIGHT - 10,
            class_="bar" if gain >= 0.0 else "bar negative",
        ),
    ]  # fmt: skip
    if error:
        left, right = place(gain - error), place(gain + error)
        ends = f"M{left} 7V{_HEIGHT - 7}M{right} 7V{_HEIGHT - 7}"
        parts.append(element("path", d=f"M{left} {middle}H{right}{ends}", class_="whisker"))
    return drawing(_WIDTH, _HEIGHT, f"gain {Estimate(gain, error, 5)}", *parts)
