"""How large and how long a search is: the presets and what a user may change of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from amer_tf.features import FeatureSpec
from amer_tf.search.settings_base import BaseSettings

REFERENCES = (
    *("popularity", "ease", "bpr", "gru4rec", "stamp", "narm", "caser", "nextitnet", "sr_gnn"),
    *("bert4rec", "transformer"),
)


@dataclasses.dataclass(frozen=True)
class Settings(BaseSettings):
    """Every number of a search that is not found by the search itself.

    Args:
        embedding_dim: Numbers that stand for a value of a field, `K`.
        num_blocks: Choice blocks, `L_b`.
        batch_size: Examples of a step, rounded down to a multiple of the paths in the supernet.
        feed: `"split"` or `"replicate"`, see `BehaviorSupernet`.
        training: How the searched networks learn: `"every_position"`, causal ones, the next item at
            each step of the whole history, as SASRec; or `"cut"`, such that see the history in both
            directions, the items after a random cut, as in the paper.
        loss: `"softmax"`, `"gbce"` or `"binary"`.
        num_negatives: Shared negatives of a step (softmax, gbce) or own ones of an example.
        num_positives: Next items after the cut that count as positives, where the training is by
            cuts.
        l2: Weight of the squared gathered embeddings.
        supernet_epochs: Most epochs of supernet training.
        supernet_learning_rate: Peak of the cosine schedule.
        supernet_dropout: Dropout of the supernet.
        patience: Epochs without a better mean inherited score after which the supernet has
            converged.
        convergence_users: Validation users for the mean inherited score after an epoch.
        num_architectures: Architectures to score.
        sampler: Where they come from: `"random"`; or `"evolution"`, all but the first quarter bred
            from the best before, see `samplers.EvolutionSampler`.
        scoring_users: Validation users to score them on.
        num_rescored: Best of them to score again on the whole validation split.
        num_finalists: Best of those to keep, fine-tune and train from scratch.
        finetune_epochs: Epochs of fine-tuning from inherited weights.
        finetune_learning_rate: Its peak.
        scratch_epochs: Most epochs of training a finalist from scratch.
        final_epochs: Most epochs of training the best finalist from scratch once more; 0 for none.
        learning_rate: Peak of training from scratch.
        dropout: Dropout of training from scratch.
        drop_operation: Rate of dropping whole operations in training from scratch.
        drop_event: Rate of dropping events of the history, in the supernet and from scratch, where
            the training is by cuts.
        validation_negatives: Uniform negatives that the true item is ranked among in validation.
        references: Which hand-made systems to put beside the result.
        causal_training: How the causal networks among them learn (`gru4rec`, `nextitnet`,
            `transformer`): `"every_position"`, the next item at each step of the whole history,
            as in their papers; or `"cut"`, the items after a random cut.
        reference_dropout: Dropout of the hand-made networks: `"own"`, the rate that each is known
            to want, or `"shared"`, `dropout`.
        ease_l2: What the reference `ease` adds to the diagonal.
    """

    embedding_dim: int = 64
    num_blocks: int = 6
    batch_size: int = 512
    feed: str = "split"
    training: str = "every_position"
    loss: str = "softmax"
    num_negatives: int = 2048
    num_positives: int = 5
    l2: float = 0.0
    supernet_epochs: int = 200
    supernet_learning_rate: float = 2e-3
    supernet_dropout: float = 0.3
    patience: int = 40
    convergence_users: int = 1000
    num_architectures: int = 2000
    sampler: str = "random"
    scoring_users: int = 4000
    num_rescored: int = 20
    num_finalists: int = 5
    finetune_epochs: int = 5
    finetune_learning_rate: float = 1e-4
    scratch_epochs: int = 120
    final_epochs: int = 200
    learning_rate: float = 2e-3
    dropout: float = 0.5
    drop_operation: float = 0.2
    drop_event: float = 0.2
    validation_negatives: int = 100
    references: tuple[str, ...] = ("popularity", "ease", "transformer")
    causal_training: str = "every_position"
    reference_dropout: str = "own"
    ease_l2: float = 300.0

    CHOICES: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "feed": ("split", "replicate"),
        "training": ("cut", "every_position"),
        "loss": ("softmax", "gbce", "binary"),
        "sampler": ("random", "evolution"),
        "causal_training": ("cut", "every_position"),
        "reference_dropout": ("own", "shared"),
    }
    NAMES: ClassVar[Mapping[str, tuple[str, ...]]] = {"references": REFERENCES}
    RATES: ClassVar[tuple[str, ...]] = (
        "supernet_dropout",
        "dropout",
        "drop_operation",
        "drop_event",
    )
    MAY_BE_ZERO: ClassVar[tuple[str, ...]] = (
        "l2",
        "patience",
        "num_finalists",
        "finetune_epochs",
        "final_epochs",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.loss == "binary" and self.num_negatives % self.num_positives:
            raise ValueError(
                "With the binary loss `num_negatives` must be a multiple of `num_positives`: "
                "every positive has negatives of its own. Received: "
                f"num_negatives={self.num_negatives}, num_positives={self.num_positives}"
            )


PRESETS = {
    "quick": Settings(
        embedding_dim=32,
        num_blocks=3,
        num_negatives=256,
        supernet_epochs=30,
        patience=10,
        num_architectures=220,
        scoring_users=2000,
        num_rescored=5,
        num_finalists=2,
        finetune_epochs=1,
        scratch_epochs=15,
        final_epochs=30,
    ),
    "standard": Settings(),
    # Section 3.2 of the paper: Adam 1e-3, batch 512, K 128, 4000 epochs, 1:1 negatives,
    # fine-tuning at 1e-6. Training from scratch is ours; it shares the paper's rate.
    "paper": Settings(
        embedding_dim=128,
        feed="replicate",
        loss="binary",
        num_negatives=5,
        l2=1e-6,
        supernet_epochs=4000,
        supernet_learning_rate=1e-3,
        supernet_dropout=0.0,
        patience=200,
        num_architectures=2000,
        num_finalists=5,
        finetune_epochs=20,
        finetune_learning_rate=1e-6,
        scratch_epochs=4000,
        final_epochs=0,
        learning_rate=1e-3,
        training="cut",
        drop_event=0.0,
    ),
}


def preset(name: str, spec: FeatureSpec | None = None) -> Settings:
    """The settings of a preset, the same for every spec.

    Raises:
        ValueError: Where there is no preset of this name.
    """
    if name not in PRESETS:
        raise ValueError(f"`preset` must be one of {', '.join(PRESETS)}. Received: preset={name!r}")
    return PRESETS[name]
