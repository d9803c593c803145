"""What the tests of whole searches share."""

from __future__ import annotations

import warnings

import pytest

from amer_tf import AmerSearch
from tests.search import small_ctr_run, small_run
from tests.search.small_run import small_and_eager


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
