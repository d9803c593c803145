"""The function `export`: what it writes, that it can be repeated, and what it refuses."""

from __future__ import annotations

import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

import amer_tf.export
from amer_tf.architecture import Architecture
from amer_tf.export import ExportError, export
from amer_tf.export.saved_model import _SERVINGS
from amer_tf.features import (
    TASKS,
    FeatureSpec,
    Normalization,
    NumericField,
    SpecError,
    Vocabulary,
)
from tests.export import small_models


@pytest.fixture(scope="module")
def case():
    return small_models.int64s()


def replaced(case, **changes):
    return dataclasses.replace(case, spec=dataclasses.replace(case.spec, **changes))


def files(folder):
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_the_folder(exported):
    names = set(files(exported.folder))
    assert names == {
        "README.md",
        "architecture.json",
        "assets.extra/tf_serving_warmup_requests",
        "assets/hobbies.txt",
        "assets/item_id.txt",
        "assets/tags.txt",
        "export.json",
        "fingerprint.pb",
        "saved_model.pb",
        "spec.json",
        "variables/variables.data-00000-of-00001",
        "variables/variables.index",
    }
    assert FeatureSpec.load(exported.folder) == exported.case.spec
    text = (exported.folder / "architecture.json").read_text()
    assert Architecture.from_json(text) == exported.case.architecture


def test_the_graph(exported):
    saved = saved_model_pb2.SavedModel.FromString((exported.folder / "saved_model.pb").read_bytes())
    (graph,) = saved.meta_graphs
    functions = graph.graph_def.library.function
    assert not [function for function in functions if function.attr["_XlaMustCompile"].b]
    # Whatever is read back as an object is TensorFlow's own.
    kinds = {node.user_object.identifier for node in graph.object_graph_def.nodes}
    assert kinds == {"", "_generic_user_object", "trackable_list_wrapper", "signature_map"}
    assert {
        name: sorted(signature.defaults) for name, signature in graph.signature_def.items()
    } == {
        "__saved_model_init_op": [],
        "serving_default": ["age", "country", "history_gap", "history_tags", "hobbies"],
        "predict_examples": [],
        "recommend": [
            *("age", "country", "exclude_seen", "history_gap", "history_tags", "hobbies", "k")
        ],
    }
    defaults = graph.signature_def["recommend"].defaults
    assert tf.make_ndarray(defaults["k"]) == 10
    assert tf.make_ndarray(defaults["exclude_seen"])
    # No weight that only training needs, and no seed of a dropout.
    stored = tf.train.load_checkpoint(str(exported.folder / "variables" / "variables"))
    count = len(exported.case.model.weights) + 1
    assert len([key for key in stored.get_variable_to_shape_map() if "VARIABLE" in key]) == count


def test_long_vocabularies_stand_in_files(tmp_path):
    values = tuple(f"value {index}" for index in range(150))
    spec = dataclasses.replace(
        small_models.int64s().spec,
        vocabularies=(Vocabulary("item_id", "values", values=values),),
    )
    spec.save(tmp_path / "spec")
    spec = FeatureSpec.load(tmp_path / "spec")
    assert spec.vocabulary("item_id").source == "file"
    made = small_models.make(spec, Architecture())
    exported = small_models.load(made, tmp_path / "1")
    answer = exported.ask("recommend", history_item_id=[["value 7"]], k=1000)
    assert {item.decode() for item in answer["item_id"][0]} == {*values, ""} - {"value 7"}
    # What was exported does not need the file that it came from.
    (tmp_path / "spec" / "vocabularies" / "item_id.txt").unlink()
    read = FeatureSpec.load(exported.folder).vocabulary("item_id").read_values()
    assert read == values


def test_exporting_again_changes_nothing(case, tmp_path):
    folder = export(case.model, case.spec, case.architecture, tmp_path / "a" / "1")
    before = files(folder)
    stamps = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}
    assert export(case.model, case.spec, case.architecture, str(folder)) == folder
    assert files(folder) == before
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*")} == stamps
    assert [path.name for path in folder.parent.iterdir()] == ["1"]


def test_two_exports_have_the_same_content(case, tmp_path):
    # Names of functions and of tables in the graph are new ones in each process and each export.
    graph = {"saved_model.pb", "fingerprint.pb", "export.json"}
    first, second = (small_models.load(case, tmp_path / name) for name in ("1", "2"))
    assert first.folder == tmp_path / "1"
    one, other = files(first.folder), files(second.folder)
    assert {name: one[name] for name in one if name not in graph} == {
        name: other[name] for name in other if name not in graph
    }
    digests = [json.loads(content["export.json"])["digest"] for content in (one, other)]
    assert digests[0] == digests[1]
    asked = {"history_item_id": [[100, 0, -7], [-1, -1, -1]]}
    for name, answer in first.ask("recommend", **asked).items():
        np.testing.assert_array_equal(answer, second.ask("recommend", **asked)[name])


