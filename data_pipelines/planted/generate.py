"""Writes planted data as a CSV file, its description, and the truth about it."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import log_loss, roc_auc_score

from data_pipelines.errors import DataError, writing
from data_pipelines.planted.model import PlantedModel, PlantedSpec, field_name, number_name
from data_pipelines.random_streams import mix
from data_pipelines.splits import NAMES

DATA_FILE = "planted.csv"
DESCRIPTION_FILE = "planted.json"
TRUTH_FILE = "truth.json"
CHUNK_ROWS = 1 << 16
_SHARES = (0.8, 0.9)


def generate(folder: str | os.PathLike[str], spec: PlantedSpec) -> dict[str, Any]:
    """Writes `planted.csv`, its description `planted.json`, and `truth.json`.

    The truth names the planted interactions and, for validation and test, the best AUC and log
    loss that any model can reach in expectation: those of the chances that the labels were drawn
    with.

    Args:
        folder: A new or an empty folder.
        spec: How the data are made.

    Returns: The truth.
    """
    target = pathlib.Path(folder)
    with writing(target):
        target.mkdir(parents=True, exist_ok=True)
        if any(target.iterdir()):
            raise DataError(f"`folder` must be empty. Received: {str(target)!r}")
    model = PlantedModel(spec)
    known = _write_rows(model, target)
    for name, (labels, _) in known.items():
        if len(set(labels.tolist())) < 2:
            (target / DATA_FILE).unlink()
            raise DataError(
                f"The {name} split of planted data must have both labels: make more rows, or a "
                f"positive rate nearer to a half. Received: {len(labels)} rows of {spec}"
            )
    truth = {
        "spec": dataclasses.asdict(spec),
        "interactions": model.names(model.interactions),
        "best": {
            name: {
                "auc": float(roc_auc_score(labels, chances)),
                "log_loss": float(log_loss(labels, chances)),
                "rows": len(labels),
            }
            for name, (labels, chances) in known.items()
        },
    }
    with writing(target):
        description = json.dumps(_description(spec), indent=2)
        (target / DESCRIPTION_FILE).write_text(description + "\n", encoding="utf-8")
        (target / TRUTH_FILE).write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8")
    return truth


def _write_rows(
    model: PlantedModel, folder: pathlib.Path
) -> dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]:
    """Writes all rows; gives labels and chances of validation and test."""
    import pyarrow
    from pyarrow import csv

    spec = model.spec
    texts = [pyarrow.array(_texts(field, size)) for field, size in enumerate(model.sizes)]
    names = pyarrow.array(NAMES)
    known: dict[str, list[Any]] = {name: [] for name in NAMES[1:]}
    writer = None
    with writing(folder), (folder / DATA_FILE).open("wb") as stream:
        for start in range(0, spec.num_rows, CHUNK_ROWS):
            size = min(CHUNK_ROWS, spec.num_rows - start)
            generator = np.random.default_rng([spec.seed, 2, start])
            values, numbers = model.draw(size, generator)
            chances = model.chances(values, numbers)
            labels = (generator.random(size) < chances).astype(np.int64)
            parts = np.searchsorted(_SHARES, generator.random(size), "right")
            columns = {"label": pyarrow.array(labels)}
            for number in range(spec.num_numbers):
                # Whole numbers, and nothing where one is missing.
                counts = np.nan_to_num(numbers[number]).astype(np.int64)
                column = pyarrow.array(counts, mask=np.isnan(numbers[number]))
                columns[number_name(number)] = column
            for field, text in enumerate(texts):
                columns[field_name(field)] = text.take(pyarrow.array(values[field]))
            columns["split"] = names.take(pyarrow.array(parts))
            batch = pyarrow.record_batch(columns)
            if writer is None:
                options = csv.WriteOptions(quoting_style="none")
                writer = csv.CSVWriter(stream, batch.schema, write_options=options)
            writer.write_batch(batch)
            for part, name in enumerate(NAMES[1:], 1):
                known[name].append((labels[parts == part], chances[parts == part]))
        if writer is not None:
            writer.close()
    return {
        name: (
            np.concatenate([labels for labels, _ in found]),
            np.concatenate([chances for _, chances in found]),
        )
        for name, found in known.items()
    }


def _texts(field: int, size: int) -> list[str]:
    """A text of eight hexadecimal digits for each value of a field, as in Criteo's files."""
    # A bijection of 64 bits, cut to 32, may meet itself: the value's number keeps texts apart.
    scrambled = mix(np.arange(size, dtype=np.uint64) + np.uint64(field << 32)) >> np.uint64(48)
    return [f"{number:04x}{value:04x}" for value, number in enumerate(scrambled.tolist())]


def _description(spec: PlantedSpec) -> dict[str, Any]:
    numbers = [
        {"name": number_name(number), "kind": "numeric", "log": True}
        for number in range(spec.num_numbers)
    ]
    fields = [field_name(field) for field in range(spec.num_fields)]
    return {
        "name": "planted",
        "task": "ctr",
        "files": {"events": DATA_FILE},
        "label": "label",
        "fields": [*numbers, *fields],
        "split": {"kind": "by_column", "column": "split"},
    }
