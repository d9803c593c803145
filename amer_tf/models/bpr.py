"""BPR: matrix factorisation of users and items."""

from __future__ import annotations

from typing import Any

import keras

from amer_tf.features import FeatureSpec, SpecError
from amer_tf.models import sequence_parts


def build(
    spec: FeatureSpec,
    *,
    embedding_dim: int = 64,
    dropout: float = 0.0,
    l2: float = 0.0,
    catalog: Any = None,
) -> keras.Model:
    """Builds matrix factorisation with the inputs and outputs of `models.amer.build`.

    The query is the embedding `p_u` of the user's id, and a linear layer of it where the item
    vectors are wider. The history is an input that nothing reads, so the spec must have a profile
    field with the user's id, its `group`: leave-one-out data has none unless it is prepared with
    one, and a mean over the history in its place would be another system. Train it with the loss
    `"bpr"`.

    Reference: Rendle et al., "BPR: Bayesian Personalized Ranking from Implicit Feedback", 2009,
    section 4.3.1.

    Args:
        spec: What the model reads and predicts; of task `"next_item"`.
        embedding_dim: `K`, the same for every field.
        dropout: Rate of dropout on the user's embedding.
        l2: Weight of the squared embeddings that a batch gathers, in the loss.
        catalog: What is known of each item, as for `models.amer.build`.

    Returns:
        `keras.Model`. Inputs: `spec.input_fields` by name, and the encoded items to score,
        `(B, C)`, under `spec.item_field`. Output: scores `(B, C)`.

    Raises:
        SpecError: Where the spec is of another task, the catalog has another shape, or there is
            no categorical profile field with the user's id.
    """
    spec.require_task("next_item", "BPR")
    user = sequence_parts.user_field(spec, None)
    if user is None:
        raise SpecError(
            "BPR knows a user by the id alone: the spec needs a categorical profile field which is "
            f"its `group`. Received: group={spec.group!r}, profile="
            f"{[field.name for field in spec.with_role('profile')]}"
        )
    history = sequence_parts.read_history(
        spec, "BPR", embedding_dim=embedding_dim, l2=l2, catalog=catalog
    )
    vector = sequence_parts.drop(sequence_parts.user_vector(history, user), dropout, "user")
    profile = tuple(field.name for field in spec.with_role("profile", "context"))
    return sequence_parts.score_user(spec, history, vector, "bpr", used=profile)
