"""Plain words: every name that a search may use has some."""

from __future__ import annotations

import pytest

from amer_tf import architecture
from amer_tf.report import words
from amer_tf.search import ctr_search, ctr_settings, settings
from amer_tf.search.audit import PHASE as AUDIT
from amer_tf.search.behavior_search import PHASE_SHARES
from amer_tf.search.ctr_result import CtrResult
from amer_tf.search.latencies import PHASE as LATENCIES
from amer_tf.search.next_item_result import NextItemResult
from amer_tf.search.trials import MODEL_KINDS


def test_every_name_has_words():
    phases = {*PHASE_SHARES, *ctr_search.PHASE_SHARES, *ctr_search.HYBRID_PHASE_SHARES}
    assert phases | {"closed_forms", AUDIT, LATENCIES} == set(words.PHASES)
    assert {*settings.REFERENCES, *ctr_settings.REFERENCES, "amer"} == set(words.SYSTEMS)
    assert set(words.TRAININGS) == set(MODEL_KINDS)
    assert {*CtrResult.METRICS, *NextItemResult.METRICS} == set(words.METRICS)
    assert set(words.LAYERS) == set(architecture.LAYERS)
    assert set(words.NORMS) == set(architecture.NORMS)
    assert {*architecture.ACTIVATIONS, *architecture.MLP_ACTIVATIONS} == set(words.ACTIVATIONS)
    assert set(words.SHORTCUTS) == set(architecture.SHORTCUTS) - {"none"}
    assert tuple(words.STEPS) == ctr_search.STEPS
    assert set(words.SAMPLERS) == set(ctr_settings.CtrSettings.CHOICES["sampler"])


def test_a_name_without_words_stands_for_itself():
    assert words.system("my_system") == "My system"
    assert words.system("dcn@deep") == "DCN (deep)"
    assert words.system("amer-2@fm") == "AMER-2 (fm)"
    assert words.metric("hr@10").label == "hr@10"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.96, "10.0 s"), (42.4, "42 s"), (61.0, "1 min 01 s"), (7300, "2 h 01 min")],
)
def test_durations(seconds, text):
    assert words.duration(seconds) == text


def test_sizes():
    assert words.size("lightgbm", 1) == "1 tree"
    assert words.size("lightgbm", 1200) == "1,200 trees"
    assert words.size("amer", 1200) == "1,200"


def test_steps_as_the_paper_numbers_them():
    assert words.step_numbers(("interaction", "mlp")) == "23"
    assert words.step_numbers(("behavior", "interaction", "mlp")) == "123"


def test_places():
    assert words.place(("test", "")) == "test split"
    assert words.place(("test", "full")) == "test split, among the whole catalogue"
    assert words.place(("test", "other")) == "test split, other"
    assert (words.rows("1"), words.rows(256)) == ("1 row", "256 rows")
