"""How large and how long a search of task ctr is: the presets and what a user may change."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from amer_tf.search.settings_base import BaseSettings

REFERENCES = ("dnn", "wide_and_deep", "deepfm", "dcn", "lightgbm")


@dataclasses.dataclass(frozen=True)
class CtrSettings(BaseSettings):
    """Every number of a search of task ctr that is not found by the search itself.

    Args:
        embedding_dim: `K`.
        batch_size: Most rows of a step; rounded to equal hands or shares in the supernets.
        epoch_steps: Steps that an epoch should have: where there are few rows, a step has fewer,
            down to 64.
        prior_precisions: Precisions `p` of the Gaussian prior of the embeddings, to choose from:
            adds `p / 2 sum(table^2)` to the loss summed over the training rows, so that rare
            values are drawn to zero more than frequent ones. Just one is not tried out; 0 is none.
        tuning_rows: Training rows that they, and how many interactions to take, are tried out on.
        l2: Weight of the squared gathered embeddings beside the mean loss, which draws all alike.
        dropout: Dropout of the MLP's hidden layers in step 3 and final training.
        embedding_rate_factor: Learning rate of the embeddings over that of all else.
        hidden_units: The predefined MLP, ReLU, of step 2 and where step 3 is left out.
        shortcut: `"squeeze_excitation"`, `"sum"` or `"none"`.
        rounds: Rounds of step 2.
        round_epochs: Epochs of each round.
        round_learning_rate: Peak of the cosine schedule of a round.
        search_units: Hidden layers of the supernet of step 2, ReLU.
        num_screened: Candidates of a round that are trained: those that were kept, and of the new
            ones the best by screening; 0 for all, as in the paper.
        screening_rows: Training rows that they are screened on.
        scoring_rows: Validation rows that interactions are scored on.
        scoring_dtype: Of the hidden layers meanwhile: `"float32"`, or `"bfloat16"`, which is faster
            on processors that multiply such.
        fitness: What interactions and MLPs are compared by: `"log_loss"`, or `"auc"`, exact.
        selection: Which interactions a round hands on and step 2 chooses: `"forward"`, one after
            another those that complement the ones before best; or `"best"`, those with the largest
            gain by themselves, as in the paper.
        num_kept: Interactions that a round hands on, `k`.
        num_interactions: Interactions that step 2 chooses, `k'`.
        min_interactions: How few of them the result may have: tried out are half as many, and half
            of those, and so on.
        max_order: Most fields of an interaction; 0 for no limit.
        mlp_layers: Hidden layers of step 3, `L_c`.
        max_units: Units of the widest hidden layer, the maximum MLP; 0 for `K_0`.
        feed: `"split"` or `"replicate"`, see `MlpSupernet`.
        mlp_epochs: Epochs of the supernet of step 3.
        mlp_learning_rate: Its peak.
        num_mlps: Random MLPs to score.
        mlp_scoring_rows: Validation rows that they are scored on.
        num_rescored: Best of them to score again on the whole validation split.
        final_epochs: Most epochs of each final training.
        learning_rate: Learning rate of training from scratch.
        finetune_learning_rate: Learning rate of training from inherited weights.
        patience: Epochs without a lower validation loss before the learning rate is cut.
        max_cuts: Cuts by ten, after which the next such wait ends the training.
        averaging: What the past epochs count in the running average of the weights that is scored
            and given; 0 for the weights as they are.
        calibration: `"platt"`: epochs are compared, and logits given, with the slope and intercept
            that fit the validation split; `"none"`: as they are.
        references: Which hand-made systems to put beside the result.
    """

    embedding_dim: int = 16
    batch_size: int = 4096
    epoch_steps: int = 100
    prior_precisions: tuple[float, ...] = (10.0, 30.0, 100.0, 300.0)
    tuning_rows: int = 200_000
    l2: float = 0.0
    dropout: float = 0.3
    embedding_rate_factor: float = 10.0
    hidden_units: tuple[int, ...] = (200, 200, 200)
    shortcut: str = "squeeze_excitation"
    rounds: int = 4
    round_epochs: int = 2
    round_learning_rate: float = 1e-3
    search_units: tuple[int, ...] = (64, 64)
    num_screened: int = 100
    screening_rows: int = 200_000
    scoring_rows: int = 50_000
    scoring_dtype: str = "float32"
    fitness: str = "log_loss"
    selection: str = "forward"
    num_kept: int = 50
    num_interactions: int = 15
    min_interactions: int = 1
    max_order: int = 0
    mlp_layers: int = 3
    max_units: int = 200
    feed: str = "split"
    mlp_epochs: int = 8
    mlp_learning_rate: float = 1e-3
    num_mlps: int = 2000
    mlp_scoring_rows: int = 20_000
    num_rescored: int = 20
    final_epochs: int = 100
    learning_rate: float = 1e-3
    finetune_learning_rate: float = 1e-4
    patience: int = 5
    max_cuts: int = 1
    averaging: float = 0.85
    calibration: str = "platt"
    references: tuple[str, ...] = ("dnn", "deepfm")

    CHOICES: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "calibration": ("platt", "none"),
        "feed": ("split", "replicate"),
        "fitness": ("log_loss", "auc"),
        "scoring_dtype": ("float32", "bfloat16"),
        "selection": ("forward", "best"),
        "shortcut": ("squeeze_excitation", "sum", "none"),
    }
    NAMES: ClassVar[Mapping[str, tuple[str, ...]]] = {"references": REFERENCES}
    RATES: ClassVar[tuple[str, ...]] = ("dropout", "averaging")
    MAY_BE_ZERO: ClassVar[tuple[str, ...]] = (
        "prior_precisions",
        "l2",
        "num_screened",
        "max_order",
        "max_units",
        "max_cuts",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_order == 1:
            raise ValueError(
                "`max_order` must be 0 or at least 2: an interaction has two fields or more. "
                "Received: max_order=1"
            )
        if self.num_kept < self.num_interactions:
            raise ValueError(
                "`num_kept` must be at least `num_interactions`, which are chosen among the kept. "
                f"Received: num_kept={self.num_kept}, num_interactions={self.num_interactions}"
            )
        if 0 < self.num_screened <= self.num_kept:
            raise ValueError(
                "`num_screened` must be 0 or more than `num_kept`, for new candidates to stand "
                f"beside the kept. Received: num_screened={self.num_screened}, "
                f"num_kept={self.num_kept}"
            )


PRESETS = {
    "quick": CtrSettings(
        embedding_dim=8,
        prior_precisions=(30.0,),
        hidden_units=(64, 64),
        rounds=2,
        round_epochs=1,
        search_units=(32,),
        num_screened=30,
        screening_rows=50_000,
        scoring_rows=5000,
        num_kept=20,
        num_interactions=10,
        min_interactions=10,
        mlp_layers=2,
        mlp_epochs=2,
        num_mlps=200,
        mlp_scoring_rows=5000,
        num_rescored=5,
        final_epochs=10,
        patience=1,
    ),
    "standard": CtrSettings(),
    # Section 3.2 of the paper, Criteo: K 5, batch 4096, 4 rounds of 30 epochs in total (here 28),
    # at 1e-4, 50 interactions kept and 15 chosen, predefined MLP 3 x 200, then 3 layers of tenths
    # of K_0, and 1e-3.
    "paper": CtrSettings(
        embedding_dim=5,
        dropout=0.0,
        epoch_steps=1,
        prior_precisions=(0.0,),
        l2=1e-6,
        embedding_rate_factor=1.0,
        search_units=(200, 200, 200),
        num_screened=0,
        selection="best",
        min_interactions=15,
        round_epochs=7,
        round_learning_rate=1e-4,
        max_units=0,
        feed="replicate",
        mlp_epochs=30,
        finetune_learning_rate=1e-3,
        averaging=0.0,
        calibration="none",
    ),
}


def preset(name: str) -> CtrSettings:
    """The settings of a preset.

    Raises:
        ValueError: Where there is no preset of this name.
    """
    if name not in PRESETS:
        raise ValueError(f"`preset` must be one of {', '.join(PRESETS)}. Received: preset={name!r}")
    return PRESETS[name]
