from __future__ import annotations

import pytest

from amer_tf.features import CategoricalField, FeatureSpec, SpecError, Vocabulary
from amer_tf.search import memory_check
from amer_tf.search.memory_check import require_memory


def make(size: int) -> FeatureSpec:
    return FeatureSpec(
        fields=(CategoricalField("a"), CategoricalField("b")),
        vocabularies=(
            Vocabulary("a", source="hash", size=10),
            Vocabulary("b", source="hash", size=size),
        ),
        label="y",
    )


def test_tables_that_memory_holds(monkeypatch: pytest.MonkeyPatch):
    # 12 and 88 rows of 4 numbers of 4 bytes, 5 times.
    monkeypatch.setattr(memory_check, "machine_memory", lambda: 8000)
    require_memory(make(86), 4)
    message = (
        r"Training holds 5 copies of the embedding tables, 0.0 GiB.*choose a smaller "
        r"`embedding_dim`.*Received: 101 values, 89 of them in vocabularies\['b'\], "
        "embedding_dim=4"
    )
    with pytest.raises(SpecError, match=message):
        require_memory(make(87), 4)


def test_rows_beyond_what_an_id_can_count(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory_check, "machine_memory", lambda: 2**60)
    require_memory(make(2**31 - 30), 4)
    with pytest.raises(SpecError, match="2,147,483,6.. values"):
        require_memory(make(2**31 - 10), 4)
