"""Exports that the tests of this room share."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest

from tests.export import small_hybrids, small_models

MODELS = {**small_models.CASES, **small_hybrids.HYBRIDS}


@pytest.fixture(scope="session")
def exports(tmp_path_factory) -> Callable[[str], small_models.Exported]:
    """Gives the export of a small model by its name, made at its first use."""
    root = tmp_path_factory.mktemp("exports")
    return functools.cache(lambda name: small_models.load(MODELS[name](), root / name / "1"))


@pytest.fixture
def exported(exports, request) -> small_models.Exported:
    """The export that a test names by `parametrize(..., indirect=True)`, or its file `DEFAULT`."""
    return exports(getattr(request, "param", getattr(request.module, "DEFAULT", "strings")))
