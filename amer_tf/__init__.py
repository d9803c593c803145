"""AutoML for recommender models on TensorFlow and Keras 3.

Importing the package registers every layer, so that `keras.models.load_model` finds them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from amer_tf.quiet import quiet_import

if TYPE_CHECKING:
    from amer_tf.search.searcher import AmerSearch


@contextlib.contextmanager
def _naming_the_extra() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "tensorflow":
            raise
        raise ImportError(
            "amer_tf needs TensorFlow, which is not installed. Install one of its extras: "
            "`pip install amer_tf[cpu]` (tensorflow-cpu), `amer_tf[gpu]` (tensorflow[and-cuda]) "
            "or `amer_tf[tf]` (tensorflow). Layers, models and supernets also run without it "
            "on another backend of Keras, e.g. with KERAS_BACKEND=jax in the environment."
        ) from error


with _naming_the_extra(), quiet_import():
    from amer_tf import layers, models
    from amer_tf.architecture import Architecture, ArchitectureError, Block, HiddenLayer
    from amer_tf.features import (
        CategoricalField,
        FeatureSpec,
        MultiValuedField,
        Normalization,
        NumericField,
        SpecError,
        Vocabulary,
    )

__version__ = "0.1.0"

__all__ = [
    "AmerSearch",
    "Architecture",
    "ArchitectureError",
    "Block",
    "CategoricalField",
    "FeatureSpec",
    "HiddenLayer",
    "MultiValuedField",
    "Normalization",
    "NumericField",
    "SpecError",
    "Vocabulary",
    "__version__",
    "layers",
    "models",
]


def __getattr__(name: str) -> Any:
    # The search trains, so it needs TensorFlow; the names above do not.
    if name == "AmerSearch":
        with _naming_the_extra():
            from amer_tf.search.searcher import AmerSearch
        return AmerSearch
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
