"""Ways to ask an export where there is neither Keras nor amer_tf: bare Python, a tool, and C."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

C_SOURCE = pathlib.Path(__file__).with_name("ask.c")
ENVIRONMENT = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}

# Reads requests, each a folder, a signature and inputs, and writes their answers.
BARE = '''
import json, sys

class Without:
    """A finder of modules that finds none of ours and no Keras, as where none is installed."""

    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("keras", "tf_keras", "amer_tf", "data_pipelines"):
            return None
        return self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
for name in ("keras", "amer_tf"):
    try:
        __import__(name)
    except ImportError:
        continue
    sys.exit(f"{name} was imported")

import tensorflow as tf

def plain(value):
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    return value.decode() if isinstance(value, bytes) else value

answers = []
for folder, name, inputs in json.load(sys.stdin):
    function = tf.saved_model.load(folder).signatures[name]
    specs = function.structured_input_signature[1]
    tensors = {key: tf.constant(value, specs[key].dtype) for key, value in inputs.items()}
    # Python wants every input: no rows stand for what was left out.
    for key, spec in specs.items():
        if key not in tensors:
            tensors[key] = tf.zeros([0] * spec.shape.rank, spec.dtype)
    answer = function(**tensors)
    answers.append({key: plain(value.numpy().tolist()) for key, value in answer.items()})
json.dump(answers, sys.stdout)
'''


def run(*command: Any, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(part) for part in command],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    assert not check or done.returncode == 0, done.stderr
    return done


def ask_bare_process(requests: Sequence[tuple[str, str, Mapping[str, Any]]]) -> list[Any]:
    """The answers of a process in which neither Keras nor amer_tf can be imported."""
    done = run(sys.executable, "-c", BARE, input=json.dumps(requests), cwd="/")
    return json.loads(done.stdout)


def saved_model_cli(*arguments: Any) -> str:
    tool = pathlib.Path(sys.executable).with_name("saved_model_cli")
    if not tool.exists():
        pytest.skip(f"TensorFlow's saved_model_cli is not installed beside {sys.executable}")
    return run(tool, *arguments).stdout


def compile_program(folder: pathlib.Path) -> pathlib.Path:
    """`ask.c`, compiled; the test is skipped where that cannot be."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler, neither gcc nor cc")
    libraries_folder = pathlib.Path(tf.sysconfig.get_lib())
    libraries = [libraries_folder / f"libtensorflow_{part}.so.2" for part in ("cc", "framework")]
    for library in libraries:
        if not library.exists():
            pytest.skip(f"this TensorFlow has no {library.name} to link with")
    target = folder / "ask"
    include = f"-I{tf.sysconfig.get_include()}"
    warnings = ("-Wall", "-Wextra", "-Werror")
    path = f"-Wl,-rpath,{libraries_folder}"
    run(compiler, *warnings, C_SOURCE, "-o", target, include, *libraries, path)
    return target


def ask_program(
    program: pathlib.Path,
    folder: pathlib.Path,
    signature: str,
    output: str,
    inputs: Mapping[str, tuple[str, Any]],
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """What the C program prints for inputs, each a type and nested lists of values."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        graph = tf.compat.v1.saved_model.load(session, ["serve"], str(folder))
        described = graph.signature_def[signature]
    arguments = []
    for name, (kind, values) in inputs.items():
        array = np.array(values, object if kind == "string" else None)
        shape = "x".join(map(str, array.shape)) or "scalar"
        arguments += [described.inputs[name].name, kind, shape, *array.ravel()]
    return run(program, folder, described.outputs[output].name, *arguments, check=check)
