"""Small data for comparisons, and how a process loads them."""

from __future__ import annotations

import functools

import pytest

import data_pipelines
from amer_tf.compare import job
from tests.search import small_ctr_run, small_run
from tests.search.conftest import small_and_eager


@pytest.fixture
def quick_search():
    with small_and_eager():
        yield


@pytest.fixture(scope="session")
def load_table(tmp_path_factory):
    folder = small_ctr_run.prepare(tmp_path_factory.mktemp("table")).folder
    return functools.partial(data_pipelines.load, folder)


@pytest.fixture(scope="session")
def load_ranking(tmp_path_factory):
    folder = small_run.prepare(tmp_path_factory.mktemp("ranking")).folder
    return functools.partial(data_pipelines.load, folder)


@pytest.fixture
def no_latency(monkeypatch):
    monkeypatch.setattr(job, "measure_latency", lambda *arguments: None)
