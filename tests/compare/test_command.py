"""The command under a comparison makes it again."""

from __future__ import annotations

import shlex

from amer_tf.cli import compare as verb
from amer_tf.cli.compare import Candidates
from amer_tf.compare import tuning
from amer_tf.compare.command import command, prepare_command
from amer_tf.compare.own_settings import parse
from amer_tf.compare.systems import System
from amer_tf.search.ctr_settings import CtrSettings
from amer_tf.search.searcher import PROGRAMS
from tests.compare import made

DATA = {"data_dir": "data/my rows"}


def parsed(text):
    """The flags of `amer compare`, read as the program reads them."""
    program, name, *flags = shlex.split(text)
    assert (program, name) == ("amer", "compare")
    verb.FLAGS(["compare", *flags])
    values = {flag: verb.FLAGS[flag].value for flag in verb.FLAGS}
    verb.FLAGS.unparse_flags()
    return values


def test_a_plain_one(tmp_path):
    flags = parsed(command(made.comparison(tmp_path), DATA))
    assert flags["data_dir"] == "data/my rows"
    assert flags["models"] == ["amer-23", "deepfm", "lr"]
    assert (flags["runs"], flags["seed"], flags["preset"]) == (2, 0, "standard")
    assert (flags["time_limit"], flags["set"], flags["tune"]) == ("600s", [], 0)
    assert (flags["audit"], flags["workers"]) == (0, 1)


def test_all_that_there_is_to_ask_for(tmp_path):
    settings = CtrSettings(hidden_units=(8, 4), calibration="none", references=("dnn",))
    result = made.comparison(
        tmp_path,
        settings=settings.to_dict(),
        seeds=[5, 6, 7],
        own={"deepfm": {"dropout": 0.5, "hidden_units": [3]}},
        tuning_trials=4,
        tuning_choices={"l2": [0.1, 1e-5]},
        time_limit=None,
    )
    for record in result.records:
        record["workers"] = 3
    result.records[0]["audit"] = {"number": 8}
    flags = parsed(command(result, {}))
    assert (flags["data_dir"], flags["time_limit"]) == ("DATA_DIR", None)
    assert (flags["runs"], flags["seed"]) == (3, 5)
    assert (flags["tune"], flags["tune_set"]) == (4, ["l2=0.1,1e-05"])
    assert (flags["audit"], flags["workers"]) == (8, 3)
    shared, own = {}, {}
    for assignment in flags["set"]:
        name, _, value = assignment.partition("=")
        (own if "." in name else shared)[name.removeprefix("deepfm.")] = value
    found = PROGRAMS["ctr"].preset("standard", result.spec).with_text(shared)
    # Which systems stand beside a search is no part of a comparison.
    assert found.to_dict() == settings.replace(references=found.references).to_dict()
    assert parse(System("deepfm"), "ctr", found, own) == {"dropout": 0.5, "hidden_units": (3,)}


def test_the_usual_choices_of_tuning_are_not_named(tmp_path):
    choices = {name: list(values) for name, values in tuning.CHOICES["ctr"].items()}
    result = made.comparison(tmp_path, tuning_trials=4, tuning_choices=choices)
    flags = parsed(command(result, DATA))
    assert (flags["tune"], flags["tune_set"]) == (4, [])
    changed = {**choices, "dropout": [0.1, 0.2]}
    result = made.comparison(tmp_path / "other", tuning_trials=4, tuning_choices=changed)
    assert parsed(command(result, DATA))["tune_set"] == ["dropout=0.1,0.2"]


def test_candidates(tmp_path):
    flags = parsed(command(made.ranking(tmp_path), DATA))
    assert Candidates(tuple(flags["candidates"]), flags["num_negatives"]) == Candidates()


def test_what_only_python_can_ask_for(tmp_path):
    gap = made.comparison(tmp_path / "gap", seeds=[0, 2])
    assert command(gap, DATA) is None
    candidates = {"modes": ["uniform"], "num_negatives": 100, "seed": 1}
    assert command(made.comparison(tmp_path / "seed", candidates=candidates), DATA) is None


def test_how_the_data_were_prepared():
    assert prepare_command({}) is None
    assert prepare_command({"prepare": []}) is None
    known = {"prepare": ["amer", "prepare", "--split={}"]}
    assert prepare_command(known) == "amer prepare \\\n    '--split={}'"
