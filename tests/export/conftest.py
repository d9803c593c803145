"""Exports that the tests of this room share."""

from __future__ import annotations

import pytest

from tests.export import small_models


@pytest.fixture(scope="session")
def exports(tmp_path_factory) -> dict[str, small_models.Exported]:
    """One export of each small model, by its name."""
    root = tmp_path_factory.mktemp("exports")
    return {
        name: small_models.load(make(), root / name) for name, make in small_models.CASES.items()
    }


@pytest.fixture
def exported(exports, request) -> small_models.Exported:
    """The export that a test names by `parametrize(..., indirect=True)`; else that of texts."""
    return exports[getattr(request, "param", "strings")]
