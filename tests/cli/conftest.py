"""One small run of the command line, from raw files on, that the tests of this room share."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import pathlib
from typing import Any

import pytest

from amer_tf.cli.main import main
from tests.search import small_run

CHANGES = {
    name: value
    for name, value in dataclasses.asdict(small_run.SETTINGS).items()
    if name not in ("references",) and not isinstance(value, str)
}
SETTINGS = [f"--set={name}={value}" for name, value in CHANGES.items()]


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    code: int
    output: str
    messages: str

    @property
    def result(self) -> dict[str, Any]:
        """The JSON object in the last line of standard output."""
        return json.loads(self.output.splitlines()[-1])


@dataclasses.dataclass(frozen=True)
class Run:
    """Folders of a finished run."""

    source: pathlib.Path
    data: pathlib.Path
    folder: pathlib.Path
    prepared: Answer
    searched: Answer


def amer(*arguments: object) -> Answer:
    """Calls the program in this process."""
    output, messages = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(messages):
        code = main(list(map(str, arguments)))
    return Answer(code, output.getvalue(), messages.getvalue())


def refused(*arguments: object) -> str:
    """The message of a command that ends with exit code 2 and without a result."""
    answer = amer(*arguments)
    assert answer.code == 2
    assert answer.output == ""
    assert "Traceback" not in answer.messages
    assert len(answer.messages.splitlines()) == 1
    return answer.messages


def swap_two_events(source: pathlib.Path, target: pathlib.Path) -> None:
    """Writes a Beauty.txt whose last user had two items in another order: the spec is the same."""
    *lines, last = source.read_text().splitlines()
    words = last.split()
    words[2], words[3] = words[3], words[2]
    target.write_text("\n".join([*lines, " ".join(words)]) + "\n")


@pytest.fixture(scope="package")
def quick_search():
    """Searches in a small space, without compiling anything: a search takes seconds then."""
    with small_run.small_and_eager():
        yield


@pytest.fixture(scope="package")
def run(quick_search, tmp_path_factory) -> Run:
    """A finished run; tests that change anything take a copy."""
    folder = tmp_path_factory.mktemp("cli")
    small_run.prepare(folder)
    source, data, run_dir = folder / "source", folder / "prepared", folder / "run"
    prepared = amer(
        "prepare", "--dataset=amazon_beauty", f"--source_dir={source}", f"--data_dir={data}"
    )
    searched = amer("search", f"--data_dir={data}", f"--run_dir={run_dir}", "--seed=3", *SETTINGS)
    assert (prepared.code, searched.code) == (0, 0), prepared.messages + searched.messages
    return Run(source, data, run_dir, prepared, searched)
