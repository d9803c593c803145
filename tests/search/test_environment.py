"""What a run was made with."""

from __future__ import annotations

import importlib.metadata
import platform

import numpy as np

import amer_tf
from amer_tf.search.environment import environment


def test_versions_are_those_that_are_imported():
    found = environment()
    assert found["amer_tf"] == amer_tf.__version__
    assert found["numpy"] == np.__version__
    assert found["python"] == platform.python_version()
    assert "tensorflow" in found or "tensorflow-cpu" in found


def test_a_package_that_is_not_there_is_left_out(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert set(environment()) == {"amer_tf", "python", "system"}
