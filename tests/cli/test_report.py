"""`amer report`."""

from __future__ import annotations

import builtins
import json
import os
import shutil
import sys

import pytest

from tests.cli.conftest import amer, refused
from tests.report.reading import Page


@pytest.fixture
def copied(run, tmp_path):
    return shutil.copytree(run.folder, tmp_path / "run")


@pytest.fixture
def other_seed(run, tmp_path):
    """That run as if it were one of another seed."""
    folder = shutil.copytree(run.folder, tmp_path / "other")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "seed": 4}))
    return folder


def test_the_report_of_a_run(copied):
    answer = amer("report", f"--run_dir={copied}")
    assert answer.code == 0, answer.messages
    assert answer.result == {"run_dir": [str(copied)], "report": str(copied / "report.html")}
    assert f"Open {copied / 'report.html'} in a browser." in answer.messages
    page = Page((copied / "report.html").read_text(encoding="utf-8"))
    assert page.headings[0] == "Search report: amazon_beauty"
    counts = json.loads((copied / "data.json").read_text())["counts"]
    shown = {row["What"]: row["Number"] for row in page.table("Counts")}
    assert shown["Users"] == str(counts["users"])
    assert "Over several seeds" not in page.headings


@pytest.mark.parametrize("between", ["list", "again"])
def test_the_report_of_several_seeds(copied, other_seed, between):
    folders = [f"--run_dir={copied},{other_seed}"]
    if between == "again":
        folders = [f"--run_dir={copied}", f"--run_dir={other_seed}"]
    answer = amer("report", *folders)
    assert answer.code == 0, answer.messages
    assert answer.result["run_dir"] == [str(copied), str(other_seed)]
    page = Page((copied / "report.html").read_text(encoding="utf-8"))
    assert "2 runs on the same data, seeds 3, 4." in page.text


def test_a_folder_with_a_comma_in_its_name(run, tmp_path):
    folder = shutil.copytree(run.folder, tmp_path / "one,two")
    assert amer("report", f"--run_dir={folder}").result["run_dir"] == [str(folder)]


def test_the_data_folder_can_be_given(run, copied):
    (copied / "data.json").unlink()
    assert amer("report", f"--run_dir={copied}").code == 0
    assert "does not say which data folder" in (copied / "report.html").read_text()
    answer = amer("report", f"--run_dir={copied}", f"--data_dir={run.data}")
    assert answer.code == 0, answer.messages
    text = (copied / "report.html").read_text()
    assert "does not say which data folder" not in text
    assert f"--data_dir={run.data.resolve()}" in text


def test_data_of_another_spec(copied, tmp_path, run):
    message = refused("report", f"--run_dir={copied}", f"--data_dir={tmp_path}")
    assert "A data folder must hold data.json" in message


def test_the_same_run_twice(copied):
    message = refused("report", f"--run_dir={copied},{copied}")
    assert "must have different seeds" in message


def test_no_run(tmp_path):
    assert "There is no run in this folder" in refused("report", f"--run_dir={tmp_path}")
    assert "These flags must be given: --run_dir" in refused("report")


def test_an_unfinished_run(copied):
    (copied / "metrics.json").unlink()
    assert "The run has not finished" in refused("report", f"--run_dir={copied}")
    assert not (copied / "report.html").exists()


@pytest.mark.parametrize(
    "name", ["config.json", "metrics.json", "architecture.json", "data.json", "phases.json"]
)
def test_a_truncated_file(copied, name):
    os.truncate(copied / name, (copied / name).stat().st_size // 2)
    assert f"{copied / name} cannot be read" in refused("report", f"--run_dir={copied}")


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("trials.jsonl", '{"kind": "random"\n', "has a damaged line"),
        ("trials.jsonl", "[]\n", "damaged line 1: it is no trial"),
        ("trials.jsonl", '{"kind": "scratch", "score": 1}\n', "without 'standard_error'"),
        ("trials.jsonl", "", "No model of this run could be scored"),
        ("phases.json", '{"supernet": 3}', "phases.json is damaged"),
        ("metrics.json", "{}", "it lacks validation metrics or seconds"),
        ("config.json", "{}", "it lacks 'seed'"),
    ],
)
def test_a_damaged_file(copied, name, content, fault):
    (copied / name).write_text(content)
    assert fault in refused("report", f"--run_dir={copied}")


def test_matplotlib_is_not_installed(copied, monkeypatch):
    original = builtins.__import__

    def missing(name, *args, **kwargs):
        if name.partition(".")[0] == "matplotlib":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return original(name, *args, **kwargs)

    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", missing)
    message = refused("report", f"--run_dir={copied}")
    assert "needs matplotlib, which is not installed: `pip install amer_tf[report]`" in message
    assert not (copied / "report.html").exists()
