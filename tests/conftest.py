"""Settings and fixtures of all tests."""

from __future__ import annotations

import os
import pathlib

# Both are read when TensorFlow and Keras are imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import pytest
from absl import flags
from xdist.scheduler import LoadScopeScheduling

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"
# Rooms whose tests share finished searches, which each process would make for itself.
TOGETHER = ("report",)


def pytest_configure() -> None:
    # Flags end in `amer_tf/cli`; a test that calls a verb sets them itself.
    flags.FLAGS.mark_as_parsed()


class ByFileOrRoom(LoadScopeScheduling):
    """Keeps the tests of a file, or of such a room, in one process."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        room = file.split("/")[1]
        return room if room in TOGETHER else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFileOrRoom:
    return ByFileOrRoom(config, log)


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Python, NumPy and the Keras backend draw the same numbers in every run of a test."""
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def shared_data() -> pathlib.Path:
    """The folder of real data sets beside the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the real data sets are not there: no folder {SHARED_DATA}")
    return SHARED_DATA
