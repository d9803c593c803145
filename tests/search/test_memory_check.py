from __future__ import annotations

import pytest

from amer_tf.features import CategoricalField, FeatureSpec, NumericField, SpecError, Vocabulary
from amer_tf.search import ctr_references, memory_check
from amer_tf.search.ctr_program import CtrProgram
from amer_tf.search.ctr_settings import CtrSettings
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


def test_crosses_count(monkeypatch: pytest.MonkeyPatch):
    # 12 and 88 rows of 4 numbers and 3 crosses of 10 weights and that of the padding, 5 times.
    settings = CtrSettings(num_interactions=3, min_interactions=3, references=("autocross", "lr"))
    few = settings.replace(cross_buckets=10)
    assert ctr_references.num_crossed(few, make(86)) == 33
    monkeypatch.setattr(memory_check, "machine_memory", lambda: 8660)
    require_memory(make(86), 4, 33)
    message = (
        r"copies of the embedding tables and of the weights of crosses.*or smaller "
        r"`cross_buckets`.*Received: 101 values.*embedding_dim=4, 33 weights of crosses"
    )
    with pytest.raises(SpecError, match=message):
        require_memory(make(87), 4, 33)
    # There are 11 x 87 combinations, and no crosses without the system.
    assert ctr_references.num_crossed(settings, make(86)) == 3 * (1 + 11 * 87)
    assert ctr_references.num_crossed(settings.replace(references=("lr",)), make(86)) == 0


def test_crosses_of_numbers_alone(monkeypatch: pytest.MonkeyPatch):
    spec = FeatureSpec((NumericField("a"), NumericField("b")), (), label="y")
    monkeypatch.setattr(memory_check, "machine_memory", lambda: 8000)
    require_memory(spec, 4, 400)
    message = r"`cross_buckets`. Received: 0 values, embedding_dim=4, 401 weights of crosses"
    with pytest.raises(SpecError, match=message):
        require_memory(spec, 4, 401)


def test_a_search_of_rows_asks_for_the_memory_of_crosses(monkeypatch: pytest.MonkeyPatch):
    settings = CtrSettings(embedding_dim=4, references=("autocross",))
    monkeypatch.setattr(memory_check, "machine_memory", lambda: 8660)
    CtrProgram.check(make(80), settings.replace(references=()))
    with pytest.raises(SpecError, match="weights of crosses"):
        CtrProgram.check(make(80), settings)
