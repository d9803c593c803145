"""What `AmerSearch.fit` takes: splits, a whole data set, a `tf.data`, or a table of raw columns."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from amer_tf.features import FeatureSpec
from amer_tf.search.split_checks import SplitError

_FINGERPRINT_ROWS = 1024


def as_splits(spec: FeatureSpec, train: Any, validation: Any) -> tuple[Any, Any]:
    """A training and a validation split.

    Args:
        spec: The fitted spec.
        train: A split, as `data_pipelines.load` gives it, which is left as it is; all that it
            gives, with both splits, or the folder that it reads; or of task ctr a finite
            `tf.data.Dataset` of encoded rows or batches, or a table of raw columns: a pandas
            DataFrame, a pyarrow Table or a mapping of arrays, with the label under its name.
            Datasets and tables are held in memory.
        validation: Likewise; None where `train` has both.

    Raises:
        SplitError: Where something else is given, or a folder of another spec.
        DatasetError: Where a `tf.data` holds no labelled rows, or a table lacks a column, or holds
            other values than the spec says.
    """
    if validation is None:
        if isinstance(train, (str, os.PathLike)):
            train = _load(spec, train)
        if not hasattr(train, "train") or not hasattr(train, "validation"):
            raise SplitError(
                "`fit` takes a training and a validation split, or a data set with both, as "
                "`data_pipelines.load` gives it, or the folder that this reads. "
                f"Received: {type(train).__name__}, and no validation"
            )
        train, validation = train.train, train.validation
    return _as_split(spec, train, "training"), _as_split(spec, validation, "validation")


def _load(spec: FeatureSpec, folder: str | os.PathLike[str]) -> Any:
    """A prepared folder, by `data_pipelines` if the program has imported that.

    Raises:
        SplitError: Where it has not, or the folder was prepared with another spec.
    """
    data_pipelines = sys.modules.get("data_pipelines")
    if data_pipelines is None:
        raise SplitError(
            "A prepared folder is read by `data_pipelines`: import it first, or give "
            f"`data_pipelines.load({os.fspath(folder)!r})`. Received: a path"
        )
    data = data_pipelines.load(folder)
    if spec_digest(data.spec) != spec_digest(spec):
        raise SplitError(
            "The folder must be prepared with the spec of the search: take "
            f"`FeatureSpec.load({os.fspath(folder)!r})`. Received: a folder of another spec"
        )
    return data


def as_evaluation_split(spec: FeatureSpec, data: Any) -> Any:
    """A split to measure models on, of all that `as_splits` takes for validation.

    Raises:
        SplitError: Where something else is given.
        DatasetError: Where a `tf.data` holds no labelled rows, or a table lacks a column, or holds
            other values than the spec says.
    """
    return _as_split(spec, data, "evaluation")


def _as_split(spec: FeatureSpec, data: Any, name: str) -> Any:
    if hasattr(data, "batches") or hasattr(data, "num_examples"):
        return data
    is_dataset, is_table = hasattr(data, "element_spec"), is_raw_table(data)
    if spec.task != "ctr" or not (is_dataset or is_table):
        kinds = "a split, a tf.data or a table" if spec.task == "ctr" else "a split"
        raise SplitError(
            f"The {name} data of task {spec.task!r} must be {kinds}: prepare other data with "
            f"`data_pipelines.prepare`. Received: {type(data).__name__}"
        )
    from amer_tf.training.array_split import ArrayEvaluationSplit, ArrayTrainingSplit, read_dataset

    kind = ArrayTrainingSplit if name == "training" else ArrayEvaluationSplit
    if is_dataset:
        return kind(*read_dataset(data, spec))
    from amer_tf.export.raw_table import encode_table

    return kind(*encode_table(spec, data))


def spec_digest(spec: FeatureSpec) -> str:
    """A short digest of a spec and its vocabularies' values, wherever their files stand."""
    data = spec.to_dict()
    for entry, vocabulary in zip(data["vocabularies"], spec.vocabularies, strict=True):
        if vocabulary.file is not None:
            content = pathlib.Path(vocabulary.file).read_bytes()
            entry["file"] = hashlib.sha256(content).hexdigest()
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]


def fingerprint(spec: FeatureSpec, train: Any, validation: Any, test: Any = None) -> dict[str, Any]:
    """What tells these splits from others at little cost: their lengths, and one batch of each.

    Args:
        spec: The fitted spec.
        train: Training split; its batches are shuffled, so that its length and labels are taken.
        validation: Validation split.
        test: Test split, where it counts.
    """
    found = {"training examples": train.num_examples}
    if spec.task == "ctr":
        labels = np.ascontiguousarray(train.labels)
        found["digest of the training labels"] = hashlib.sha256(labels.tobytes()).hexdigest()[:16]
    for name, split in (("validation", validation), ("test", test)):
        if split is not None:
            found[f"{name} examples"] = split.num_examples
            found[f"digest of the first {name} examples"] = _digest(spec, split)
    return found


def _digest(spec: FeatureSpec, split: Any) -> str:
    """Of the first examples of a validation or test split."""
    options = {} if spec.task == "ctr" else {"candidates": None}
    batches = split.batches(min(_FINGERPRINT_ROWS, split.num_examples), **options)
    inputs, labels, *_ = next(iter(batches.as_numpy_iterator()))
    named = {**inputs, **(labels if isinstance(labels, Mapping) else {"label": labels})}
    digest = hashlib.sha256()
    for name in sorted(named):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(named[name]).tobytes())
    return digest.hexdigest()[:16]


def is_raw_table(data: Any) -> bool:
    """Whether this is a pandas DataFrame, a pyarrow Table or a mapping of columns."""
    is_frame = hasattr(data, "columns") and hasattr(data, "iloc")
    return isinstance(data, Mapping) or is_frame or hasattr(data, "column_names")
