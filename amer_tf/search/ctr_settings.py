"""How large and how long a search of task ctr is: the presets and what a user may change."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from amer_tf.architecture import HISTORY_MATCHES
from amer_tf.features import FeatureSpec
from amer_tf.search.settings_base import BaseSettings

REFERENCES = (
    *("lr", "fm", "afm", "nfm", "dnn", "wide_and_deep", "deepfm", "ipnn", "dcn", "dcnv2"),
    *("xdeepfm", "fibinet", "autocross", "autofis", "din", "dien", "dsin", "lightgbm"),
)


@dataclasses.dataclass(frozen=True)
class CtrSettings(BaseSettings):
    """Every number of a search of task ctr that is not found by the search itself.

    Args:
        embedding_dim: Numbers that stand for a value of a field, `K`.
        batch_size: Most rows of a step; rounded to equal hands or shares in the supernets.
        epoch_steps: Steps that an epoch should have: where there are few rows, a step has fewer,
            down to 64.
        prior_precisions: Precisions `p` of the Gaussian prior of the embeddings, to choose from:
            adds `p / 2 sum(table^2)` to the loss summed over the training rows, so that rare
            values are drawn to zero more than frequent ones. Just one is not tried out; 0 is none.
        tuning_rows: Training rows that they, and how many interactions to take, are tried out on.
        l2: Weight of the squared gathered embeddings beside the mean loss, which draws all alike.
        dropout: Dropout of the MLP's hidden layers, of the behaviour embeddings and the operations
            of blocks, in steps 1 and 3 and final training.
        embedding_rate_factor: Learning rate of the embeddings over that of all else.
        hidden_units: The predefined MLP, ReLU, of step 2 and where step 3 is left out.
        num_blocks: Choice blocks of step 1, `L_b`.
        behavior_units: The predefined MLP in place of `hidden_units`, for references too, where
            step 1 is searched.
        behavior_epochs: Epochs of the supernet of step 1.
        behavior_learning_rate: Peak of its cosine schedule.
        behavior_convergence_rows: Validation rows for the mean score of random paths after each of
            its epochs, which says when it has converged.
        num_behaviors: Stacks of blocks to score.
        sampler: Where they come from: `"random"`; or `"evolution"`, all but the first quarter bred
            from the best before, see `samplers.EvolutionSampler`.
        behavior_scoring_rows: Validation rows that they are scored on.
        num_finalists: Best of them that the result is trained from scratch with.
        shortcut: What stands beside the MLP: `"squeeze_excitation"`, `"sum"` or `"none"`.
        interactions_in_mlp: Whether the MLP reads the interactions: `"yes"`, or `"no"`, where the
            shortcut alone does (paper, Table 3).
        history_match: `"exact"`: where there is a behaviour, what is searched reads how often, and
            how lately, the history has each field of the target itself; or `"none"`.
        rounds: Rounds of step 2.
        round_epochs: Epochs of each round.
        round_learning_rate: Peak of the cosine schedule of a round.
        search_units: Hidden layers of the supernet of step 2, ReLU.
        num_screened: Candidates of a round that are trained: those that were kept, and of the new
            ones the best by screening; 0 for all, as in the paper.
        screening_rows: Training rows that they are screened on, and the crosses of the reference
            `autocross` searched on.
        scoring_rows: Validation rows that interactions are scored on.
        scoring_dtype: Of the hidden layers meanwhile: `"float32"`, or `"bfloat16"`, which is faster
            on processors that multiply such.
        fitness: What blocks, interactions and MLPs are compared by: `"log_loss"`, or `"auc"`,
            exact.
        selection: Which interactions a round hands on and step 2 chooses: `"forward"`, one after
            another those that complement the ones before best; or `"best"`, those with the largest
            gain by themselves, as in the paper.
        num_kept: Interactions that a round hands on, `k`.
        num_interactions: Interactions that step 2 chooses, `k'`; crosses that the reference
            `autocross` has at most.
        min_interactions: How few of them the result may have: tried out are half as many, and half
            of those, and so on.
        max_order: Most fields of an interaction or a cross; 0 for no limit.
        mlp_layers: Hidden layers of step 3, `L_c`.
        max_units: Units of the widest hidden layer, the maximum MLP; 0 for `K_0`.
        feed: `"split"` or `"replicate"`, in steps 1 and 3, see `MlpSupernet`.
        mlp_epochs: Epochs of the supernet of step 3.
        mlp_learning_rate: Its peak.
        num_mlps: Random MLPs to score.
        mlp_scoring_rows: Validation rows that they are scored on.
        num_rescored: Best of them, and of the stacks of blocks, to score again on the whole
            validation split.
        final_epochs: Most epochs of each final training.
        learning_rate: Learning rate of training from scratch.
        finetune_learning_rate: Learning rate of training from inherited weights.
        patience: Epochs without a lower validation loss before the learning rate is cut; ten times
            as many while that loss is no better than a constant's.
        max_cuts: Cuts by ten, after which the next such wait ends the training.
        averaging: What the past epochs count in the running average of the weights that is scored
            and given; 0 for the weights as they are.
        calibration: `"platt"`: epochs are compared, and logits given, with the slope and intercept
            that fit the validation split; `"none"`: as they are.
        cross_buckets: Most weights of a cross of the reference `autocross`.
        gate_epochs: Epochs in which the reference `autofis` selects its pairs.
        trees_learning_rate: How much of its fit each tree of the reference `lightgbm` adds.
        trees_leaves: Most leaves of each, at least 2.
        trees_leaf_rows: Fewest rows of a leaf.
        references: Which hand-made systems to put beside the result; `din`, `dien` and `dsin`
            where a target is mapped to a behaviour, those of pairs where there are two fields.
    """

    embedding_dim: int = 16
    batch_size: int = 4096
    epoch_steps: int = 100
    prior_precisions: tuple[float, ...] = (10.0, 30.0, 100.0, 300.0, 1000.0)
    tuning_rows: int = 200_000
    l2: float = 0.0
    dropout: float = 0.3
    embedding_rate_factor: float = 10.0
    hidden_units: tuple[int, ...] = (200, 200, 200)
    num_blocks: int = 3
    behavior_units: tuple[int, ...] = (200, 80)
    behavior_epochs: int = 8
    behavior_learning_rate: float = 1e-3
    behavior_convergence_rows: int = 5000
    num_behaviors: int = 2000
    sampler: str = "random"
    behavior_scoring_rows: int = 10_000
    num_finalists: int = 2
    shortcut: str = "squeeze_excitation"
    interactions_in_mlp: str = "yes"
    history_match: str = "exact"
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
    cross_buckets: int = 1 << 17
    gate_epochs: int = 8
    trees_learning_rate: float = 0.1
    trees_leaves: int = 127
    trees_leaf_rows: int = 50
    references: tuple[str, ...] = ("dnn", "deepfm", "din")

    CHOICES: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "calibration": ("platt", "none"),
        "feed": ("split", "replicate"),
        "fitness": ("log_loss", "auc"),
        "history_match": HISTORY_MATCHES,
        "sampler": ("random", "evolution"),
        "scoring_dtype": ("float32", "bfloat16"),
        "selection": ("forward", "best"),
        "shortcut": ("squeeze_excitation", "sum", "none"),
        "interactions_in_mlp": ("yes", "no"),
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
        if self.trees_leaves < 2:
            raise ValueError(
                f"`trees_leaves` must be at least 2. Received: trees_leaves={self.trees_leaves}"
            )
        if self.interactions_in_mlp == "no" and self.shortcut == "none":
            raise ValueError(
                "Interactions must be read by the MLP or by the shortcut. Received: "
                f"interactions_in_mlp={self.interactions_in_mlp!r}, shortcut={self.shortcut!r}"
            )
        if self.min_interactions > self.num_interactions:
            raise ValueError(
                "`min_interactions` must be at most `num_interactions`. Received: "
                f"min_interactions={self.min_interactions}, "
                f"num_interactions={self.num_interactions}"
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
        num_blocks=2,
        behavior_units=(64, 32),
        behavior_epochs=2,
        behavior_convergence_rows=2000,
        num_behaviors=240,
        behavior_scoring_rows=5000,
        num_finalists=1,
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
        gate_epochs=4,
    ),
    "standard": CtrSettings(),
    # Section 3.2 of the paper, Criteo: K 5, batch 4096, 4 rounds of 30 epochs in total (here 28),
    # at 1e-4, 50 interactions kept and 15 chosen, predefined MLP 3 x 200, then 3 layers of tenths
    # of K_0, and 1e-3.
    "paper": CtrSettings(
        embedding_dim=5,
        dropout=0.0,
        history_match="none",
        epoch_steps=1,
        prior_precisions=(0.0,),
        l2=1e-6,
        embedding_rate_factor=1.0,
        behavior_epochs=15,
        behavior_learning_rate=1e-5,
        num_finalists=5,
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


# What is different in a preset for rows with a behaviour. Section 3.2 and table 10 of the paper,
# Alimama: K 4, batch 1024, everything at 1e-5, MLP [200, 80] and 5 interactions.
HYBRID: Mapping[str, Mapping[str, Any]] = {
    "paper": {
        "embedding_dim": 4,
        "batch_size": 1024,
        "hidden_units": (200, 80),
        "search_units": (200, 80),
        "round_learning_rate": 1e-5,
        "num_interactions": 5,
        "min_interactions": 5,
        "mlp_layers": 2,
        "mlp_learning_rate": 1e-5,
        "learning_rate": 1e-5,
        "finetune_learning_rate": 1e-5,
    },
}


def preset(name: str, spec: FeatureSpec | None = None) -> CtrSettings:
    """The settings of a preset.

    Args:
        name: Of `PRESETS`.
        spec: What the models read: `HYBRID` holds where it has a behaviour.

    Raises:
        ValueError: Where there is no preset of this name.
    """
    if name not in PRESETS:
        raise ValueError(f"`preset` must be one of {', '.join(PRESETS)}. Received: preset={name!r}")
    is_hybrid = spec is not None and bool(spec.with_role("behavior"))
    return PRESETS[name].replace(**(HYBRID.get(name, {}) if is_hybrid else {}))
