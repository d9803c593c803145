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
from data_pipelines.errors import reading
from data_pipelines.evaluation_split import EvaluationSplit
from data_pipelines.folder import read_head
from data_pipelines.sequence_store import SequenceStore
from data_pipelines.training_split import TrainingSplit


@dataclasses.dataclass(frozen=True)
class PreparedData:
    """A data folder that `prepare` wrote.

    Args:
        folder: The folder.
        spec: The fitted FeatureSpec.
        counts: What `prepare` counted.
        train: Training examples.
        validation: Validation examples.
        test: Test examples.
        catalog: int32 `[item ids, width]`: the encoded values of each target field besides the
            item id, in the order of the spec; None where the spec has none.
    """

    folder: pathlib.Path
    spec: FeatureSpec
    counts: dict[str, Any]
    train: TrainingSplit
    validation: EvaluationSplit
    test: EvaluationSplit
    catalog: npt.NDArray[np.int32] | None = None

    @functools.cached_property
    def item_names(self) -> dict[str, str]:
        """Display names by raw item id (as text); empty where the data set has none."""
        file = self.folder / next_item.ITEM_NAMES_FILE
        if not file.is_file():
            return {}
        with reading(file):
            names: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
        return names


def load(data_dir: str | os.PathLike[str], *, max_length: int | None = None) -> PreparedData:
    """Opens a data folder.

    Args:
        data_dir: Folder that `prepare` wrote.
        max_length: Steps of the history, where they are to differ from the prepared spec's.

    Raises:
        DataError: Where a file is missing, truncated or damaged, or belongs to other data.
    """
    folder = pathlib.Path(data_dir)
    head = read_head(folder)
    spec = FeatureSpec.load(folder)
    if max_length is not None:
        spec = dataclasses.replace(spec, max_length=max_length)
    store = SequenceStore.load(spec, folder)
    train = TrainingSplit(store)
    item_counts = train.item_counts()
    catalog = None
    if spec.catalog_fields:
        catalog = records.load(folder / next_item.CATALOG_FILE).rows
    return PreparedData(
        folder=folder,
        spec=spec,
        counts=head["counts"],
        train=train,
        validation=EvaluationSplit(
            store, records.load(folder / next_item.VALIDATION_FILE).rows, item_counts
        ),
        test=EvaluationSplit(store, records.load(folder / next_item.TEST_FILE).rows, item_counts),
        catalog=catalog,
    )
