"""Small specs, batches and supernets for the tests of the search."""

from __future__ import annotations

import keras
import numpy as np

from amer_tf.features import CategoricalField, FeatureSpec, MultiValuedField, Vocabulary
from amer_tf.search.behavior import BehaviorSupernet
from amer_tf.search.spaces import BehaviorSpace

NUM_ITEMS = 50
STEPS = 7


def next_item_spec(*, attributes: bool = False, profile: bool = False) -> FeatureSpec:
    """Histories of up to `STEPS` of `NUM_ITEMS` items, with what else is asked for."""
    fields = [
        CategoricalField("history_item_id", "behavior", "item_id"),
        CategoricalField("item_id", "target", "item_id"),
    ]
    vocabularies = [Vocabulary("item_id", "integer", "int64", size=NUM_ITEMS)]
    mapping = {"item_id": "history_item_id"}
    if attributes:
        fields += [
            MultiValuedField("history_attributes", "behavior", "attribute", max_values=3),
            MultiValuedField("attributes", "target", "attribute", max_values=3),
        ]
        vocabularies.append(Vocabulary("attribute", "integer", "int64", size=9))
        mapping["attributes"] = "history_attributes"
    if profile:
        fields.append(CategoricalField("city", "profile"))
        vocabularies.append(Vocabulary("city", "integer", "int64", size=4))
    return FeatureSpec(
        fields=tuple(fields),
        vocabularies=tuple(vocabularies),
        task="next_item",
        max_length=STEPS,
        target_to_behavior=mapping,
    )


def catalog() -> np.ndarray:
    """Attributes of the items, padded with 0; some items have none."""
    table = np.random.default_rng(3).integers(0, 11, size=(NUM_ITEMS + 2, 3))
    table[:2] = 0
    return np.sort(table, axis=1)[:, ::-1].astype("int32")


def histories(num_users: int, seed: int = 0) -> np.ndarray:
    """Right-padded histories of 0 to `STEPS` events; the first user has none."""
    generator = np.random.default_rng(seed)
    ids = generator.integers(2, NUM_ITEMS + 2, size=(num_users, STEPS)).astype("int32")
    lengths = generator.integers(1, STEPS + 1, size=num_users)
    lengths[0] = 0
    ids[np.arange(STEPS) >= lengths[:, None]] = 0
    return ids


def batch(spec: FeatureSpec, num_users: int, seed: int = 0) -> dict[str, np.ndarray]:
    inputs = {"history_item_id": histories(num_users, seed)}
    if any(field.name == "city" for field in spec):
        inputs["city"] = np.random.default_rng(seed).integers(1, 6, num_users).astype("int32")
    return inputs


def supernet(
    spec: FeatureSpec, *, num_blocks: int = 2, causal: bool = False, **options
) -> BehaviorSupernet:
    keras.utils.set_random_seed(7)
    has_catalog = bool(spec.catalog_fields)
    return BehaviorSupernet(
        spec,
        BehaviorSpace(num_blocks=num_blocks, causal=causal),
        embedding_dim=8,
        catalog=catalog() if has_catalog else None,
        **options,
    )
