"""Prepared data as a search, a training and an evaluation use them."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import pathlib
from typing import Any

import numpy as np
import numpy.typing as npt

from amer_tf.features import FeatureSpec
from data_pipelines import next_item, records
from data_pipelines.ctr_table import split_file
from data_pipelines.errors import reading
from data_pipelines.evaluation_split import EvaluationSplit
from data_pipelines.example_rows import ExampleRows, FlatRows, JoinedRows, Shared
from data_pipelines.folder import read_head
from data_pipelines.row_layout import RowLayout
from data_pipelines.sequence_store import SequenceStore
from data_pipelines.table_split import TableEvaluationSplit, TableTrainingSplit
from data_pipelines.training_split import TrainingSplit


@dataclasses.dataclass(frozen=True, eq=False)
class PreparedData:
    """A data folder that `prepare` wrote.

    Args:
        folder: The folder.
        spec: The fitted FeatureSpec.
        counts: What `prepare` counted.
        train: Training examples: a `TrainingSplit` (`"next_item"`) or `TableTrainingSplit`
            (`"ctr"`).
        validation: Validation examples: an `EvaluationSplit` or `TableEvaluationSplit`.
        test: Test examples, likewise.
        catalog: For `"next_item"` int32 `[item ids, width]`: the encoded values of each target
            field besides the item id, in the order of the spec; None where the spec has none.
    """

    folder: pathlib.Path
    spec: FeatureSpec
    counts: dict[str, Any]
    # Of the classes of either task: a user knows which, a type checker cannot.
    train: Any
    validation: Any
    test: Any
    catalog: npt.NDArray[np.int32] | None = None

    @functools.cached_property
    def item_names(self) -> dict[str, str]:
        """Display names by raw item id (as text); empty where the data set has none."""
        file = self.folder / next_item.ITEM_NAMES_FILE
        with reading(file):
            if not file.is_file():
                return {}
            names: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
        return names

    def verify(self) -> None:
        """Compares all encoded rows with their checksums, also those of large files.

        Raises:
            DataError: Where a block of rows is damaged.
        """
        for file in sorted(self.folder.glob("*.records")):
            records.load(file).verify()


def load(data_dir: str | os.PathLike[str], *, max_length: int | None = None) -> PreparedData:
    """Opens a data folder.

    Args:
        data_dir: Folder that `prepare` wrote.
        max_length: Steps of the history, where they are to differ from the prepared spec's; not
            for rows of task ctr that hold a history each.

    Raises:
        DataError: Where a file is missing, truncated or damaged, or belongs to other data.
    """
    folder = pathlib.Path(data_dir)
    counts = read_head(folder)["counts"]
    spec = FeatureSpec.load(folder)
    if spec.task == "ctr":
        return _load_table(folder, spec, counts, max_length)
    if max_length is not None:
        spec = dataclasses.replace(spec, max_length=max_length)
    return _load_sequences(folder, spec, counts)


def _load_sequences(
    folder: pathlib.Path, spec: FeatureSpec, counts: dict[str, Any]
) -> PreparedData:
    store = SequenceStore.load(spec, folder)
    validation, test = (
        EvaluationSplit(store, records.load(folder / file).rows)
        for file in (next_item.VALIDATION_FILE, next_item.TEST_FILE)
    )
    catalog = None
    if spec.catalog_fields:
        catalog = records.load(folder / next_item.CATALOG_FILE).rows
    train = TrainingSplit(store, catalog)
    return PreparedData(folder, spec, counts, train, validation, test, catalog)


def _load_table(
    folder: pathlib.Path, spec: FeatureSpec, counts: dict[str, Any], max_length: int | None
) -> PreparedData:
    shared = Shared.load(folder)
    if max_length is not None:
        if shared is None or shared.behaviors is None:
            raise ValueError(
                "Rows that hold a history each are stored with the length that they were prepared "
                f"with. Received: max_length={max_length}"
            )
        spec = dataclasses.replace(spec, max_length=max_length)

    def rows(name: str) -> ExampleRows:
        stored = records.load(folder / split_file(name))
        layout = RowLayout.from_json(stored.layout)
        if shared is None:
            return FlatRows(stored.rows, layout)
        return JoinedRows(spec, stored.rows, layout, shared)

    return PreparedData(
        folder,
        spec,
        counts,
        TableTrainingSplit(spec, rows("train")),
        TableEvaluationSplit(spec, rows("validation")),
        TableEvaluationSplit(spec, rows("test")),
    )
