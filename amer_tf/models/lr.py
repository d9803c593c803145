"""LR: logistic regression."""

from __future__ import annotations

import keras

from amer_tf.features import FeatureSpec
from amer_tf.models import components, table_parts


def build(spec: FeatureSpec, *, l2: float = 0.0) -> keras.Model:
    """Builds an LR: one weight for each value of the non-sequential fields, and for each number.

    `z = w^T x + b`. The weights of a multi-valued field are pooled as the field says. Behaviours
    are inputs that are not read.

    Reference: Richardson et al., "Predicting clicks: estimating the click-through rate for new
    ads", 2007.

    Args:
        spec: What the model reads and predicts, of task ctr.
        l2: Weight of the squared weights that a batch gathers.

    Returns: `keras.Model` from fields by name to logits `(B,)`.

    Raises:
        SpecError: Where the spec is of another task than ctr, or has no non-sequential field with
            embeddings.
    """
    spec.require_task("ctr", "LR")
    table_parts.require_fields(spec, "LR", 1)
    inputs = components.make_inputs(spec)
    logit = table_parts.biased_logit(table_parts.linear_part(spec, inputs, l2, with_numbers=True))
    return keras.Model(inputs, logit, name="lr")
