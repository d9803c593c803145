from __future__ import annotations

import pytest

from amer_tf.export import latency
from amer_tf.export.latency import measure_latency
from tests.export import small_models
from tests.export.test_ctr import ARCHITECTURE, SPEC


def table() -> small_models.Case:
    return small_models.make(SPEC, ARCHITECTURE)


@pytest.mark.parametrize("make", [small_models.strings, table], ids=["next_item", "ctr"])
def test_milliseconds_of_a_call(make, tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(latency, "_SECONDS", 0.0)
    small_models.load(make(), tmp_path / "export")
    found = measure_latency(tmp_path / "export", rows=(1, 5000))
    assert sorted(found) == [1, 5000]
    assert 0 < found[1] < found[5000] < 10_000
