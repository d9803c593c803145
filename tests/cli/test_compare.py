"""`amer compare`."""

from __future__ import annotations

import json
import re

import pytest

from amer_tf.compare import Comparison
from amer_tf.compare.audits import verdicts
from amer_tf.search.ctr_settings import REFERENCES
from amer_tf.search.settings import REFERENCES as NEXT_ITEM
from tests.cli.conftest import amer, refused
from tests.compare.test_audits import audited
from tests.report.reading import Page
from tests.search import small_ctr_run

SETTINGS = [
    f"--set={name}={value}"
    for name, value in {
        "embedding_dim": 4,
        "batch_size": 160,
        "epoch_steps": 1,
        "prior_precisions": 3,
        "hidden_units": 8,
        "final_epochs": 2,
    }.items()
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Prepared rows."""
    return small_ctr_run.prepare(tmp_path_factory.mktemp("rows")).folder


def test_the_systems_by_name():
    answer = amer("compare", "--list")
    assert answer.code == 0, answer.messages
    assert set(answer.result) == {"next_item", "ctr"}
    variants = {f"amer-{steps}" for steps in (1, 2, 3, 12, 13, 23, 123)}
    assert set(answer.result["ctr"]) == {"amer", *variants, *REFERENCES}
    assert set(answer.result["next_item"]) == {"amer", "amer-1", *NEXT_ITEM}
    assert "searches the feature interactions, the MLP" in answer.result["ctr"]["amer-23"]
    assert answer.result["ctr"]["dnn"].endswith("; also mlp")
    assert answer.result["next_item"]["transformer"].endswith("; also sasrec")
    assert answer.result["next_item"]["popularity"].endswith("; also pop")
    assert "; also" not in answer.result["next_item"]["ease"]


@pytest.mark.slow
def test_a_comparison(folder, tmp_path):
    command = (
        "compare", f"--data_dir={folder}", f"--out={tmp_path / 'out'}", "--models=lr,lightgbm,fm",
        "--runs=2", "--seed=5", "--workers=2", "--preset=quick", *SETTINGS,
    )  # fmt: skip
    answer = amer(*command)
    assert answer.code == 0, answer.messages
    assert {row["system"] for row in answer.result["systems"]} == {"lr", "lightgbm", "fm"}
    assert all(row["runs"] == 2 for row in answer.result["systems"])
    assert answer.result["verdict"] in answer.messages
    log = tmp_path / "out" / "fm" / "seed_6" / "log.txt"
    assert f"fm, seed 6 has begun; its progress is in {log}\n" in answer.messages
    assert log.read_text()
    lines = (tmp_path / "out" / "results.jsonl").read_text().splitlines()
    assert [json.loads(line)["seed"] for line in lines] == [5, 6] * 3
    tables = (tmp_path / "out" / "tables.md").read_text()
    assert tables.startswith(answer.result["verdict"])
    page = Page((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    assert page.headings[0] == "Comparison: planted"
    shown = {row["System"]: row for row in page.table("Test split")}
    best = answer.result["systems"][0]
    assert shown[{"lr": "LR", "fm": "FM", "lightgbm": "LightGBM"}[best["system"]]]["AUC"] == (
        f"{best['auc']:.4f} ± {best['auc_deviation']:.4f}"
    )
    assert "What failed" not in page.headings
    assert answer.result["audits"] == {}
    # Nothing is trained again.
    again = amer(*command)
    assert again.result == answer.result


def test_the_audit_of_a_search(folder, tmp_path, monkeypatch):
    """Its sentence is printed, and stands in the JSON line."""
    result = audited(tmp_path / "made", reference=None)
    monkeypatch.setattr(Comparison, "work", lambda self: result)
    answer = amer(
        "compare", f"--data_dir={folder}", f"--out={tmp_path / 'out'}", "--models=amer-3,lr",
        "--audit=8",
    )  # fmt: skip
    assert answer.code == 0, answer.messages
    [text] = answer.result["audits"].values()
    assert text.startswith("The search ")
    assert answer.result["audits"] == verdicts(result)
    assert f"Was amer-23 worth it? {text}\n" in answer.messages


def test_a_data_folder_is_left_alone(folder):
    before = sorted(folder.rglob("*"))
    message = refused("compare", f"--data_dir={folder}", f"--out={folder}", "--models=lr")
    assert "must be another folder than those of data, and there are data that" in message
    assert f"Received: --out={folder}" in message
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--models=lr,dyn"], r"The systems must .*Did you mean dnn\? Received: dyn"),
        (["--models=lr,din"], "cannot be trained on these data, leave them out: din: no target"),
        (["--models=lr", "--runs=0"], "--runs=0"),
        (["--models=lr", "--time_limit=soon"], "positive number of seconds"),
        (["--models=lr", "--set=dropout=2"], "`dropout` must be a number in"),
        (["--models=lr", "--tune_set=dropout=much"], "--tune_set must be .*dropout=much"),
        (["--models=lr", "--tune=2", "--tune_set=dropuot=0,1"], r"Did you mean dropout\?.*dropuot"),
        ([], "These flags must be given: --models"),
        (
            ["--models=dcn,lr", "--set=dcn.cin_sizes=3"],
            r"options of its own: num_crosses; .*Received: dcn\.cin_sizes",
        ),
        (["--models=lr", "--set=dcn.num_crosses=3"], "one that is compared: lr. Received: dcn"),
        (
            ["--models=dcn,lr", "--set=dcn.num_cross=3"],
            r"Did you mean num_crosses\? Received: dcn\.num_cross",
        ),
        (["--models=lr", "--set=what.l2=3"], "The systems must be among amer, .*Received: what"),
        (["--models=dcn@,lr"], "A label behind a system's name"),
        (["--models=lr", "--set=.dropout=.2"], r"with a point between.*Received: --set=\.dropout="),
        (["--models=lr", "--set=lr.=.2"], r"with a point between.*Received: --set=lr\.=\.2"),
        (["--models=lr", "--set=references=lr"], "where --models names .*--set=references=lr"),
        (["--models=dcn,lr", "--set=dcn.num_crosses=0"], "`num_crosses` of dcn must be .*=0"),
        (["--models=dnn@A,dnn@a"], "differ in more than capitals.*Received: dnn@A, dnn@a"),
        (["--models=sasrec,lr"], r"sasrec is of task next_item\. Received: sasrec"),
        (["--models=lr", "--audit=5"], "none of the systems is searched: lr"),
        (
            ["--models=lr", "--tune=2", "--tune_set=trees_leaves=7"],
            "none of lr reads this one. Received: 'trees_leaves'",
        ),
    ],
)
def test_refused(folder, tmp_path, changes, message):
    command = ("compare", f"--data_dir={folder}", f"--out={tmp_path / 'out'}", *changes)
    assert re.search(message, refused(*command))
    assert not (tmp_path / "out").exists()
