"""An export answers where there is neither Keras nor amer_tf: bare Python, a tool, and C."""

from __future__ import annotations

import numpy as np
import pytest

from tests.export import small_models
from tests.integration.serving_tools import (
    ask_bare_process,
    ask_program,
    compile_program,
    saved_model_cli,
)

HISTORIES = {
    "strings": ["été", "no such item", "1", "été", " lead"],
    "int64s": [100, -7, 3, 2**63 - 1],
    "integers": [0, 5, 77],
}


def test_a_bare_process(exports):
    requests, expected = [], []
    for name in small_models.CASES:
        exported = exports(name)
        rows = small_models.ROWS[name]
        columns = exported.columns(rows)
        for field in exported.case.spec.input_fields:
            assert field.name in columns
        asked = [exported.case.items] * len(rows)
        requests += [
            (str(exported.folder), "serving_default", {**columns, "item_id": asked}),
            (str(exported.folder), "recommend", {**columns, "exclude_seen": True, "k": 3}),
        ]
        expected.append({"scores": exported.case.scores(rows, asked)})
        expected.append(exported.ask("recommend", **columns, exclude_seen=True, k=3))
    for answer, wanted in zip(ask_bare_process(requests), expected, strict=True):
        assert set(answer) == set(wanted)
        for key, value in wanted.items():
            if value.dtype.kind == "f":
                np.testing.assert_allclose(answer[key], value, rtol=1e-6, atol=1e-6)
            elif value.dtype.kind == "O":
                assert answer[key] == [[entry.decode() for entry in row] for row in value]
            else:
                np.testing.assert_array_equal(answer[key], value)


@pytest.mark.slow
def test_saved_model_cli_shows_the_signatures(exports):
    shown = saved_model_cli("show", "--dir", exports("strings").folder, "--all")
    for name in ("serving_default", "predict_examples", "recommend"):
        assert f"signature_def['{name}']" in shown
    section = shown.split("signature_def['recommend']")[1].split("signature_def['")[0]
    for column, dtype, shape in (
        ("history_item_id", "DT_STRING", "(-1, -1)"),
        ("history_tags", "DT_INT64", "(-1, -1, -1)"),
        ("age", "DT_FLOAT", "(-1)"),
        ("k", "DT_INT32", "unknown_rank"),
    ):
        described = section.split(f"inputs['{column}'] tensor_info:\n")[1].split("name:")[0]
        assert [line.split(": ")[1] for line in described.split("\n")[:2]] == [dtype, shape]


@pytest.mark.slow
def test_saved_model_cli_runs_the_signatures(exports, tmp_path):
    exported = exports("strings")
    items = exported.case.items
    row = {"history_item_id": HISTORIES["strings"], "country": "nl"}
    np.save(
        tmp_path / "history.npy", np.array([[item.encode() for item in row["history_item_id"]]])
    )
    np.save(tmp_path / "country.npy", np.array([b"nl"]))
    np.save(tmp_path / "items.npy", np.array([[item.encode() for item in items]]))
    common = ("run", "--dir", exported.folder, "--tag_set", "serve", "--outdir", tmp_path)
    inputs = f"history_item_id={tmp_path}/history.npy;country={tmp_path}/country.npy"
    # Every other input is left out.
    candidates = f"{inputs};item_id={tmp_path}/items.npy"
    saved_model_cli(*common, "--signature_def", "serving_default", "--inputs", candidates)
    scores = np.load(tmp_path / "scores.npy")
    np.testing.assert_allclose(scores, exported.case.scores([row], [items]), rtol=1e-6, atol=1e-6)
    saved_model_cli(*common, "--signature_def", "recommend", "--inputs", inputs)
    best = [item.decode() for item in np.load(tmp_path / "item_id.npy", allow_pickle=True)[0]]
    order = [items[index] for index in np.argsort(-scores[0])]
    unseen = [item for item in order if item not in row["history_item_id"]]
    assert best == unseen + [""] * (len(items) - len(unseen))


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return compile_program(tmp_path_factory.mktemp("program"))


def ask(program, exported, kind, history, k=4, check=True):
    inputs = {"history_item_id": (kind, history), "k": ("int32", k)}
    return ask_program(program, exported.folder, "recommend", "item_id", inputs, check)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(HISTORIES))
def test_c(program, exports, name):
    exported, history = exports(name), HISTORIES[name]
    kind = "string" if name == "strings" else "int64"
    for asked in (history, []):
        printed = ask(program, exported, kind, [asked]).stdout.splitlines()
        row = np.array([asked], "O" if kind == "string" else "int64").reshape(1, -1)
        (expected,) = exported.ask("recommend", history_item_id=row.tolist(), k=4)["item_id"]
        expected = [item.decode() if kind == "string" else str(item) for item in expected]
        assert printed == expected


@pytest.mark.slow
def test_c_is_told_what_is_wrong(program, exports):
    refused = ask(program, exports("strings"), "string", ["1"], check=False)
    assert refused.returncode == 1
    assert "history_item_id" in refused.stderr
    assert "[1] is not compatible with expected shape [?,?]" in refused.stderr
    refused = ask(program, exports("strings"), "int64", [[1]], check=False)
    assert refused.returncode == 1
    assert "to be string but int64 is provided" in refused.stderr
    refused = ask(program, exports("strings"), "string", [["1"]], k=-1, check=False)
    assert refused.returncode == 1
    assert "'k' must have numbers of at least 0" in refused.stderr.replace("\\", "")
