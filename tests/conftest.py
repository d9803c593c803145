"""Settings and fixtures of all tests."""

from __future__ import annotations

import functools
import os
import pathlib
import warnings
from collections.abc import Callable
from typing import Any

# Both are read when TensorFlow and Keras are imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import pytest
from absl import flags
from xdist.scheduler import LoadScopeScheduling

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"
# Files whose tests share finished searches or exports, which each process would make for itself.
TOGETHER = {
    "tests/cli/": "runs of the command line",
    "tests/export/": "exports",
    "tests/integration/test_served_": "exports",
    "tests/report/": "runs of the report",
    "tests/search/test_ctr_behavior_search": "runs of the report",
    "tests/search/test_searcher": "a run",
    "tests/search/test_resume": "a run",
    "tests/search/test_result": "a run",
}


def pytest_configure() -> None:
    # Flags end in `amer_tf/cli`; a test that calls a verb sets them itself.
    flags.FLAGS.mark_as_parsed()


class ByWhatIsShared(LoadScopeScheduling):
    """Keeps the tests of a file, or of files that share something, in one process."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((shared for start, shared in TOGETHER.items() if file.startswith(start)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByWhatIsShared:
    return ByWhatIsShared(config, log)


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Python, NumPy and the Keras backend draw the same numbers in every run of a test."""
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """Gives the export of a small model by its name, made at its first use."""
    from tests.export import small_hybrids, small_models

    models = {**small_models.CASES, **small_hybrids.HYBRIDS}
    root = tmp_path_factory.mktemp("exports")
    return functools.cache(lambda name: small_models.load(models[name](), root / name / "1"))


@pytest.fixture(scope="session")
def hybrid_data(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A tiny prepared table with a behaviour."""
    from tests.search import small_hybrid_run

    return small_hybrid_run.prepare(tmp_path_factory.mktemp("hybrid_data"))


@pytest.fixture(scope="session")
def finished_hybrid(hybrid_data: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The result of all three steps, whose blocks were sampled by evolution."""
    from tests.search import small_hybrid_run, small_run

    folder = tmp_path_factory.mktemp("finished_hybrid")
    with (
        small_run.small_and_eager(),
        small_hybrid_run.few_layers(),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", "Even though the `tf.config")
        search = small_hybrid_run.search(hybrid_data, folder, small_hybrid_run.EVOLUTION)
        return search.fit(hybrid_data.train, hybrid_data.validation)


@pytest.fixture(scope="session")
def shared_data() -> pathlib.Path:
    """The folder of real data sets beside the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the real data sets are not there: no folder {SHARED_DATA}")
    return SHARED_DATA
