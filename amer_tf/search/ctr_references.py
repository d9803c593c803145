"""Hand-made systems of task ctr beside the result: same rows, same recipe."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import keras

from amer_tf.features import FeatureSpec
from amer_tf.models import (
    afm,
    autocross,
    autofis,
    cross_parts,
    dcn,
    dcnv2,
    deepfm,
    dien,
    din,
    dnn,
    dsin,
    fibinet,
    fm,
    ipnn,
    lr,
    nfm,
    table_parts,
    wide_and_deep,
    xdeepfm,
)
from amer_tf.models.boosted_trees import BoostedTrees, import_lightgbm
from amer_tf.search.ctr_settings import CtrSettings
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.references import REFERENCE_FILE
from amer_tf.search.run_error import RunError
from amer_tf.search.spaces import check_heads
from amer_tf.search.state import RunFolder
from amer_tf.search.system_options import build_options
from amer_tf.training.binary_metrics import evaluate_binary
from amer_tf.training.ctr import CtrEvaluator

TREES = "lightgbm"
TREES_FILE = "reference_lightgbm.txt"
PLAIN = "dnn"
_NETWORKS: Mapping[str, Callable[..., keras.Model]] = {
    "lr": lr.build,
    "fm": fm.build,
    "afm": afm.build,
    "nfm": nfm.build,
    PLAIN: dnn.build,
    "wide_and_deep": wide_and_deep.build,
    "deepfm": deepfm.build,
    "ipnn": ipnn.build,
    "dcn": dcn.build,
    "dcnv2": dcnv2.build,
    "xdeepfm": xdeepfm.build,
    "fibinet": fibinet.build,
    "autocross": autocross.build,
    "autofis": autofis.build,
    "din": din.build,
    "dien": dien.build,
    "dsin": dsin.build,
}
# What each needs of the data beside the label.
_FROM_TARGET = ("din", "dien", "dsin")
_OF_VALUES = ("lr", "wide_and_deep", "deepfm", "xdeepfm")
_OF_PAIRS = ("fm", "afm", "nfm", "ipnn", "fibinet", "autofis")
_OF_CROSSES = ("autocross",)
# Arguments of `build` that all of them share, and those that a search finds, or a setting says.
_SHARED = ("spec", "embedding_dim", "hidden_units", "dropout", "l2")
_SEARCHED = ("crosses", "boundaries", "num_buckets", "pairs", "attention")
# Settings that every network reads, beside those arguments, and what single systems do.
_OF_TRAINING = frozenset(
    {
        *("batch_size", "epoch_steps", "prior_precisions", "tuning_rows", "embedding_rate_factor"),
        *("final_epochs", "learning_rate", "patience", "max_cuts", "averaging", "calibration"),
    }
)
_READ_BY: Mapping[str, frozenset[str]] = {
    "autocross": frozenset(
        {"screening_rows", "num_interactions", "max_order", "cross_buckets", "fitness"}
    ),
    "autofis": frozenset({"gate_epochs"}),
    TREES: frozenset({"trees_learning_rate", "trees_leaves", "trees_leaf_rows", "calibration"}),
}


def check(
    settings: CtrSettings, spec: FeatureSpec, options: Mapping[str, Any] = MappingProxyType({})
) -> None:
    """Raises where a reference wants a package that is not there, or another embedding size."""
    if TREES in settings.references:
        try:
            import_lightgbm()
        except ImportError as error:
            raise ValueError(f"{error} Received: references={settings.references}") from error
    if "dsin" in fitting(settings.references, spec):
        try:
            check_heads(spec, settings.embedding_dim, options.get("num_heads", dsin.NUM_HEADS))
        except ValueError as error:
            raise ValueError(f"The reference 'dsin' cannot be built: {error}") from error


def num_crossed(settings: CtrSettings, spec: FeatureSpec) -> int:
    """Most weights of crosses that one of the references has beside its embeddings."""
    if not set(_OF_CROSSES) & set(fitting(settings.references, spec)):
        return 0
    order = settings.max_order or None
    return cross_parts.most_weights(spec, settings.num_interactions, settings.cross_buckets, order)


def fitting(names: Sequence[str], spec: FeatureSpec) -> tuple[str, ...]:
    """Those of some references that read such a spec."""
    return tuple(name for name in names if why_left_out(name, spec) is None)


def why_left_out(name: str, spec: FeatureSpec) -> str | None:
    """Why a reference cannot read a spec, or None where it can."""
    if name in _FROM_TARGET and not table_parts.has_target(spec):
        return "no target field is mapped to a behaviour field, for it to attend from"
    if name in _OF_VALUES and not table_parts.has_fields(spec, 1):
        return "there is no categorical field whose values it could weigh"
    if name in _OF_PAIRS and not table_parts.has_fields(spec, 2):
        return "there are no two categorical fields for it to make a pair of"
    if name in _OF_CROSSES and len(cross_parts.crossable_fields(spec)) < 2:
        return "there are no two fields outside of the history for it to cross"
    return None


def known_options(name: str) -> dict[str, Any]:
    """Arguments of one system's `build` alone, with the defaults; none of what is searched."""
    return build_options(_NETWORKS[name], {*_SHARED, *_SEARCHED}) if name in _NETWORKS else {}


def readable_settings(name: str) -> frozenset[str]:
    """Which of the settings say something of one of them."""
    if name not in _NETWORKS:
        return _READ_BY.get(name, frozenset())
    sizes = frozenset(_SHARED[1:]) & frozenset(inspect.signature(_NETWORKS[name]).parameters)
    return sizes | _OF_TRAINING | _READ_BY.get(name, frozenset())


def build(
    bench: CtrWorkbench, name: str, options: Mapping[str, Any] = MappingProxyType({})
) -> keras.Model:
    """A network of the predefined MLP's size, where it has one, and with its embeddings.

    Args:
        bench: Rates and sizes.
        name: Of the system.
        options: What `reference_options.find_options` found for it, and those of `known_options`
            that differ.
    """
    settings, make = bench.settings, _NETWORKS[name]
    shared = {
        "embedding_dim": settings.embedding_dim,
        "hidden_units": settings.hidden_units,
        "dropout": settings.dropout,
        "l2": settings.l2,
    }
    known = inspect.signature(make).parameters
    return make(bench.spec, **{key: shared[key] for key in shared if key in known}, **options)


def save(run: RunFolder, name: str, model: Any) -> None:
    """Writes a trained reference into the run folder."""
    if name == TREES:
        with run.staged(TREES_FILE) as file:
            file.write_text(model.text, encoding="utf-8")
    else:
        with run.staged(REFERENCE_FILE.format(name=name)) as file:
            model.save(file)


def load(run: RunFolder, name: str, spec: FeatureSpec, load_model: Callable[[str], Any]) -> Any:
    """A reference as `save` wrote it; `load_model` reads files of Keras."""
    if name != TREES:
        return load_model(REFERENCE_FILE.format(name=name))
    try:
        return BoostedTrees.from_text(spec, (run.path / TREES_FILE).read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(
            f"The trees of the reference lightgbm are gone. Received: run_dir={str(run.path)!r}"
        ) from error


def evaluate(model: Any, split: Any) -> dict[str, Any]:
    """AUC, log loss, GAUC and calibration of a reference on a whole split."""
    if isinstance(model, BoostedTrees):
        return evaluate_binary(split.labels, model.logits(split), split.groups)
    return CtrEvaluator(model).evaluate(split)


def size(model: Any) -> int:
    """Parameters of a network, trees of LightGBM."""
    return model.num_trees if isinstance(model, BoostedTrees) else int(model.count_params())
