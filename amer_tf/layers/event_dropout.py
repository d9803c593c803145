"""Dropout of whole events of a behaviour sequence."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf.layers.fused_dropout import random_bits


@keras.saving.register_keras_serializable(package="amer_tf")
class EventDropout(keras.layers.Layer):
    """Turns a random fraction of the events into padding in training.

    The model learns from histories with gaps, and cannot lean on one single event. Nothing is
    scaled up: padded steps do not count in any layer of this library. Reference: the "item crop
    and mask" of Xie et al., "Contrastive Learning for Sequential Recommendation", 2020.

    Args:
        rate: Float in [0, 1). Fraction of the events to drop.
        seed: Integer, or None for a random one.

    Call arguments:
        ids: Integer tensor of shape `(batch, steps)`, 0 at padded steps.
        training: Whether to drop.

    Output shape: that of `ids`.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"`rate` must be in [0, 1). Received: rate={rate}")
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed) if rate > 0 else None

    def call(self, ids: Any, training: bool | None = None) -> Any:
        if self.seed_generator is None or not training:
            return ids
        batch, steps = ops.shape(ids)
        bits = random_bits(batch * steps, self.seed_generator.next())
        kept = bits >= ops.cast(int(self.rate * 2**32), "uint32")
        return ops.where(ops.reshape(kept, (batch, steps)), ids, ops.zeros_like(ids))

    def compute_output_spec(self, ids: Any, training: bool | None = None) -> Any:
        return keras.KerasTensor(ids.shape, dtype=ids.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
