"""An export of task ctr answers in bare Python, by a tool, in C, and over gRPC."""

from __future__ import annotations

import grpc
import numpy as np
import pytest
import tensorflow as tf

from tests.export import small_hybrids
from tests.export.serving_messages import message, set_tensor
from tests.export.small_hybrids import HYBRID_ROWS
from tests.integration.prediction_server import serving
from tests.integration.serving_tools import (
    ask_bare_process,
    ask_program,
    compile_program,
    saved_model_cli,
)

USER = HYBRID_ROWS[1]
SIGNATURES = (
    *("serving_default", "predict_examples", "classify_examples", "regress_examples"),
    *("predict_ragged", "score_candidates"),
)


@pytest.fixture(scope="module")
def exported(exports):
    return exports("attention")


def equal(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-6)


def chances(exported, rows):
    return 1 / (1 + np.exp(-exported.case.logits(rows)))


def candidate_rows(items):
    targets = ("ad", "tags", "price")
    return [{**USER, **{name: item.get(name) for name in targets}} for item in items]


def plain(columns):
    return {name: np.asarray(value).tolist() for name, value in columns.items()}


@pytest.mark.slow
def test_a_bare_process(exported):
    rows = [*HYBRID_ROWS, *small_hybrids.random_rows(100)]
    folder = str(exported.folder)
    asked = [
        (folder, "serving_default", plain(exported.columns(rows))),
        (folder, "predict_ragged", plain(exported.flat_columns(rows))),
        (folder, "score_candidates", plain(exported.candidates(USER, HYBRID_ROWS))),
        (folder, "serving_default", {"ad": ["1", "no such"]}),
    ]
    padded, ragged, candidates, sparse = ask_bare_process(asked)
    equal(padded["logit"], exported.case.logits(rows))
    equal(ragged["logit"], exported.case.logits(rows))
    equal(candidates["logit"], exported.case.logits(candidate_rows(HYBRID_ROWS)))
    equal(sparse["logit"], exported.case.logits([{"ad": "1"}, {"ad": "no such"}]))


@pytest.mark.slow
def test_saved_model_cli_shows_the_signatures(exported):
    shown = saved_model_cli("show", "--dir", exported.folder, "--all")
    for name in SIGNATURES:
        section = shown.split(f"signature_def['{name}']")[1].split("signature_def['")[0]
        method = name.split("_")[0] if name.startswith(("classify", "regress")) else "predict"
        assert f"Method name is: tensorflow/serving/{method}" in section
    section = shown.split("signature_def['serving_default']")[1].split("signature_def['")[0]
    for column, dtype, shape in (
        ("history_ad", "DT_STRING", "(-1, -1)"),
        ("history_tags", "DT_INT64", "(-1, -1, -1)"),
        ("history_gap", "DT_FLOAT", "(-1, -1)"),
        ("ad", "DT_STRING", "(-1)"),
    ):
        described = section.split(f"inputs['{column}'] tensor_info:\n")[1].split("name:")[0]
        assert [line.split(": ")[1] for line in described.split("\n")[:2]] == [dtype, shape]


@pytest.mark.slow
def test_saved_model_cli_runs_the_signatures(exported, tmp_path):
    common = ("run", "--dir", exported.folder, "--tag_set", "serve", "--outdir", tmp_path)
    columns = exported.columns(HYBRID_ROWS[:3])
    for name in ("ad", "history_ad", "country"):
        np.save(tmp_path / f"{name}.npy", np.array([np.char.encode(row) for row in columns[name]]))
    np.save(tmp_path / "history_tags.npy", np.array(columns["history_tags"]))
    names = ("ad", "history_ad", "country", "history_tags")
    inputs = ";".join(f"{name}={tmp_path}/{name}.npy" for name in names)
    saved_model_cli(*common, "--signature_def", "serving_default", "--inputs", inputs)
    known = [{name: row[name] for name in names if name in row} for row in HYBRID_ROWS[:3]]
    equal(np.load(tmp_path / "probability.npy"), chances(exported, known))
    examples = f"inputs=[{','.join(map(repr, exported.examples(HYBRID_ROWS)))}]"
    saved_model_cli(*common, "--signature_def", "classify_examples", "--input_exprs", examples)
    equal(np.load(tmp_path / "scores.npy")[:, 1], chances(exported, HYBRID_ROWS))


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return compile_program(tmp_path_factory.mktemp("program"))


@pytest.mark.slow
def test_c(program, exported):
    columns = exported.columns(HYBRID_ROWS[:3])
    kinds = {
        "ad": "string",
        "history_ad": "string",
        "history_tags": "int64",
        "history_gap": "float",
    }
    inputs = {name: (kind, columns[name]) for name, kind in kinds.items()}
    printed = ask_program(program, exported.folder, "serving_default", "logit", inputs).stdout
    known = [{name: row[name] for name in kinds if name in row} for row in HYBRID_ROWS[:3]]
    equal([float(line) for line in printed.split()], exported.case.logits(known))
    columns = exported.candidates({"history_ad": USER["history_ad"]}, [{"ad": "1"}, {"ad": "new"}])
    inputs = {name: ("string", columns[name]) for name in ("ad", "history_ad")}
    printed = ask_program(program, exported.folder, "score_candidates", "logit", inputs).stdout
    rows = [{"history_ad": USER["history_ad"], "ad": ad} for ad in ("1", "new")]
    equal([float(line) for line in printed.split()], exported.case.logits(rows))


