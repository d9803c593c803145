"""The wheel: what a user installs holds every module, the licence and the console script."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = ("amer_tf", "data_pipelines")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> pathlib.Path:
    # Built from a copy: setuptools leaves folders behind in the sources.
    copy = tmp_path_factory.mktemp("sources")
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    target = tmp_path_factory.mktemp("wheel")
    # Without isolation nothing is fetched.
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(target), str(copy)]
    subprocess.run(command, check=True)
    (file,) = target.glob("*.whl")
    return file


def test_wheel_holds_every_file_of_the_packages(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*")]
    expected = {
        file.relative_to(ROOT).as_posix()
        for file in files
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert expected
    assert expected <= names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "examples/"))]
    assert any(name.endswith(("licenses/LICENSE", "info/LICENSE")) for name in names)


def test_metadata(wheel):
    (distribution,) = importlib.metadata.distributions(path=[str(wheel)])
    assert distribution.version == "0.1.0"
    assert set(distribution.metadata["Requires-Python"].split(",")) == {">=3.10", "<3.14"}
    extras = distribution.metadata.get_all("Provides-Extra")
    assert {"cpu", "gpu", "tf", "demo", "report", "test"} <= set(extras)
    (script,) = distribution.entry_points
    assert (script.name, script.value) == ("amer", "amer_tf.cli.main:main")
    # TensorFlow has three names and the user picks one.
    plain = [entry for entry in distribution.requires if "extra ==" not in entry]
    assert plain
    assert not [entry for entry in plain if entry.startswith("tensorflow")]


def test_installed_wheel_imports_from_anywhere(wheel, tmp_path):
    target = tmp_path / "installed"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*command, "--target", str(target), str(wheel)], check=True)
    done = subprocess.run(
        [sys.executable, "-c", "import amer_tf, data_pipelines; print(amer_tf.__file__)"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert pathlib.Path(done.stdout.strip()) == target / "amer_tf" / "__init__.py"
