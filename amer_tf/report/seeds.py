"""Mean and spread of each system over several runs."""

from __future__ import annotations

from collections.abc import Sequence

from amer_tf.report import runs, words
from amer_tf.report.markup import Estimate, Html, joined, paragraph, table
from amer_tf.report.run_record import RunRecord
from amer_tf.report.words import FOUND


def over_seeds(records: Sequence[RunRecord]) -> Html | None:
    """A table for each split that was measured; None of a single run."""
    if len(records) < 2:
        return None
    first = records[0]
    places = {place: None for record in records for place in record.evaluations()}
    parts = [_table(records, "Validation split", None)]
    parts += [_table(records, words.plain(words.place(place)), place) for place in places]
    seeds = ", ".join(str(seed) for seed in sorted({record.seed for record in records}))
    return joined(
        [
            paragraph(
                f"{len(records)} runs on the same data, seeds {seeds}. ± is the standard deviation "
                "over the seeds: how much a result changes when everything that is random is drawn "
                "again. All other parts of this page are about the run with seed "
                f"{first.seed}."
            ),
            *parts,
        ]
    )


def _table(records: Sequence[RunRecord], title: str, place: tuple[str, str] | None) -> Html:
    ranked_by, names = records[0].ranked_by, records[0].result.METRICS
    by_metric = {
        name: {
            system: runs.spread(values)
            for system, values in runs.scores(records, name, place).items()
        }
        for name in names
    }
    sign = -1.0 if words.metric(ranked_by).lower_is_better else 1.0
    order = sorted(
        by_metric[ranked_by], key=lambda system: -sign * by_metric[ranked_by][system].mean
    )
    seeds = sorted({record.seed for record in records})
    label = words.metric(ranked_by).label
    headers = ["System", "Runs", *(f"{words.metric(name).label}, mean" for name in names)]
    headers += [f"{label}, seed {seed}" for seed in seeds]
    rows = []
    for system in order:
        spreads = [by_metric[name].get(system) for name in names]
        values = by_metric[ranked_by][system].values
        rows.append(
            [
                system,
                len(values),
                *(spread and Estimate(spread.mean, spread.deviation) for spread in spreads),
                *(values.get(seed) for seed in seeds),
            ]
        )
    found = [number for number, name in enumerate(order) if name.startswith(words.system(FOUND))]
    return table(title, headers, rows, found)
