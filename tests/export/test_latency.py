from __future__ import annotations

import pytest

from amer_tf.export import latency
from amer_tf.export.latency import measure_latency


@pytest.mark.parametrize("exported", ["strings", "sums"], indirect=True, ids=["next_item", "ctr"])
def test_milliseconds_of_a_call(exported, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(latency, "_SECONDS", 0.0)
    found = measure_latency(exported.folder, rows=(1, 5000))
    assert sorted(found) == [1, 5000]
    assert 0 < found[1] < found[5000] < 10_000
