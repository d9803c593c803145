from __future__ import annotations

import pytest

from amer_tf.features import Vocabulary
from data_pipelines import coding
from data_pipelines.errors import DataError
from data_pipelines.vocabulary_coding import VocabularyCoder, require_room


def test_all_vocabularies_share_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coding, "MAX_VALUES", 12)
    coders = {
        "fitted": VocabularyCoder(Vocabulary("fitted")),
        "hashed": VocabularyCoder(Vocabulary("hashed", source="hash", size=10)),
    }
    coders["fitted"].encode(["a", "b", "a"], lambda index: f"row {index}")
    require_room(coders)
    coders["fitted"].encode(["c"], lambda index: f"row {index}")
    message = "at most 12 values together.*hash the largest.*Received: 13 values, 10 of them in 'h"
    with pytest.raises(DataError, match=message):
        require_room(coders)
