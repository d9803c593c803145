"""The command that writes planted data."""

from __future__ import annotations

import json
import pathlib

import pytest

from data_pipelines.planted import __main__ as command


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", ["planted", *arguments])
    command.main()


def test_writes_and_says_what(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    run(monkeypatch, f"--out={out}", "--rows=300", "--fields=4", "--pairs=2", "--triples=1")
    assert json.loads(capsys.readouterr().out) == json.loads((out / "truth.json").read_text())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fields=2"], "three fields"),
        (["--strength=nan"], "`strength` must be a finite number"),
        (["--rows=many"], "invalid int value: 'many'"),
        (["--colour=red"], "unrecognized arguments"),
    ],
)
def test_bad_arguments_end_with_two(
    arguments: list[str],
    message: str,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, f"--out={tmp_path / 'out'}", *arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_folder_that_is_not_empty_ends_with_two(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "mine.txt").write_text("")
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, f"--out={tmp_path}")
    assert ended.value.code == 2
    assert "`folder` must be empty" in capsys.readouterr().err