@pytest.mark.slow
def test_c_is_told_what_is_wrong(program, exported):
    inputs = {"ad": ("string", ["1"]), "history_ad": ("string", ["1"])}
    refused = ask_program(program, exported.folder, "serving_default", "logit", inputs, check=False)
    assert refused.returncode == 1
    assert "history_ad" in refused.stderr
    assert "[1] is not compatible with expected shape [?,?]" in refused.stderr


@pytest.fixture(scope="module")
def client(exported):
    with serving(exported.folder) as calls:
        yield calls


def predict(client, signature, columns):
    request = message("PredictRequest")
    request.model_spec.signature_name = signature
    for name, value in columns.items():
        set_tensor(request.inputs, name, value)
    outputs = client["Predict"](request).outputs
    return {name: tf.make_ndarray(value) for name, value in outputs.items()}


def typed(exported, signature, columns):
    """Columns as tensors of the types that the signature has."""
    specs = exported.loaded.signatures[signature].structured_input_signature[1]
    return {name: tf.constant(value, specs[name].dtype) for name, value in columns.items()}


def test_predict_over_grpc(exported, client):
    rows = [*HYBRID_ROWS, *small_hybrids.random_rows(50)]
    for signature, columns in (
        ("serving_default", exported.columns(rows)),
        ("predict_ragged", exported.flat_columns(rows)),
        ("predict_examples", {"examples": exported.examples(rows)}),
    ):
        answer = predict(client, signature, typed(exported, signature, columns))
        equal(answer["logit"], exported.case.logits(rows))
    columns = typed(exported, "score_candidates", exported.candidates(USER, HYBRID_ROWS))
    answer = predict(client, "score_candidates", columns)
    equal(answer["probability"], chances(exported, candidate_rows(HYBRID_ROWS)))
    # Whatever may be left out is left out.
    equal(predict(client, "", {"ad": ["1"]})["logit"], exported.case.logits([{"ad": "1"}]))


def examples_request(exported, name, signature, rows):
    request = message(name)
    request.model_spec.signature_name = signature
    for serialized in exported.examples(rows):
        request.input.example_list.examples.add().ParseFromString(serialized)
    return request


def test_classify_over_grpc(exported, client):
    request = examples_request(exported, "ClassificationRequest", "classify_examples", HYBRID_ROWS)
    result = client["Classify"](request).result
    labels = [[each.label for each in row.classes] for row in result.classifications]
    assert labels == [["0", "1"]] * len(HYBRID_ROWS)
    scores = [[each.score for each in row.classes] for row in result.classifications]
    expected = chances(exported, HYBRID_ROWS)
    equal(scores, np.stack([1 - expected, expected], axis=1))


def test_regress_over_grpc(exported, client):
    request = examples_request(exported, "RegressionRequest", "regress_examples", HYBRID_ROWS)
    values = [each.value for each in client["Regress"](request).result.regressions]
    equal(values, chances(exported, HYBRID_ROWS))


@pytest.mark.parametrize(
    ("signature", "columns", "message"),
    [
        ("serving_default", {"ad": [1]}, "Input 'ad' must be string. Received: int32"),
        ("serving_default", {"ad": ["1"], "age": ["old"]}, "Input 'age' must be float32"),
        ("serving_default", {"country": ["nl"]}, "Input 'ad' is missing"),
        ("score_candidates", {"history_ad": [["1"]]}, "Input 'ad' is missing"),
        ("serving_default", {"ad": ["1"], "add": ["1"]}, "no input 'add'"),
        ("serving_default", {"ad": ["1"], "country": ["a", "b"]}, "'country.* as many rows as"),
        ("serving_default", {"ad": [["1"]]}, "Input 'ad' must be .None,.. Received: .1, 1"),
        ("no_such", {}, "no signature 'no_such'"),
        ("classify_examples", {}, "is of method tensorflow/serving/classify"),
    ],
)
def test_malformed_requests_over_grpc(client, signature, columns, message):
    with pytest.raises(grpc.RpcError, match=message) as refused:
        predict(client, signature, columns)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_malformed_examples_over_grpc(exported, client):
    request = examples_request(exported, "ClassificationRequest", "classify_examples", [USER])
    feature = request.input.example_list.examples[0].features.feature["age"]
    feature.bytes_list.value.append(b"old")
    with pytest.raises(grpc.RpcError, match="Key: age.*Expected type: float, Actual type: string"):
        client["Classify"](request)
    request.model_spec.signature_name = "serving_default"
    with pytest.raises(grpc.RpcError, match="is of method tensorflow/serving/predict"):
        client["Classify"](request)
