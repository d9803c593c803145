"""Hand-made systems beside the result: same data, same users, same candidates, same budget."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import keras
import numpy as np

from amer_tf.features import FeatureSpec
from amer_tf.models import (
    bert4rec,
    bpr,
    caser,
    closed_forms,
    gru4rec,
    narm,
    nextitnet,
    sequence_parts,
    sr_gnn,
    stamp,
    transformer,
)
from amer_tf.models.ease import Ease
from amer_tf.models.next_item import NextItemNetwork
from amer_tf.models.popularity import Popularity
from amer_tf.search.array_files import StoredArrays, write_arrays
from amer_tf.search.run_error import RunError
from amer_tf.search.settings import Settings
from amer_tf.search.state import CONFIG_FILE, RunFolder
from amer_tf.search.system_options import build_options
from amer_tf.search.workbench import Workbench
from amer_tf.training.evaluation_batches import events_before
from amer_tf.training.negatives import popularity_weights
from amer_tf.training.next_item_evaluation import NextItemEvaluator, evaluate_scores


class Recipe(NamedTuple):
    """How a hand-made network is built and trained.

    Attributes:
        build: Makes the model.
        dropout: Its own rate.
        trainings: How it can be trained, of `workbench.TRAININGS`; the first is its own way, but
            for causal ones, of which a setting says it.
        loss: Its own loss, or None for that of the found model.
        num_negatives: Its own number of them, or None for that of the found model.
        popular_negatives: Whether its negatives are drawn by the root of their popularity.
    """

    build: Callable[..., keras.Model]
    dropout: float = 0.3
    trainings: tuple[str, ...] = ("cut",)
    loss: str | None = None
    num_negatives: int | None = None
    popular_negatives: bool = False


REFERENCE_FILE = "reference_{name}.keras"
# What a closed form is made of where it was fitted alone, so that it can be exported.
FITTED_FILE = "reference_{name}.npz"
CLOSED_FORMS = ("popularity", "ease")
_CAUSAL = ("cut", "every_position")
# SASRec's own range of dropout is .2 to .5; .3 was the better one on Beauty's validation split.
NETWORKS: Mapping[str, Recipe] = {
    # It knows no history, so that a user's first event is one like the others.
    "bpr": Recipe(
        bpr.build,
        dropout=0.0,
        trainings=("each_event", "cut"),
        loss="bpr",
        num_negatives=5,
    ),
    # Its paper: 2,048 beside those of the batch.
    "gru4rec": Recipe(
        gru4rec.build,
        trainings=_CAUSAL,
        loss="bpr_max",
        num_negatives=2048,
        popular_negatives=True,
    ),
    "stamp": Recipe(stamp.build),
    "narm": Recipe(narm.build),
    "caser": Recipe(caser.build),
    "nextitnet": Recipe(nextitnet.build, trainings=_CAUSAL),
    "sr_gnn": Recipe(sr_gnn.build),
    "bert4rec": Recipe(bert4rec.build, dropout=0.5, trainings=("cut", "cloze")),
    "transformer": Recipe(transformer.build, trainings=_CAUSAL),
}
# Settings that every network reads.
_READ_BY_ALL = frozenset(
    {
        *("embedding_dim", "dropout", "reference_dropout", "l2", "learning_rate", "batch_size"),
        *("num_positives", "scratch_epochs", "final_epochs"),
    }
)
# How much of a history is hidden where events are asked for; Sun et al. on Beauty.
_MASK_RATE = 0.6
# Its time grows with the third power of the items, its memory with the second.
MAX_EASE_ITEMS = 20_000


def why_left_out(name: str, spec: FeatureSpec) -> str | None:
    """Why a reference cannot be fitted to data of this size, or None where it can."""
    num_items = spec.vocabulary(spec.item_field).num_rows
    if name == "ease" and num_items > MAX_EASE_ITEMS:
        size = 4 * num_items**2 / 2**30
        return (
            f"its matrix of all pairs of {num_items:,} items takes {size:.1f} GB and long to "
            f"invert; the most are {MAX_EASE_ITEMS:,} items"
        )
    if name == "bpr" and sequence_parts.user_field(spec, None) is None:
        return "it needs a profile field that is the spec's `group`, the user's id"
    return None


def known_options(name: str) -> dict[str, Any]:
    """What can be set for one system alone, beside the settings, with the defaults.

    Arguments of its `build`; `training`, one of those that it can have; and `num_negatives`: shared
    ones of a step, of `bpr` those of an example.
    """
    if name not in NETWORKS:
        return {}
    recipe = NETWORKS[name]
    shared = {"spec", "embedding_dim", "dropout", "l2", "catalog"}
    return {
        **build_options(recipe.build, shared),
        "training": recipe.trainings,
        "num_negatives": recipe.num_negatives,
    }


def readable_settings(name: str) -> frozenset[str]:
    """Which of the settings say something of one of them."""
    if name not in NETWORKS:
        return frozenset({"ease_l2"} if name == "ease" else ())
    recipe = NETWORKS[name]
    shared = {"loss": recipe.loss, "num_negatives": recipe.num_negatives}
    own_way = {"causal_training"} if recipe.trainings == _CAUSAL else set()
    return _READ_BY_ALL | own_way | {setting for setting, own in shared.items() if own is None}


def settings_of(run: RunFolder) -> Settings:
    """The settings of a run."""
    return Settings().replace(**(run.read_json(CONFIG_FILE) or {})["settings"])


def fit_closed_form(
    name: str, spec: FeatureSpec, settings: Settings, train: Any, split: Any
) -> Popularity | Ease:
    """POP, fitted on the training events, or EASE, fitted on all events before a split's examples.

    EASE has no other way to learn of the newest event than to be fitted with it.
    """
    num_items = spec.vocabulary(spec.item_field).num_rows
    if name == "ease":
        return Ease(settings.ease_l2).fit(events_before(split, spec.history_field), num_items)
    return Popularity().fit(train.interactions(), num_items)


def save_fitted(run: RunFolder, name: str, spec: FeatureSpec, train: Any, validation: Any) -> None:
    """Writes down what `exported` makes a closed form of, once a run.

    The counts of POP; of EASE the events before the validation examples, as its weights would be
    too large a file for every run.
    """
    file = FITTED_FILE.format(name=name)
    if (run.path / file).is_file():
        return
    arrays: dict[str, Any]
    if name == "ease":
        users, items = events_before(validation, spec.history_field)
        arrays = {"users": users.astype(np.int32), "items": items.astype(np.int32)}
    else:
        num_items = spec.vocabulary(spec.item_field).num_rows
        arrays = {"counts": Popularity().fit(train.interactions(), num_items).counts}
    run.write(file, lambda stream: write_arrays(stream, arrays))


def exported(run: RunFolder, name: str, spec: FeatureSpec) -> keras.Model:
    """A closed form as a network that scores as it does on the validation split.

    Raises:
        RunError: Where the run has not kept what it is made of.
    """
    file = run.path / FITTED_FILE.format(name=name)
    if not file.is_file():
        raise RunError(
            f"{file.name} is gone, or the run is older than it: run it again in a new `run_dir`. "
            f"Received: run_dir={str(run.path)!r}"
        )
    arrays = StoredArrays(file)
    if name != "ease":
        return closed_forms.build_popularity(spec, arrays["counts"])
    num_items = spec.vocabulary(spec.item_field).num_rows
    system = Ease(settings_of(run).ease_l2).fit((arrays["users"], arrays["items"]), num_items)
    return closed_forms.build_ease(spec, system.weights)


def load(name: str, load_model: Callable[[str], keras.Model]) -> keras.Model | None:
    """A trained network, as `load_model` reads it; None of a closed form, which is fitted anew."""
    return None if name in CLOSED_FORMS else load_model(REFERENCE_FILE.format(name=name))


def evaluate(
    name: str,
    model: keras.Model | None,
    spec: FeatureSpec,
    settings: Settings,
    train: Any,
    split: Any,
    *,
    candidates: Sequence[Any],
    **options: Any,
) -> dict[str, dict[str, Any]]:
    """Metrics of a reference on a split, by mode of the candidates.

    Args:
        name: Of the system.
        model: What `load` gave; a closed form is fitted anew.
        spec: What it reads and predicts.
        settings: Of its run.
        train: Training split.
        split: Validation or test split.
        candidates: As `NextItemEvaluator.evaluate` takes them.
        **options: `num_negatives` and `seed` of the frozen ones.
    """
    num_items = spec.vocabulary(spec.item_field).num_rows
    rank: Callable[..., dict[str, Any]]
    if model is None:
        rank = functools.partial(
            evaluate_scores,
            fit_closed_form(name, spec, settings, train, split).scores,
            history_field=spec.history_field,
            num_items=num_items,
        )
    else:
        rank = NextItemEvaluator(NextItemNetwork(model, spec), num_items).evaluate
    results = [rank(split=split, candidates=mode, **options) for mode in candidates]
    return {result["mode"]: result for result in results}


def score_closed_form(bench: Workbench, name: str, train: Any, split: Any) -> dict[str, Any]:
    """Metrics of POP or EASE, with frozen uniform negatives."""
    system = fit_closed_form(name, bench.spec, bench.settings, train, split)
    return evaluate_scores(
        system.scores,
        split,
        history_field=bench.spec.history_field,
        num_items=bench.num_items,
        num_negatives=bench.settings.validation_negatives,
        seed=bench.seed,
    )


def train_network(
    bench: Workbench,
    name: str,
    train: Any,
    *,
    epochs: int,
    time_limit: float | None,
    on_step: Callable[[], None] | None = None,
    options: Mapping[str, Any] = MappingProxyType({}),
) -> keras.Model:
    """A network, with the rate and the epochs of the final model, and its loss but for its own.

    Args:
        bench: Rates and sizes.
        name: Of the system.
        train: Training split.
        epochs: Most epochs.
        time_limit: Seconds over all attempts, or None.
        on_step: As in `training.fit.fit`.
        options: Those of `known_options` that differ.
    """
    recipe, arguments = NETWORKS[name], dict(options)
    own = recipe.trainings[0]
    training = arguments.pop(
        "training", bench.settings.causal_training if recipe.trainings == _CAUSAL else own
    )
    num_negatives = arguments.pop("num_negatives", recipe.num_negatives)
    if training == "cloze":
        arguments.setdefault("mask_rate", _MASK_RATE)
    weights = None
    if recipe.popular_negatives:
        _, items = train.interactions()
        weights = popularity_weights(np.bincount(items, minlength=bench.num_items), 0.5)
    settings = bench.settings
    return bench.train(
        name,
        lambda: recipe.build(
            bench.spec,
            embedding_dim=settings.embedding_dim,
            dropout=recipe.dropout if settings.reference_dropout == "own" else settings.dropout,
            l2=settings.l2,
            catalog=bench.catalog,
            **arguments,
        ),
        train,
        epochs=epochs,
        learning_rate=settings.learning_rate,
        time_limit=time_limit,
        on_step=on_step,
        training=training,
        loss=recipe.loss,
        num_negatives=num_negatives,
        negative_weights=weights,
    )
