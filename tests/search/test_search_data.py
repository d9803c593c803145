from __future__ import annotations

import dataclasses
import os
import pathlib
import sys
import types

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from amer_tf import AmerSearch
from amer_tf.export import ExportError
from amer_tf.features import CategoricalField, FeatureSpec, NumericField, Vocabulary
from amer_tf.search.search_data import as_evaluation_split, as_splits, fingerprint
from amer_tf.search.split_checks import SplitError
from amer_tf.training.array_split import ArrayEvaluationSplit, ArrayTrainingSplit
from tests.search import nets

SPEC = FeatureSpec(
    fields=(CategoricalField("ad"),),
    vocabularies=(Vocabulary("ad", values=("a", "b"), source="values"),),
    label="click",
)
TABLE = pd.DataFrame({"ad": ["b", "a", "c", None], "click": [1, 0, 0, 1]})
IDS = np.array([3, 2, 1, 1], np.int32)


class Split:
    def batches(self):
        raise AssertionError


def test_splits_are_left_as_they_are():
    train, validation = Split(), Split()
    assert as_splits(SPEC, train, validation) == (train, validation)
    whole = types.SimpleNamespace(train=train, validation=validation)
    assert as_splits(SPEC, whole, None) == (train, validation)
    assert as_evaluation_split(SPEC, train) is train


@pytest.mark.parametrize(
    "data",
    [
        TABLE,
        TABLE.to_dict(orient="list"),
        tf.data.Dataset.from_tensor_slices(({"ad": IDS}, np.array([1, 0, 0, 1], np.float32))),
    ],
    ids=["pandas", "mapping", "tf.data"],
)
def test_rows_in_memory(data):
    train, validation = as_splits(SPEC, data, data)
    assert type(train) is ArrayTrainingSplit
    assert type(validation) is ArrayEvaluationSplit
    measured = as_evaluation_split(SPEC, data)
    assert type(measured) is ArrayEvaluationSplit
    for split in (train, validation, measured):
        np.testing.assert_array_equal(split.field_values("ad"), IDS)
        np.testing.assert_array_equal(split.labels, [1, 0, 0, 1])


def test_a_prepared_folder(ctr_data, tmp_path):
    spec = FeatureSpec.load(ctr_data.folder)
    for folder in (ctr_data.folder, str(ctr_data.folder), os.path.relpath(ctr_data.folder)):
        splits = as_splits(spec, folder, None)
        known = fingerprint(spec, ctr_data.train, ctr_data.validation)
        assert fingerprint(spec, *splits) == known
    # Wherever a vocabulary's file stands, it is the same.
    spec.save(tmp_path)
    as_splits(FeatureSpec.load(tmp_path), ctr_data.folder, None)


def test_a_folder_of_another_spec(ctr_data):
    message = r"must be prepared with the spec of the search: take `FeatureSpec.load\("
    with pytest.raises(SplitError, match=message):
        as_splits(SPEC, ctr_data.folder, None)


def test_a_folder_without_what_reads_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "data_pipelines")
    message = r"import it first, or give `data_pipelines.load\('data/shop'\)`. Received: a path"
    with pytest.raises(SplitError, match=message):
        as_splits(SPEC, pathlib.Path("data/shop"), None)


@pytest.mark.parametrize(
    ("spec", "arguments", "message"),
    [
        (SPEC, (TABLE, None), "takes a training and a validation split.*Received: DataFrame, and"),
        (SPEC, (TABLE, 5), "The validation data of task 'ctr' must be a split, a tf.data or a t"),
        (SPEC, ("data/shop", Split()), "training data .*data_pipelines.prepare.*Received: str"),
        (nets.next_item_spec(), (TABLE, TABLE), "of task 'next_item' must be a split: prepare"),
    ],
)
def test_refuses_other_data(spec, arguments, message):
    with pytest.raises(SplitError, match=message):
        as_splits(spec, *arguments)


def test_a_spec_with_numbers_must_be_fitted(tmp_path):
    fields = (*SPEC.fields, CategoricalField("page", vocabulary="ad"), NumericField("price"))
    spec = dataclasses.replace(SPEC, fields=fields)
    message = r"fit it to a table by data_pipelines.fit_spec. Received: fields\['price'\]"
    with pytest.raises(ExportError, match=message):
        AmerSearch(spec, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(ExportError, match=message):
        as_splits(spec, *[TABLE.assign(price=1.0, page="a")] * 2)


def test_refuses_to_evaluate_other_data():
    with pytest.raises(SplitError, match="The evaluation data of task 'ctr' must be .*: int"):
        as_evaluation_split(SPEC, 5)


def test_a_fingerprint_tells_data_from_others():
    def of(train, validation):
        return fingerprint(SPEC, *as_splits(SPEC, train, validation))

    known = of(TABLE, TABLE)
    assert known["training examples"] == 4
    assert of(TABLE.copy(), TABLE.copy()) == known
    shorter, other = TABLE[:3], TABLE.assign(click=[0, 1, 0, 1])
    assert of(shorter, TABLE)["training examples"] == 3
    assert of(TABLE, shorter)["validation examples"] == 3
    differing = {name for name, value in of(TABLE, other).items() if value != known[name]}
    assert differing == {"digest of the first validation examples"}
    differing = {name for name, value in of(other, TABLE).items() if value != known[name]}
    assert differing == {"digest of the training labels"}
