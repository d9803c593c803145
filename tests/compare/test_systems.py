"""Names of systems."""

from __future__ import annotations

from amer_tf.compare.systems import choose, references, variants
from tests.models.ctr_contract import HYBRID, SPEC
from tests.search import nets


def test_variants_are_numbered_as_in_the_paper():
    assert list(variants("next_item")) == ["amer-1"]
    assert [system.steps for system in variants("ctr").values()] == [
        ("behavior",),
        ("interaction",),
        ("mlp",),
        ("behavior", "interaction"),
        ("behavior", "mlp"),
        ("interaction", "mlp"),
        ("behavior", "interaction", "mlp"),
    ]


def test_amer_searches_all_that_the_data_allow():
    for spec, name in (
        (HYBRID, "amer-123"),
        (SPEC, "amer-23"),
        (nets.next_item_spec(), "amer-1"),
    ):
        [system] = choose(["amer"], spec)
        assert system.name == name
        assert system.is_searched


def test_all_systems_that_a_table_with_histories_allows():
    names = [*variants("ctr"), *references("ctr")]
    assert [system.name for system in choose(names, HYBRID)] == names
