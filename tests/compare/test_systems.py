"""Names of systems."""

from __future__ import annotations

import pytest

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


@pytest.mark.parametrize(
    ("name", "spec", "message"),
    [
        ("sasrec", SPEC, r"sasrec is of task next_item\. Received: sasrec"),
        ("pop@own", SPEC, r"pop is of task next_item\. Received: pop@own"),
        ("amer-12", nets.next_item_spec(), r"amer-12 is of task ctr\. Received: amer-12"),
        ("sasrek", nets.next_item_spec(), r"'next_item'\. Did you mean sasrec\? Received: sasrek"),
        ("what", SPEC, r"for task 'ctr'\. Received: what"),
    ],
)
def test_systems_of_another_task(name, spec, message):
    with pytest.raises(ValueError, match=message):
        choose([name], spec)


def test_names_that_differ_in_capitals_alone():
    with pytest.raises(ValueError, match="more than capitals: .* Received: dnn@A, dnn@a"):
        choose(["dnn@A", "lr", "dnn@a"], SPEC)
