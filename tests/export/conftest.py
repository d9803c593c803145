"""What the tests of this room share."""

from __future__ import annotations

import pytest

from tests.export import small_models


@pytest.fixture
def exported(exports, request) -> small_models.Exported:
    """The export that a test names by `parametrize(..., indirect=True)`, or its file `DEFAULT`."""
    return exports(getattr(request, "param", getattr(request.module, "DEFAULT", "strings")))
