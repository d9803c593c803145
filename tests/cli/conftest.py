"""Two small runs that the tests of this room share: one of next item, one of hybrid rows."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import pathlib
import shutil
from typing import Any

import pytest

from amer_tf.cli import run_data
from amer_tf.cli.main import main
from amer_tf.search.state import RunFolder
from tests.search import small_ctr_run, small_hybrid_run, small_run

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
    """Folders of a finished run.

    Args:
        source: The raw files.
        data: The data folder.
        folder: The run folder.
        prepared: What `prepare` has answered.
        searched: What `search` has answered.
        settings: Flags of the search.
        evaluated: Flags with which it can be evaluated.
        block: A file of encoded rows.
    """

    source: pathlib.Path
    data: pathlib.Path
    folder: pathlib.Path
    prepared: Answer
    searched: Answer
    settings: tuple[str, ...] = tuple(SETTINGS)
    evaluated: tuple[str, ...] = ("--candidates=full",)
    block: str = "events.records"


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


@pytest.fixture(scope="package")
def hybrid_run(quick_search, finished_hybrid, hybrid_data, tmp_path_factory) -> Run:
    """A finished run of rows with a behaviour, which knows its data as one of `search` does."""
    folder = tmp_path_factory.mktemp("cli_hybrid") / "run"
    shutil.copytree(finished_hybrid.run.path, folder)
    run_data.record(RunFolder(folder), hybrid_data)
    data = pathlib.Path(hybrid_data.folder)
    source = data.parent / "source"
    # Both find what they would make, and leave it as it is.
    prepared = amer("prepare", f"--dataset={source / 'ads.json'}", f"--data_dir={data}")
    settings = small_hybrid_run.EVOLUTION.to_dict()
    references = ",".join(settings.pop("references"))
    flags = [
        f"--set={name}={','.join(map(str, value)) if isinstance(value, (list, tuple)) else value}"
        for name, value in settings.items()
    ]
    flags.append(f"--references={references}")
    with small_hybrid_run.few_layers():
        seed = f"--seed={small_ctr_run.SEED}"
        searched = amer("search", f"--data_dir={data}", f"--run_dir={folder}", seed, *flags)
    assert (prepared.code, searched.code) == (0, 0), prepared.messages + searched.messages
    return Run(source, data, folder, prepared, searched, tuple(flags), (), "train.records")
