"""How large and how long a search is: the presets and what a user may change of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Settings:
    """Every number of a search that is not found by the search itself.

    Args:
        embedding_dim: `K`.
        num_blocks: Choice blocks, `L_b`.
        batch_size: Examples of a step, rounded down to a multiple of the paths in the supernet.
        feed: `"split"` or `"replicate"`, see `BehaviorSupernet`.
        loss: `"softmax"`, `"gbce"` or `"binary"`.
        num_negatives: Shared negatives of a step (softmax, gbce) or own ones of an example.
        num_positives: Next items after the cut that count as positives.
        l2: Weight of the squared gathered embeddings.
        supernet_epochs: Most epochs of supernet training.
        supernet_learning_rate: Peak of the cosine schedule.
        supernet_dropout: Dropout of the supernet.
        patience: Epochs without a better mean inherited score after which the supernet has
            converged.
        convergence_users: Validation users for the mean inherited score after an epoch.
        num_architectures: Random architectures to score.
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
        references: Which hand-made systems to put beside the result.
    """

    embedding_dim: int = 64
    num_blocks: int = 6
    batch_size: int = 512
    feed: str = "split"
    loss: str = "softmax"
    num_negatives: int = 512
    num_positives: int = 1
    l2: float = 0.0
    supernet_epochs: int = 200
    supernet_learning_rate: float = 2e-3
    supernet_dropout: float = 0.3
    patience: int = 40
    convergence_users: int = 1000
    num_architectures: int = 2000
    scoring_users: int = 4000
    num_rescored: int = 20
    num_finalists: int = 5
    finetune_epochs: int = 5
    finetune_learning_rate: float = 1e-4
    scratch_epochs: int = 60
    final_epochs: int = 150
    learning_rate: float = 2e-3
    dropout: float = 0.5
    drop_operation: float = 0.2
    references: tuple[str, ...] = ("popularity", "ease", "transformer")

    def __post_init__(self) -> None:
        object.__setattr__(self, "references", tuple(self.references))
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            default = field.default
            if isinstance(default, (str, tuple)):
                continue
            kind = int if isinstance(default, int) else (int, float)
            if isinstance(value, bool) or not isinstance(value, kind) or value < 0:
                raise ValueError(
                    f"`{field.name}` must be a {'whole ' if kind is int else ''}number of at "
                    f"least 0. Received: {field.name}={value!r}"
                )
        unknown = set(self.references) - {"popularity", "ease", "transformer"}
        if unknown:
            raise ValueError(
                "`references` must be among popularity, ease and transformer. "
                f"Received: references={self.references!r}"
            )

    def to_dict(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "references": list(self.references)}

    def replace(self, **changes: Any) -> Settings:
        """A copy with some values changed."""
        known = {field.name for field in dataclasses.fields(self)}
        for name in changes:
            if name not in known:
                raise ValueError(
                    f"There is no setting of this name; known are {', '.join(sorted(known))}. "
                    f"Received: {name!r}"
                )
        return dataclasses.replace(self, **changes)

    def with_text(self, changes: Mapping[str, str]) -> Settings:
        """A copy with some values changed, given as text as on the command line."""
        values: dict[str, Any] = {}
        defaults = dataclasses.asdict(self)
        for name, text in changes.items():
            default = defaults.get(name)
            try:
                if isinstance(default, (tuple, list)):
                    values[name] = tuple(part for part in text.split(",") if part)
                elif isinstance(default, (int, float)):
                    values[name] = type(default)(text)
                else:
                    values[name] = text
            except ValueError as error:
                raise ValueError(
                    f"`{name}` must be a {type(default).__name__}. Received: {name}={text!r}"
                ) from error
        return self.replace(**values)


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
        num_positives=5,
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
    ),
}


def preset(name: str) -> Settings:
    """The settings of a preset.

    Raises:
        ValueError: Where there is no preset of this name.
    """
    if name not in PRESETS:
        raise ValueError(f"`preset` must be one of {', '.join(PRESETS)}. Received: preset={name!r}")
    return PRESETS[name]
