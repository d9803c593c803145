from __future__ import annotations

import io
import sys

import pytest

from amer_tf.search.progress import PhaseProgress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def run(stream, monkeypatch, total, steps):
    monkeypatch.setattr(sys, "stderr", stream)
    with PhaseProgress("Scoring", total) as bar:
        for step in range(1, steps + 1):
            bar.update(step * total / steps, f"best {step}")
    return stream.getvalue()


def test_a_log_gets_ten_lines_a_phase(monkeypatch):
    lines = run(io.StringIO(), monkeypatch, total=200, steps=200).splitlines()
    assert lines[0] == "Scoring ..."
    assert lines[1].split() == ["Scoring:", "0%", "best", "1"]
    assert 10 <= len(lines) - 1 <= 11


def test_a_log_names_the_share_and_the_note(monkeypatch):
    lines = run(io.StringIO(), monkeypatch, total=1.0, steps=2).splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["Scoring:", "50%", "best", "1"],
        ["Scoring:", "100%", "best", "2"],
    ]


def test_no_line_is_wrapped_or_taken_for_markup(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with PhaseProgress("Scoring", 1) as bar:
        bar.update(1, "best [bold] " + "x" * 300)
    assert sys.stderr.getvalue().splitlines()[1].endswith("best [bold] " + "x" * 300)


def test_nothing_to_do(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with PhaseProgress("Scoring", 0) as bar:
        bar.update(0)
    assert "100%" in sys.stderr.getvalue()


def test_a_terminal_gets_a_bar(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    shown = run(Terminal(), monkeypatch, total=4, steps=4)
    assert "Scoring ..." not in shown
    assert "100%" in shown
    assert "left" in shown
    assert "best 4" in shown


def test_the_bar_ends_with_an_error(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    progress = PhaseProgress("Scoring", 2)
    with pytest.raises(RuntimeError, match="broken"), progress:
        raise RuntimeError("broken")
    assert progress._bar.live.is_started is False


def test_a_line_beside_the_bar(capsys):
    with PhaseProgress("Scoring", 2) as bar:
        bar.say("dnn has begun [1]")
    assert "  dnn has begun [1]\n" in capsys.readouterr().err
