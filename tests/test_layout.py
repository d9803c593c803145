"""The import table of WORKSPACE.md, and the length of files."""

from __future__ import annotations

import pathlib

import pytest

from tests.layout import EVERYTHING, Rule, imports, module_name, violations

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGES = ("amer_tf", "data_pipelines")

SPEC = ("amer_tf.features", "amer_tf.fields", "amer_tf.vocabulary", "amer_tf.spec_checks")
HELPERS = ("amer_tf.files", "amer_tf.machine", "amer_tf.wording")
PURE_SEARCH = ("amer_tf.search.spaces", "amer_tf.search.fair", "amer_tf.search.samplers")
# Arrays of a traced update, but no models.
ARRAYS = ("keras.ops", "keras.random")
# Fitted on the host, no networks.
ON_THE_HOST = (
    "amer_tf.models.popularity",
    "amer_tf.models.ease",
    "amer_tf.models.boosted_trees",
    "amer_tf.models.history_features",
)
TENSORFLOW = ("tensorflow", "tensorflow_datasets")
TENSORFLOW_ROOMS = ("amer_tf.training", "amer_tf.export", "amer_tf.cli")

RULES = (
    *(Rule(module, never=EVERYTHING, but=(*SPEC, *HELPERS)) for module in SPEC),
    *(Rule(module, never=EVERYTHING) for module in HELPERS),
    Rule("amer_tf.architecture", never=EVERYTHING),
    Rule("amer_tf.layers", never=EVERYTHING, but=("keras", "keras_rs", "amer_tf.layers")),
    Rule(
        "amer_tf.models",
        never=EVERYTHING,
        but=(
            "keras",
            "amer_tf.architecture",
            "amer_tf.features",
            "amer_tf.layers",
            "amer_tf.models",
        ),
        outside=ON_THE_HOST,
    ),
    *(
        Rule(
            module,
            never=EVERYTHING,
            but=(
                "numpy",
                "scipy",
                "lightgbm",
                "amer_tf.features",
                "amer_tf.models.aggregation",
                "amer_tf.models.history_features",
            ),
        )
        for module in ON_THE_HOST
    ),
    *(
        Rule(
            module,
            never=EVERYTHING,
            but=("numpy", *ARRAYS, "amer_tf.architecture", "amer_tf.features", *PURE_SEARCH),
        )
        for module in PURE_SEARCH
    ),
    Rule("amer_tf", never=TENSORFLOW, outside=TENSORFLOW_ROOMS),
    Rule("amer_tf", never=("data_pipelines",), outside=("amer_tf.cli",)),
    Rule("amer_tf", never=("amer_tf.cli",), outside=("amer_tf.cli", "amer_tf.__main__")),
    Rule("amer_tf", never=("absl.app", "absl.flags"), outside=("amer_tf.cli",)),
    Rule("data_pipelines", never=("absl.app", "absl.flags")),
    Rule("data_pipelines", never=("amer_tf",), but=("amer_tf.features",)),
    # File formats are parsed apart from building, without TensorFlow.
    Rule("data_pipelines.*.parse", never=TENSORFLOW),
    *(Rule(package, never=("tests", "benchmarks", "examples")) for package in PACKAGES),
)

MAX_LINES = 400
# Longer files, each with the reason why it is not split.
LONG_FILES: dict[str, str] = {}


def sources(*folders: str) -> list[pathlib.Path]:
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("file", sources(*PACKAGES), ids=lambda file: str(file.relative_to(ROOT)))
def test_imports(file):
    is_package = file.name == "__init__.py"
    found = violations(RULES, file.read_text(), module_name(file, ROOT), is_package)
    assert found == []


def test_files_are_short():
    files = [ROOT / "setup.py", *sources(*PACKAGES, "tests", "benchmarks", "examples")]
    lengths = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in files}
    long = {name for name, length in lengths.items() if length > MAX_LINES}
    assert long == set(LONG_FILES)


def test_every_folder_of_modules_is_a_package():
    # Otherwise `setup.py` leaves it out of the wheel.
    folders = {file.parent for file in sources(*PACKAGES)}
    assert folders
    assert not [folder for folder in folders if not (folder / "__init__.py").exists()]


