"""Which steps of a sequence are hidden, to be asked for."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from amer_tf.layers.fused_dropout import random_bits


@keras.saving.register_keras_serializable(package="amer_tf")
class ClozeMask(keras.layers.Layer):
    """Adds a step that is asked for, and in training hides a fraction of the others.

    `asked_i = [u_i < rate]` at valid steps in training, else false; `asked_{T + 1}` is true
    always, and so is `mask_{T + 1}`.

    Reference: the Cloze task of Sun et al., "BERT4Rec", 2019, section 3.6. There the last item is
    hidden in some of the training sequences; here what follows the last is asked for in all.

    Args:
        rate: Float in [0, 1). Fraction of the valid steps to hide.
        seed: Integer, or None for a random one.

    Call arguments:
        valid: Bool tensor of shape `(batch, steps)`, true at valid steps.
        training: Whether to hide any.

    Output: a dict of `mask` and `asked`, bool tensors of shape `(batch, steps + 1)`.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"`rate` must be in [0, 1). Received: rate={rate}")
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed) if rate > 0 else None

    def call(self, valid: Any, training: bool | None = None) -> dict[str, Any]:
        batch, steps = ops.shape(valid)
        if self.seed_generator is None or not training:
            hidden = ops.zeros_like(valid)
        else:
            bits = random_bits(batch * steps, self.seed_generator.next())
            hidden = bits < ops.cast(int(self.rate * 2**32), "uint32")
            hidden = ops.logical_and(valid, ops.reshape(hidden, (batch, steps)))
        added = ops.ones((batch, 1), dtype="bool")
        return {
            "mask": ops.concatenate([valid, added], axis=1),
            "asked": ops.concatenate([hidden, added], axis=1),
        }

    def compute_output_spec(self, valid: Any, training: bool | None = None) -> dict[str, Any]:
        steps = None if valid.shape[1] is None else valid.shape[1] + 1
        shape = (valid.shape[0], steps)
        return {name: keras.KerasTensor(shape, dtype="bool") for name in ("mask", "asked")}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
