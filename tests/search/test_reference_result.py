"""What a hand-made system alone leaves behind: opened again, measured, exported."""

from __future__ import annotations

import json
import shutil
import warnings

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from amer_tf.export import ExportError
from amer_tf.features import FeatureSpec
from amer_tf.search import references
from amer_tf.search.reference_result import ReferenceResult, load_result
from amer_tf.search.reference_run import ReferenceRun
from amer_tf.search.result import SearchResult
from amer_tf.search.run_error import RunError
from amer_tf.training.ctr import CtrEvaluator
from tests.search import small_ctr_run, small_run
from tests.search.small_run import small_and_eager

FEW = {"candidates": ("uniform", "full"), "num_negatives": 10}


@pytest.fixture(scope="module")
def made(data, ctr_data, tmp_path_factory):
    """Finished runs of systems alone, by name."""
    with small_and_eager(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Even though the `tf.config")
        return {
            name: ReferenceRun(
                own.spec, tmp_path_factory.mktemp(name), name, settings=settings, seed=3
            ).fit(own)
            for own, settings, names in (
                (data, small_run.SETTINGS, ("popularity", "ease", "transformer")),
                (ctr_data, small_ctr_run.SETTINGS, ("deepfm", "lightgbm")),
            )
            for name in names
        }


@pytest.fixture
def copy(made, tmp_path):
    return shutil.copytree(made["deepfm"].run.path, tmp_path / "run")


def test_opened_again(made, finished):
    for name, result in made.items():
        again = load_result(str(result.run.path))
        assert isinstance(again, ReferenceResult)
        assert (again.name, again.seed, again.seconds) == (name, 3, result.seconds)
        assert again.trial == result.trial
        assert FeatureSpec.load(again.run.path) == again.spec
    assert isinstance(load_result(finished.run.path), SearchResult)


@pytest.mark.parametrize("name", ["deepfm", "lightgbm"])
def test_rows_are_measured_as_in_the_run(made, ctr_data, name):
    metrics = made[name].evaluate(ctr_data.validation)
    assert metrics["auc"] == pytest.approx(made[name].trial["score"], abs=1e-6)
    assert made[name].evaluate(ctr_data.test)["count"] == ctr_data.test.num_examples


def test_ranking_is_measured_as_beside_a_search(made, finished, data):
    beside = finished.evaluate_references(data.train, data.validation, **FEW)
    assert set(beside) == {"popularity", "ease", "transformer"}
    for name, expected in beside.items():
        found = made[name].evaluate(data.train, data.validation, **FEW)
        assert found == expected
        assert found["uniform"]["ndcg@5"] == pytest.approx(made[name].trial["score"], abs=1e-6)


def test_metrics_are_recorded_beside_the_seconds(copy):
    result = ReferenceResult.load(copy)
    result.record_evaluation("test", {"auc": 0.5})
    metrics = json.loads((copy / "metrics.json").read_text())
    assert metrics["evaluate"] == {"test": {"auc": 0.5}}
    assert metrics["seconds"] == result.seconds == ReferenceResult.load(copy).seconds


def test_an_exported_network(made, ctr_data, tmp_path):
    result = made["deepfm"]
    folder = result.export(tmp_path / "1")
    assert folder == result.export(tmp_path / "1")
    names = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert {"spec.json", "assets.extra/tf_serving_warmup_requests"} <= names
    assert "architecture.json" not in names
    assert "- system: deepfm, made by hand" in (folder / "README.md").read_text()
    served = tf.saved_model.load(str(folder)).signatures["serving_default"]
    # The raw rows of the source file; each is in one of the splits.
    table = pd.read_csv(ctr_data.folder.parent / "source" / "planted.csv")
    [*_, inputs] = served.structured_input_signature
    request = {name: tf.constant(table[name], spec.dtype) for name, spec in inputs.items()}
    answered = served(**request)["logit"].numpy()
    logits = CtrEvaluator(result.model).logits(ctr_data.test)
    nearest = np.abs(answered[:, None] - logits).min(axis=0)
    np.testing.assert_allclose(nearest, 0.0, atol=1e-6)


@pytest.mark.parametrize("name", ["popularity", "ease"])
def test_an_exported_closed_form_scores_as_on_the_validation_split(made, data, tmp_path, name):
    result = made[name]
    folder = ReferenceResult.load(result.run.path).export(tmp_path / "1")
    served = tf.saved_model.load(str(folder)).signatures["serving_default"]
    settings = references.settings_of(result.run)
    system = references.fit_closed_form(name, data.spec, settings, data.train, data.validation)
    values = data.spec.vocabulary("item_id").read_values()
    dtype = next(iter(served.structured_input_signature[1].values())).dtype
    histories = [values[3:6], [values[0], values[7], values[0]]]
    found = served(
        history_item_id=tf.constant(histories, dtype), item_id=tf.constant([values] * 2, dtype)
    )
    known = {value: 2 + number for number, value in enumerate(values)}
    encoded = np.array([[known[value] for value in history] for history in histories])
    expected = system.scores(encoded)[:, 2:]
    np.testing.assert_allclose(found["scores"], expected, rtol=1e-4, atol=1e-6)
    size = f"{4 * len(values) ** 2 / 1e6:,.1f} MB"
    readme = (folder / "README.md").read_text()
    assert (f"weights of all pairs of items, in the SavedModel: {size}" in readme) == (
        name == "ease"
    )


def test_a_closed_form_that_is_no_longer_known(made, tmp_path):
    folder = shutil.copytree(made["ease"].run.path, tmp_path / "run")
    (folder / "reference_ease.npz").unlink()
    with pytest.raises(RunError, match=r"reference_ease\.npz is gone.*new `run_dir`"):
        ReferenceResult.load(folder).export(tmp_path / "1")
    assert not (tmp_path / "1").exists()


def test_trees_are_not_exported(made, tmp_path):
    message = "Only a network.*lightgbm consists of decision trees, which stand in reference_lightg"
    with pytest.raises(ExportError, match=message):
        made["lightgbm"].export(tmp_path / "1")
    assert not list(tmp_path.iterdir())


def test_folders_of_something_else(copy, finished, tmp_path):
    with pytest.raises(RunError, match=r"no run in this folder.*Received: run_dir='.*nothing'"):
        ReferenceResult.load(tmp_path / "nothing")
    with pytest.raises(RunError, match=r"hand-made system alone, and holds a search.*run_dir="):
        ReferenceResult.load(finished.run.path)
    (copy / "spec.json").unlink()
    with pytest.raises(RunError, match=r"spec\.json of the finished run is gone.*new `run_dir`"):
        load_result(copy)
    (copy / "metrics.json").unlink()
    with pytest.raises(RunError, match=r"not finished: metrics\.json is .*same comparison again"):
        load_result(copy)


def test_the_folder_of_a_comparison(tmp_path):
    config = {"systems": ["lr", "fm"], "seeds": [5, 6], "settings": {"references": ["dnn"]}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    for load in (load_result, ReferenceResult.load, SearchResult.load):
        with pytest.raises(RunError, match=r"holds a comparison.*such as .*lr/seed_5\. Received"):
            load(tmp_path)
