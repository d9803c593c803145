"""Usage, exit codes and what goes to which stream."""

from __future__ import annotations

import io
import json
import logging
import pathlib
import re
import subprocess
import sys

import pytest

from amer_tf.cli import search
from amer_tf.cli.main import VERBS
from tests.cli.conftest import amer, refused

ROOT = pathlib.Path(__file__).resolve().parents[2]


def in_a_process(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "amer_tf", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("arguments", [(), ("help",), ("--help",), ("help", "help")])
def test_usage_of_the_program_names_every_verb(arguments):
    answer = amer(*arguments)
    assert answer.code == 0
    assert answer.messages == ""
    for verb, module in VERBS.items():
        assert f"{verb} " in answer.output
        assert module.SUMMARY in answer.output


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("form", ["help {}", "{} --help", "{} -h", "{} --run_dir=x --help"])
def test_usage_of_a_verb_names_every_flag(verb, form):
    answer = amer(*form.format(verb).split())
    assert answer.code == 0
    module = VERBS[verb]
    required, optional = answer.output.split("Optional:")
    for flag in module.FLAGS:
        part = required if flag in module.REQUIRED else optional
        assert f"  --{flag}" in part or f"  --[no]{flag}" in part
    assert all(len(line) <= 88 for line in answer.output.splitlines())


def test_usage_tells_choices_and_defaults_once():
    output = amer("search", "--help").output
    assert "--preset=quick|standard|paper\n" in output
    assert "<quick" not in output
    assert "Default: standard." in output
    assert "Seed of every random choice. Default: 0." in output
    assert "repeat this option" not in output


@pytest.mark.parametrize("verb", ["search", "compare"])
def test_usage_sends_to_the_list_of_settings(verb):
    output = " ".join(amer(verb, "--help").output.split())
    assert "quick for a first look, standard for a result worth having, paper with" in output
    assert output.count("--list_settings") == 2
    assert "prior_precisions" not in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["serch"], "no verb of this name; known are prepare, search,.*Received: 'serch'"),
        (["serch"], r"Did you mean search\? Received: 'serch'"),
        (["help", "serch"], r"Did you mean search\? Received: 'serch'"),
        (["help", "serch"], "no verb of this name.*Received: 'serch'"),
        (["search"], "must be given: --data_dir, --run_dir"),
        (["search", "--data_dir=x", "--run_dir="], "must be given: --run_dir"),
        (["search", "--data_dir=x", "--rundir=y"], "Unknown command line flag 'rundir'"),
        (["search", "--data_dir=x", "--run_dir"], "Missing value for flag --run_dir"),
        (["search", "data", "--run_dir=y"], "written as --name=value. Received: 'data'"),
        (["search", "--data_dir=x", "--run_dir=y", "--seed=-1"], "--seed=-1"),
        (["search", "--data_dir=x", "--run_dir=y", "--seed=a"], "--seed=a"),
        (["search", "--data_dir=x", "--run_dir=y", "--preset=fast"], r"quick\|standard\|paper"),
        (["export", "--run_dir=x", "--export_dir=y", "--top_k=0"], "--top_k=0"),
        (["evaluate", "--run_dir=x", "--split=train"], "--split=train"),
        (["evaluate", "--run_dir=x", "--num_negatives=0"], "--num_negatives=0"),
    ],
)
def test_wrong_usage(arguments, message):
    answer = refused(*arguments)
    assert answer.startswith("amer")
    assert re.search(message, answer)


def test_a_notice_is_told_once(monkeypatch):
    """Also where a package has given the root logger a handler."""
    stream = io.StringIO()
    root = logging.StreamHandler(stream)
    monkeypatch.setattr(logging.getLogger(), "handlers", [root])
    ours = logging.getLogger("amer_tf.search.admission")

    def notice():
        ours.warning("1 of 10 interactions left out")
        return {}

    monkeypatch.setattr(search, "run", notice)
    answer = amer("search", "--data_dir=x", "--run_dir=y")
    assert answer.messages == "1 of 10 interactions left out\n"
    assert stream.getvalue() == ""
    # In Python it is for the program to say where notices go.
    ours.warning("again")
    assert stream.getvalue() == "again\n"


def test_flags_do_not_outlive_their_command(tmp_path):
    refused("search", f"--data_dir={tmp_path}", "--run_dir=x", "--set=a=b")
    assert "must be given: --data_dir" in refused("search")
    assert not search.FLAGS.is_parsed()


def test_a_result_is_the_last_line_and_progress_goes_elsewhere(run):
    assert run.searched.output.count("\n") == 1
    assert json.loads(run.searched.output) == run.searched.result
    assert "Training the supernet" in run.searched.messages


@pytest.mark.parametrize(
    ("verb", "flags", "again"),
    [
        ("search", ["--data_dir=x", "--run_dir=y"], "goes on where it stopped"),
        ("prepare", ["--dataset=x", "--data_dir=y"], "starts over"),
        ("evaluate", ["--run_dir=x"], "starts over"),
        ("export", ["--run_dir=x", "--export_dir=y"], "starts over"),
    ],
)
def test_an_interrupted_command_says_how_it_goes_on(monkeypatch, verb, flags, again):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(VERBS[verb], "run", interrupt)
    answer = amer(verb, *flags)
    assert answer.code == 130
    assert answer.output == ""
    assert f"Interrupted. The same command {again}." in answer.messages


def test_a_bug_keeps_its_traceback(monkeypatch):
    def fail():
        raise ValueError("a bug")

    monkeypatch.setattr(search, "run", fail)
    with pytest.raises(ValueError, match="a bug"):
        amer("search", "--data_dir=x", "--run_dir=y")


def test_warnings_of_the_libraries_are_shown_once(monkeypatch):
    def warn():
        for library in ("amer_tf.search.searcher", "data_pipelines.preparation", "absl"):
            logging.getLogger(library).warning("from %s", library)
        return {}

    monkeypatch.setattr(search, "run", warn)
    for _ in range(2):
        answer = amer("search", "--data_dir=x", "--run_dir=y")
        assert answer.messages.splitlines() == [
            "from amer_tf.search.searcher",
            "from data_pipelines.preparation",
        ]


def test_a_process_refuses_with_one_line_and_code_2(tmp_path):
    done = in_a_process("search", f"--data_dir={tmp_path}", f"--run_dir={tmp_path / 'run'}")
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "must hold data.json" in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_process_prepares_without_noise_of_tensorflow(run, tmp_path):
    folder = tmp_path / "data"
    done = in_a_process(
        "prepare", "--dataset=amazon_beauty", f"--source_dir={run.source}", f"--data_dir={folder}"
    )
    assert done.returncode == 0
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer == {**run.prepared.result, "data_dir": str(folder)}
    assert "TensorFlow" not in done.stderr
    assert "oneDNN" not in done.stderr
    assert "  users: 44" in done.stderr.splitlines()
