from __future__ import annotations

import dataclasses

from amer_tf.search import ctr_references
from amer_tf.search.ctr_settings import REFERENCES
from tests.models.test_ctr import HYBRID, SPEC


def test_din_needs_a_target_that_is_mapped_to_a_behaviour():
    assert ctr_references.fitting(REFERENCES, HYBRID) == REFERENCES
    without = tuple(name for name in REFERENCES if name != "din")
    for spec in (SPEC, dataclasses.replace(HYBRID, target_to_behavior={})):
        assert ctr_references.fitting(REFERENCES, spec) == without
