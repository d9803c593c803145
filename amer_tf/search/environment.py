"""What a run was made with: versions of the packages that decide its numbers."""

from __future__ import annotations

import importlib.metadata
import platform

import amer_tf

# TensorFlow has more than one name; the first that is there is the one in use.
_PACKAGES = ("keras", "tensorflow", "tensorflow-cpu", "numpy", "scikit-learn", "lightgbm")


def environment() -> dict[str, str]:
    """Versions by name, Python's own and the kind of system among them."""
    found = {
        "amer_tf": amer_tf.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