def test_two_exports_in_one_process_keep_their_vocabularies(tmp_path):
    # Tables of one name would be one table: the second export would answer with the first's items.
    made = small_models.int64s()
    other = replaced(
        made,
        vocabularies=(Vocabulary("item_id", "values", dtype="int64", values=(1, 2, 3, 4, 5)),),
    )
    one = small_models.load(made, tmp_path / "1")
    two = small_models.load(other, tmp_path / "2")
    asked = {"history_item_id": [[-1]], "exclude_seen": False}
    assert set(one.ask("recommend", **asked)["item_id"][0]) == set(small_models.NUMBERS)
    assert set(two.ask("recommend", **asked)["item_id"][0]) == {1, 2, 3, 4, 5}


def test_top_k_and_warmup(case, tmp_path):
    named = tmp_path / "shop"
    folder = export(case.model, case.spec, case.architecture, named, top_k=2, warmup=False)
    assert not (folder / "assets.extra").exists()
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    defaults = saved.meta_graphs[0].signature_def["recommend"].defaults
    assert tf.make_ndarray(defaults["k"]) == 2
    # Another top_k is another export.
    with pytest.raises(ExportError, match="which holds another export"):
        export(case.model, case.spec, case.architecture, folder, top_k=3, warmup=False)


def test_mixed_precision_answers_in_float32(tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        made = small_models.int64s()
    finally:
        keras.config.set_dtype_policy("float32")
    exported = small_models.load(made, tmp_path / "1", warmup=False)
    rows = small_models.ROWS["int64s"]
    asked = [made.items] * len(rows)
    answer = exported.ask("serving_default", **exported.columns(rows), item_id=asked)["scores"]
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer, made.scores(rows, asked), atol=2e-2)


def test_every_task_is_served():
    assert set(_SERVINGS) == set(TASKS)
    assert amer_tf.export.__all__ == ["ExportError", "export"]


def refused(case, **changes):
    arguments = {"model": case.model, "spec": case.spec, "architecture": case.architecture}
    options = {key: changes.pop(key) for key in ("top_k",) if key in changes}
    arguments.update(changes)
    return lambda folder: export(*arguments.values(), folder, **options)


def test_a_spec_that_has_not_been_fitted_is_refused(case, tmp_path):
    vocabulary = Vocabulary("item_id", "fit", dtype="int64")
    unfitted = replaced(case, vocabularies=(vocabulary,)).spec
    with pytest.raises(SpecError, match="'item_id'. has not been fitted"):
        refused(case, spec=unfitted)(tmp_path / "1")
    age = NumericField("age", "context", Normalization(log=True))
    unfitted = replaced(case, fields=(*case.spec.fields, age)).spec
    with pytest.raises(ExportError, match="must be fitted.*Received: fields.'age'.*mean=None"):
        refused(case, spec=unfitted)(tmp_path / "1")


def test_the_empty_text_is_no_value(case, tmp_path):
    vocabulary = Vocabulary("item_id", "values", values=("a", "", "b", "c", "d"))
    spec = replaced(case, vocabularies=(vocabulary,)).spec
    with pytest.raises(ExportError, match="must not list the empty text.*'item_id'.*values"):
        refused(case, spec=spec)(tmp_path / "1")


def test_a_model_of_another_spec_is_refused(case, tmp_path):
    with pytest.raises(ExportError, match="must have the inputs .'age'.*built for another one.*"):
        refused(case, spec=small_models.strings().spec)(tmp_path / "1")
    fewer = Vocabulary("item_id", "values", dtype="int64", values=(1, 2))
    with pytest.raises(ExportError, match="must embed the vocab.*'item_id': 4.*Received.*: 7"):
        refused(case, spec=replaced(case, vocabularies=(fewer,)).spec)(tmp_path / "1")
    with pytest.raises(ExportError, match="`model` must be a keras.Model. Received: model=None"):
        refused(case, model=None)(tmp_path / "1")
    with pytest.raises(ExportError, match="`architecture` must be an Arch.*or the name.*={}"):
        refused(case, architecture={})(tmp_path / "1")
    for top_k in (0, True, 2.5):
        with pytest.raises(ExportError, match=f"`top_k` must be a pos.*Received: top_k={top_k}"):
            refused(case, top_k=top_k)(tmp_path / "1")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["class", "K", "item_ID"])
def test_fields_whose_names_tensorflow_cannot_carry_are_refused(case, tmp_path, name):
    field = NumericField(name, "context", Normalization(0.0, 1.0, 0.5))
    made = small_models.make(
        replaced(case, fields=(*case.spec.fields, field)).spec, case.architecture
    )
    with pytest.raises(ExportError, match=f"rename .*Received: .*{name!r}"):
        refused(made)(tmp_path / "1")
    assert not list(tmp_path.iterdir())