def test_every_rule_names_a_room():
    # A room that was renamed would be under no rule.
    modules = [module_name(file, ROOT) for file in sources(*PACKAGES)]
    for rule in RULES:
        assert any(rule.holds_for(module) for module in modules), rule


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("amer_tf.features", "import numpy"),
        ("amer_tf.features", "from amer_tf import architecture"),
        ("amer_tf.fields", "from amer_tf.layers import Zero"),
        ("amer_tf.architecture", "import keras"),
        ("amer_tf.architecture", "from amer_tf.features import FeatureSpec"),
        ("amer_tf.layers.zero", "import numpy as np"),
        ("amer_tf.layers.zero", "import tensorflow as tf"),
        ("amer_tf.layers.zero", "def f():\n    import tensorflow as tf"),
        ("amer_tf.layers.zero", "from ..features import FeatureSpec"),
        ("amer_tf.layers", "from .. import features"),
        ("amer_tf.models.amer", "from amer_tf.search import spaces"),
        ("amer_tf.models.amer", "from amer_tf import training"),
        ("amer_tf.models.amer", "import amer_tf"),
        ("amer_tf.search.samplers", "import keras"),
        ("amer_tf.search.fair", "from keras import layers"),
        ("amer_tf.search.spaces", "from amer_tf.models import amer"),
        ("amer_tf.search.fair", "from amer_tf import layers"),
        ("amer_tf.search.behavior", "from tensorflow import function"),
        ("amer_tf.search.behavior", "importlib.import_module('tensorflow.data')"),
        ("amer_tf.search.searcher", "import data_pipelines"),
        ("amer_tf.search.searcher", "from data_pipelines import load"),
        ("amer_tf.search.searcher", "from amer_tf.cli import main"),
        ("amer_tf.training.fit", "from absl import flags"),
        ("amer_tf.training.fit", "import absl.flags"),
        ("amer_tf.training.fit", "from tests import helpers"),
        ("data_pipelines.records", "from absl import app"),
        ("data_pipelines.records", "from amer_tf import layers"),
        ("data_pipelines.records", "from amer_tf import FeatureSpec"),
        ("data_pipelines.records", "import amer_tf.architecture"),
        ("data_pipelines.steam.parse", "import tensorflow as tf"),
        ("data_pipelines.steam.parse", "import tensorflow_datasets as tfds"),
    ],
)
def test_a_planted_violation_is_found(module, source):
    found = violations(RULES, f"import os\n{source}\n", module, module == "amer_tf.layers")
    assert len(found) >= 1
    assert found[0].startswith(f"{module}, line ")


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("amer_tf.features", "import json\nfrom amer_tf.vocabulary import Vocabulary"),
        ("amer_tf.layers.zero", "from keras import ops\nfrom amer_tf.layers import sequence_ops"),
        ("amer_tf.layers.zero", "from . import sequence_ops"),
        ("amer_tf.models.amer", "from amer_tf import layers\nfrom ..features import FeatureSpec"),
        ("amer_tf.search.samplers", "import numpy as np\nfrom amer_tf.search import fair"),
        ("amer_tf.search.searcher", "import keras\nfrom amer_tf import models, training"),
        ("amer_tf.training.fit", "import tensorflow as tf\nfrom absl import logging"),
        ("amer_tf.cli.search", "import data_pipelines\nfrom absl import flags"),
        ("amer_tf.__main__", "from amer_tf.cli.main import main"),
        ("data_pipelines.records", "import tensorflow as tf\nfrom amer_tf.features import Field"),
        ("data_pipelines.steam.parse", "import pandas as pd\n'import tensorflow'"),
        ("amer_tf.layers.zero", "import_module(name)"),
    ],
)
def test_what_the_table_allows(module, source):
    assert violations(RULES, source, module) == []


def test_imports_are_named_in_full():
    source = """
import a.b as c
from a import b, d
from . import e
from .f import g
from .. import h
if True:
    def i():
        from j import k
"""
    names = [name for _, name in imports(source, "ours.room.module")]
    assert sorted(names) == sorted(
        ["a.b", "a.b", "a.d", "ours.room.e", "ours.room.f.g", "ours.h", "j.k"]
    )
    names = [name for _, name in imports(source, "ours.room", is_package=True)]
    assert "ours.room.e" in names
    assert "ours.h" in names
