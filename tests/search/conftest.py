"""What the tests of whole searches share."""

from __future__ import annotations

import contextlib
import gc
import warnings

import pytest
import tensorflow as tf

from amer_tf import AmerSearch
from amer_tf.search import behavior_search
from tests.search import small_ctr_run, small_run


@contextlib.contextmanager
def small_and_eager():
    """Searches in a small space, without compiling anything.

    A whole search then takes seconds: its many models would each be compiled for a few steps.
    """
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(behavior_search, "BehaviorSpace", small_run.SmallSpace)
        tf.config.run_functions_eagerly(True)
        # A search collects garbage after every model, and pytest keeps much that is none.
        gc.collect()
        gc.freeze()
        try:
            yield
        finally:
            gc.unfreeze()
            tf.config.run_functions_eagerly(False)


@pytest.fixture
def quick_search():
    with small_and_eager():
        yield


@pytest.fixture(scope="module")
def eagerly():
    """Nothing is compiled in a whole module: its many models run for a few steps each."""
    with small_and_eager():
        yield


@pytest.fixture(scope="session")
def ctr_data(tmp_path_factory):
    """A tiny prepared table of labelled rows."""
    return small_ctr_run.prepare(tmp_path_factory.mktemp("ctr_data"))


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A tiny prepared data set."""
    return small_run.prepare(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def finished(data, tmp_path_factory):
    """The result of an undisturbed search."""
    with small_and_eager(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Even though the `tf.config")
        search = AmerSearch(
            data.spec,
            tmp_path_factory.mktemp("finished"),
            settings=small_run.SETTINGS,
            seed=small_run.SEED,
        )
        return search.fit(data.train, data.validation)
