"""Trains the two sides of a next-item network with shared or sampled negatives."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import keras
from keras import ops

from amer_tf.features import NUM_RESERVED_IDS, PADDING_ID
from amer_tf.training import losses
from amer_tf.training.negatives import NegativeSampler
from amer_tf.training.trainer import Trainer

LOSSES = ("softmax", "gbce", "binary")
# Of hand-made systems, beside those that a search may be set to.
REFERENCE_LOSSES = ("bpr", "bpr_max", "top1_max")
# Those whose negatives are each example's own, and not shared by the batch.
OWN_NEGATIVES = ("binary", "bpr")


class Network(Protocol):
    """What can be trained and evaluated for next_item: a derived model or a supernet.

    A network that decides itself what a training step asks for, such as
    `models.bert4rec.ClozeNetwork`, has a method `ask(inputs, labels)`: queries `(B, S, Dq)` and
    labels `(B, S)`, with padding where a query asks for nothing.
    """

    def query(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """`(B, Dq)`, or `(R B, Dq)` for a network which runs each example `R` times.

        In training also `(R B, T, Dq)`: a query after each step, where it has seen no later one.
        """

    def item_vectors(self, ids: Any) -> Any:
        """`(..., Dq)` for ids of shape `(...)`."""


class NextItemTrainer(Trainer):
    """Keras model whose `train_step` trains a network to rank the next items first.

    Args:
        network: A `keras.Model` with the methods of `Network`.
        num_items: Rows of the item vocabulary, padding and unknown included.
        loss: `"softmax"` (sampled softmax), `"gbce"` (gSASRec), `"bpr_max"` or `"top1_max"`
            (GRU4Rec), all with negatives shared by the batch; or `"binary"`, the paper's equation
            7, or `"bpr"` with each example's own negatives.
        num_negatives: Shared negatives of a step.
        negative_weights: Non-negative numbers `(num_items,)`: shared negatives are drawn in
            proportion, see `negatives.popularity_weights`. None for uniform draws.
        clip_norm: Largest global norm of the gradients; None for no limit.
        seed: Seed of the shared negatives.
    """

    def __init__(
        self,
        network: keras.Model,
        num_items: int,
        *,
        loss: str = "softmax",
        num_negatives: int = 512,
        negative_weights: Any = None,
        clip_norm: float | None = 5.0,
        seed: int = 0,
    ) -> None:
        super().__init__(network, clip_norm=clip_norm, name="next_item_trainer")
        known = (*LOSSES, *REFERENCE_LOSSES)
        if loss not in known:
            raise ValueError(f"`loss` must be one of {known}. Received: loss={loss!r}")
        if num_items <= NUM_RESERVED_IDS:
            raise ValueError(
                f"`num_items` must count at least one known item beside padding and unknown. "
                f"Received: num_items={num_items}"
            )
        self.num_items = num_items
        self.loss_name = loss
        self.num_negatives = num_negatives
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.sampler = NegativeSampler(num_items, negative_weights)

    @property
    def _own_negatives(self) -> bool:
        """Whether the negatives are each example's own, and not shared by the batch."""
        return self.loss_name in OWN_NEGATIVES

    def call(self, inputs: dict[str, Any], training: bool = False) -> Any:
        return self.network.query(inputs, training=training)

    def batch_loss(self, inputs: dict[str, Any], labels: dict[str, Any]) -> Any:
        """Mean loss of a batch, with what the network's layers add to it."""
        if hasattr(self.network, "ask"):
            queries, labels = self.network.ask(inputs, labels)
        else:
            queries = self.network.query(inputs, training=True)  # (R B, Dq), or (R B, T, Dq)
        penalties = list(self.network.losses)
        positives = labels["positives"]  # (B, P)
        num_examples = ops.cast(ops.shape(positives)[0], "float32")
        negatives = labels["negatives"] if self._own_negatives else self._shared_negatives()
        replicas = getattr(self.network, "num_replicas", 1)
        if len(queries.shape) == 3:
            queries, positives, negatives = _one_by_one(queries, positives, negatives, replicas)
        vectors = self.network.item_vectors(
            ops.concatenate([ops.reshape(positives, (-1,)), ops.reshape(negatives, (-1,))])
        )
        # The items stand in one row, so their layers take them for a batch of one example.
        penalties += [
            penalty / num_examples
            for penalty in self.network.losses
            if all(penalty is not known for known in penalties)
        ]
        shape, width = ops.shape(positives), vectors.shape[-1]
        num_positives = shape[0] * shape[1]
        positive_vectors = ops.reshape(vectors[:num_positives], (*shape, width))
        negative_vectors = ops.reshape(vectors[num_positives:], (*ops.shape(negatives), width))
        if replicas > 1:
            positives, positive_vectors = _tile((positives, positive_vectors), replicas)
            if self._own_negatives:
                negatives, negative_vectors = _tile((negatives, negative_vectors), replicas)
        loss = self._loss(queries, positives, positive_vectors, negatives, negative_vectors)
        return loss + sum(penalties)

    def _shared_negatives(self) -> Any:
        """`(S,)` items."""
        return self.sampler.draw(self.num_negatives, self.seed_generator)

    def _loss(
        self,
        queries: Any,
        positives: Any,
        positive_vectors: Any,
        negatives: Any,
        negative_vectors: Any,
    ) -> Any:
        mask = ops.not_equal(positives, PADDING_ID)
        positive_scores = ops.einsum("bd,bpd->bp", queries, positive_vectors)
        if self._own_negatives:
            own = losses.bpr if self.loss_name == "bpr" else losses.sampled_binary
            return own(
                positive_scores,
                ops.einsum("bd,bnd->bn", queries, negative_vectors),
                mask,
                ops.not_equal(negatives, PADDING_ID),
            )
        negative_scores = ops.matmul(queries, ops.transpose(negative_vectors))  # (B, S)
        accidental = losses.accidental(positives, negatives)
        if self.loss_name == "gbce":
            num_known = self.num_items - NUM_RESERVED_IDS
            return losses.gbce(positive_scores, negative_scores, accidental, mask, num_known)
        shared = _SHARED[self.loss_name]
        return shared(positive_scores, negative_scores, accidental, mask)


_SHARED: dict[str, Callable[..., Any]] = {
    "softmax": losses.sampled_softmax,
    "bpr_max": losses.bpr_max,
    "top1_max": losses.top1_max,
}


def _one_by_one(
    queries: Any, positives: Any, negatives: Any, replicas: int
) -> tuple[Any, Any, Any]:
    """Every step as an example of its own: `(R B T, Dq)`, `(B T, 1)` and own negatives likewise."""
    rows, *steps = positives.shape
    if (None if rows is None else replicas * rows, *steps) != tuple(queries.shape[:2]):
        raise ValueError(
            "A network with a query for each step needs a positive for each step: make the "
            "batches with `ask='every_position'`. Received: "
            f"positives.shape={tuple(positives.shape)}, queries.shape={tuple(queries.shape)}"
        )
    if len(negatives.shape) == 2:
        negatives = ops.reshape(negatives, (-1, 1))
    return ops.reshape(queries, (-1, queries.shape[-1])), ops.reshape(positives, (-1, 1)), negatives


def _tile(tensors: Iterable[Any], times: int) -> list[Any]:
    """The rows of each tensor, all of them several times over."""
    return [ops.tile(tensor, (times, *(1,) * (len(tensor.shape) - 1))) for tensor in tensors]
