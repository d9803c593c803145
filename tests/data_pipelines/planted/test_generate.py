from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest

import data_pipelines
from data_pipelines import DataError
from data_pipelines.planted import PlantedSpec, generate

SPEC = PlantedSpec(num_rows=3000, num_fields=5, num_numbers=2, num_pairs=2, num_triples=1)


def test_prepared_as_any_table(tmp_path: pathlib.Path) -> None:
    truth = generate(tmp_path / "planted", SPEC)
    assert truth == json.loads((tmp_path / "planted" / "truth.json").read_text())
    counts = data_pipelines.prepare(tmp_path / "planted" / "planted.json", None, tmp_path / "data")
    assert counts["rows"] == 3000
    assert counts["test_examples"] == truth["best"]["test"]["rows"] == pytest.approx(300, abs=60)
    assert counts["train_positive_rate"] == pytest.approx(0.25, abs=0.04)
    spec = data_pipelines.load(tmp_path / "data").spec
    assert [field.name for field in spec.fields] == ["I01", "I02", *(f"F0{n}" for n in range(1, 6))]
    assert all(len(value) == 8 for value in spec.vocabulary("F01").values)
    assert {name for group in truth["interactions"] for name in group} <= {
        f"F0{n}" for n in range(1, 6)
    }
    assert 0.6 < truth["best"]["test"]["auc"] < 0.9
    assert 0.3 < truth["best"]["test"]["log_loss"] < 0.56


def test_same_seed_same_bytes(tmp_path: pathlib.Path) -> None:
    for name in ("a", "b"):
        generate(tmp_path / name, SPEC)
    files = [(tmp_path / name / "planted.csv").read_bytes() for name in ("a", "b")]
    assert files[0] == files[1]


def test_folder_must_be_empty(tmp_path: pathlib.Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(DataError, match="`folder` must be empty. Received: "):
        generate(tmp_path, SPEC)
    with pytest.raises(DataError, match="Cannot write the prepared data"):
        generate(tmp_path / "mine", SPEC)


@pytest.mark.slow
def test_command(tmp_path: pathlib.Path) -> None:
    command = [sys.executable, "-m", "data_pipelines.planted", f"--out={tmp_path / 'out'}"]
    options = ["--rows=500", "--fields=4", "--pairs=2", "--triples=0", "--strength=1.5"]
    result = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    truth = json.loads(result.stdout.splitlines()[-1])
    assert truth["spec"]["num_rows"] == 500
    assert truth["spec"]["strength"] == 1.5
    assert len(truth["interactions"]) == 2


@pytest.mark.parametrize("num_rows", [1, 12])
def test_too_few_rows_leave_nothing(tmp_path: pathlib.Path, num_rows: int) -> None:
    with pytest.raises(DataError, match="The validation split of planted data must have both la"):
        generate(tmp_path / "new", PlantedSpec(num_rows=num_rows))
    assert not list((tmp_path / "new").iterdir())
