"""What an export of task ctr answers is what the Python model says of the same raw rows."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.saved_model import fingerprinting_utils

from amer_tf.architecture import Architecture, HiddenLayer
from amer_tf.export import ExportError, export
from amer_tf.export.export_folder import is_exported
from amer_tf.features import (
    CategoricalField,
    FeatureSpec,
    MultiValuedField,
    Normalization,
    NumericField,
    Vocabulary,
)
from amer_tf.models import aggregation
from tests.export import small_models
from tests.export.test_examples import example
from tests.search import nets

SPEC = FeatureSpec(
    fields=(
        NumericField("price", "context", Normalization(0.0, 5.0, 2.0, log=True)),
        CategoricalField("country"),
        CategoricalField("ad", "target"),
        MultiValuedField("tags", "target", max_values=2),
        CategoricalField("hour", "context"),
    ),
    vocabularies=(
        Vocabulary("country", "hash", size=5),
        Vocabulary("ad", "values", values=("été", " lead", "1")),
        Vocabulary("tags", "values", dtype="int64", values=(5, 7, -1)),
        Vocabulary("hour", "integer", dtype="int64", size=24),
    ),
    label="click",
)
ARCHITECTURE = Architecture(
    interactions=(("ad", "country"), ("ad", "country", "tags")),
    mlp=(HiddenLayer("relu", units=6), HiddenLayer("dice", units=4)),
    shortcut="squeeze_excitation",
)
ROWS = (
    {"ad": "été", "country": "nl", "tags": [5, 7], "hour": 3, "price": 2.5},
    {"ad": "1", "country": "be", "tags": [], "hour": 23, "price": 1e9},
    # Unknown and missing values of every kind, and a set that is longer than the model reads.
    {"ad": "no such", "tags": [6, -1, 5], "hour": 24, "price": -3.0},
    {"ad": "", "country": "", "tags": None, "hour": -1, "price": None},
    {"ad": " lead", "country": "no such"},
)


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> small_models.Exported:
    case = small_models.make(SPEC, ARCHITECTURE)
    aggregation.calibrate(case.model, 0.5, -1.0)
    return small_models.load(case, tmp_path_factory.mktemp("ctr") / "1")


@pytest.fixture(scope="module")
def expected(exported) -> np.ndarray:
    """Logits of the Python model."""
    inputs = {
        field.name: np.array([exported.case.encoded(field, row.get(field.name)) for row in ROWS])
        for field in SPEC.fields
    }
    return np.asarray(exported.case.model(inputs, training=False))


def columns(rows=ROWS):
    missing = {"ad": "", "country": "", "hour": -1, "price": float("nan")}
    values = {
        name: [none if row.get(name) is None else row[name] for row in rows]
        for name, none in missing.items()
    }
    none = -(2**63)
    sets = [(row.get("tags") or []) + [none] * 3 for row in rows]
    return {**values, "tags": [values[:3] for values in sets]}


def test_answers_are_those_of_the_python_model(exported, expected):
    answer = exported.ask("serving_default", **columns())
    assert set(answer) == {"logit", "probability"}
    np.testing.assert_allclose(answer["logit"], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(answer["probability"], 1 / (1 + np.exp(-expected)), rtol=1e-5)
    assert len(np.unique(np.round(expected, 4))) == len(ROWS)


def test_every_row_alone_is_answered_alike(exported, expected):
    for index, row in enumerate(ROWS):
        answer = exported.ask("serving_default", **columns([row]))
        np.testing.assert_allclose(answer["logit"], expected[index : index + 1], atol=1e-6)


def test_no_rows(exported):
    answer = exported.ask("serving_default", ad=np.zeros([0], str))
    assert answer["logit"].shape == (0,)


def test_columns_may_be_left_out(exported):
    answer = exported.ask("serving_default", ad=["été", "1"])
    whole = columns([{"ad": "été"}, {"ad": "1"}])
    expected = exported.ask("serving_default", **whole)
    np.testing.assert_allclose(answer["logit"], expected["logit"], atol=1e-6)
    [rows] = [s for s in saved_signatures(exported) if s[0] == "serving_default"]
    # The first field of the target says how many rows there are.
    assert rows[1] == ["country", "hour", "price", "tags"]


def saved_signatures(exported):
    text = (exported.folder / "saved_model.pb").read_bytes()
    [graph] = saved_model_pb2.SavedModel.FromString(text).meta_graphs
    return [(name, sorted(each.defaults)) for name, each in graph.signature_def.items()]


def serialized(rows):
    return [
        example(
            **{
                name: value if isinstance(value, list) else [value]
                for name, value in row.items()
                if value is not None
            }
        )
        for row in rows
    ]


def test_serialised_examples(exported, expected):
    answer = exported.ask("predict_examples", examples=serialized(ROWS))
    np.testing.assert_allclose(answer["logit"], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"country": ["nl", "be"]},
            r"'country\W+ must have as many rows as column \W+ad",
        ),
        ({"tags": np.zeros([2, 3], "int64")}, r"'tags\W+ must have as many rows as column \W+ad"),
        ({"price": [[1.0]]}, "price.*rank|rank.*price|shape"),
    ],
)
def test_malformed_requests_name_the_column(exported, change, message):
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError, TypeError), match=message):
        exported.ask("serving_default", **{**columns(), **change})


def classes(exported, signature):
    """The answer of Classify or Regress, and the method name that servers look for."""
    text = (exported.folder / "saved_model.pb").read_bytes()
    [graph] = saved_model_pb2.SavedModel.FromString(text).meta_graphs
    return exported.ask(signature, inputs=serialized(ROWS)), graph.signature_def[signature]


def test_classify(exported, expected):
    answer, signature = classes(exported, "classify_examples")
    assert signature.method_name == "tensorflow/serving/classify"
    assert sorted(signature.outputs) == ["classes", "scores"]
    assert list(signature.inputs) == ["inputs"]
    assert answer["classes"].tolist() == [[b"0", b"1"]] * len(ROWS)
    chances = 1 / (1 + np.exp(-expected))
    scores = np.stack([1 - chances, chances], axis=1)
    np.testing.assert_allclose(answer["scores"], scores, rtol=1e-6, atol=1e-6)


def test_regress(exported, expected):
    answer, signature = classes(exported, "regress_examples")
    assert signature.method_name == "tensorflow/serving/regress"
    assert list(signature.outputs) == ["outputs"]
    assert list(signature.inputs) == ["inputs"]
    chances = 1 / (1 + np.exp(-expected))
    np.testing.assert_allclose(answer["outputs"], chances, rtol=1e-6, atol=1e-6)


def test_no_examples_are_classified(exported):
    answer = exported.ask("classify_examples", inputs=[])
    assert answer["classes"].shape == answer["scores"].shape == (0, 2)
    with pytest.raises(tf.errors.InvalidArgumentError, match="tensor inputs .1,1. is not"):
        exported.ask("regress_examples", inputs=[[b""]])


def test_other_method_names_stay(exported):
    text = (exported.folder / "saved_model.pb").read_bytes()
    [graph] = saved_model_pb2.SavedModel.FromString(text).meta_graphs
    names = {name: signature.method_name for name, signature in graph.signature_def.items()}
    for name in ("serving_default", "predict_examples", "score_candidates"):
        assert names[name] == "tensorflow/serving/predict"
    assert "predict_ragged" not in names


def test_the_fingerprint_is_that_of_the_rewritten_file(exported, tmp_path):
    read = tf.saved_model.experimental.read_fingerprint
    copy = shutil.copytree(exported.folder, tmp_path / "copy")
    (copy / "fingerprint.pb").unlink()
    fingerprinting_utils.write_fingerprint(str(copy))
    assert read(str(exported.folder)) == read(str(copy))
    manifest = json.loads((exported.folder / "export.json").read_text())
    assert is_exported(exported.folder, manifest["digest"])


def test_candidates_without_behaviour(exported):
    user = {"country": ["nl"], "hour": [3], "price": [2.5]}
    ads, tags = ["été", "1", "no such"], [[5, 7], [5, -(2**63)], [-1, 5]]
    answer = exported.ask("score_candidates", **user, ad=ads, tags=tags)
    rows = {name: value * 3 for name, value in user.items()}
    expected = exported.ask("serving_default", **rows, ad=ads, tags=tags)
    np.testing.assert_allclose(answer["logit"], expected["logit"], rtol=1e-6, atol=1e-6)
    assert "Without behaviour this saves no more" in (exported.folder / "README.md").read_text()


def test_readme(exported):
    text = (exported.folder / "README.md").read_text()
    assert "The chance of the label 1 (click) for each row." in text
    assert '| `ad` | string | [batch] | `""` | no | target: a value |' in text
    assert "ad*country; ad*country*tags; 6 relu; 4 dice" in text


def test_a_table_without_a_target_is_led_by_its_first_field(tmp_path):
    spec = FeatureSpec(
        (CategoricalField("a"), CategoricalField("b")),
        (Vocabulary("a", "values", values=("x", "y")), Vocabulary("b", "values", values=("z",))),
        label="y",
    )
    case = small_models.make(spec, Architecture(mlp=(HiddenLayer("relu", units=3),)))
    answer = small_models.load(case, tmp_path / "1").ask("serving_default", a=["x", "y"])
    assert answer["logit"].shape == (2,)


def test_refused(tmp_path):
    model = small_models.make(SPEC, ARCHITECTURE).model
    with pytest.raises(ExportError, match=r"must have the inputs \['history_item_id'"):
        export(model, nets.next_item_spec(), Architecture(), tmp_path / "1")
    assert not (tmp_path / "1").exists()
