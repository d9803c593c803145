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

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"


# Rooms whose tests share finished searches, which each process would make for itself.
TOGETHER = ("report",)


def pytest_configure() -> None:
    # Flags end in `amer_tf/cli`; a test that calls a verb sets them itself.
    flags.FLAGS.mark_as_parsed()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `--dist loadgroup` the tests of a file, or of such a room, stay in one process."""
    for item in items:
        room, *rest = item.path.relative_to(REPOSITORY / "tests").parts
        group = room if room in TOGETHER else "/".join((room, *rest))
        item.add_marker(pytest.mark.xdist_group(group))


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
