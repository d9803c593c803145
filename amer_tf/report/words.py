"""Plain words for the names that a run uses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from amer_tf.architecture import Architecture, Block
from amer_tf.wording import counted

FOUND = "amer"
TREES = "lightgbm"


class Metric(NamedTuple):
    """How a metric is called and read.

    Attributes:
        label: Its name for people.
        meaning: What it measures.
        lower_is_better: Whether it is a loss.
    """

    label: str
    meaning: str
    lower_is_better: bool = False


METRICS = {
    "auc": Metric(
        "AUC",
        "the chance that a row with label 1 is scored above one with label 0 (0.5 is guessing, 1 "
        "is perfect)",
    ),
    "log_loss": Metric(
        "log loss", "how far the predicted chances are from what happened (0 is perfect)", True
    ),
    "hr@1": Metric("HR@1", "how often the true item comes first"),
    "hr@5": Metric("HR@5", "how often the true item is among the first five"),
    "ndcg@5": Metric(
        "NDCG@5",
        "whether the true item is among the first five, and how high up (0 is never, 1 is always "
        "first)",
    ),
    "mrr": Metric("MRR", "the mean of one over the place of the true item"),
}

SYSTEMS = {
    FOUND: ("Found by the search", "the network of this report"),
    "popularity": ("Popularity", "the same most-bought items for everyone"),
    "ease": ("EASE", "a linear model of which items go together, fitted in closed form"),
    "bpr": ("BPR", "matrix factorisation, a vector for each user and item"),
    "gru4rec": ("GRU4Rec+", "a recurrent network over the history"),
    "stamp": ("STAMP", "attention by the newest event and the mean of all"),
    "narm": ("NARM", "a recurrent network and attention over its states"),
    "caser": ("Caser", "convolutions over the newest events"),
    "nextitnet": ("NextItNet", "dilated convolutions over the history"),
    "sr_gnn": ("SR-GNN", "a network over the graph of the history's items"),
    "bert4rec": ("BERT4Rec", "a self-attention network that looks both ways"),
    "transformer": ("Transformer", "a hand-made self-attention network over the history"),
    "lr": ("LR", "a weight for each value"),
    "fm": ("FM", "a factorisation machine: a weight for each value, and all pairs of fields"),
    "afm": ("AFM", "a factorisation machine that attends to some of the pairs"),
    "nfm": ("NFM", "an MLP over the sum of all pairs"),
    "dnn": ("DNN", "a plain MLP over the fields and the sum of the history"),
    "wide_and_deep": ("Wide & Deep", "a linear model beside an MLP"),
    "deepfm": ("DeepFM", "a factorisation machine beside an MLP"),
    "ipnn": ("IPNN", "an MLP over the fields and the inner products of all pairs"),
    "dcn": ("DCN", "a network of explicit feature crosses beside an MLP"),
    "dcnv2": ("DCN-V2", "feature crosses, each with a whole matrix, beside an MLP"),
    "xdeepfm": ("xDeepFM", "products of more and more fields, compressed, beside an MLP"),
    "fibinet": ("FiBiNET", "an MLP over learned products of all pairs"),
    "autocross": ("AutoCross", "a linear model with searched crosses of fields beside an MLP"),
    "autofis": ("AutoFIS", "a factorisation machine over selected pairs beside an MLP"),
    "din": ("DIN", "an MLP with attention from the target over the history"),
    "dien": ("DIEN", "an MLP with a recurrent network that attends from the target"),
    "dsin": ("DSIN", "an MLP with attention within sessions and a recurrent network over them"),
    TREES: (
        "LightGBM",
        "gradient boosted trees, with hand-made columns of the history",
    ),
}

TRAININGS = {
    "inherited": "the supernet's weights, as they are",
    "fine-tuned": "trained on from the supernet's weights",
    "scratch": "trained from new weights",
    "final": "trained from new weights, longer",
}

STEPS = {
    "behavior": "the network that reads a user's behaviour",
    "interaction": "the feature interactions",
    "mlp": "the MLP that joins everything",
}

SAMPLERS = {"random": "random search", "evolution": "evolution"}

PHASES = {
    "closed_forms": "Scoring popularity and EASE",
    "prior": "Choosing the strength of regularisation",
    "supernet": "Training the behaviour supernet",
    "scoring": "Scoring behaviour networks by inherited weights",
    "behavior": "Training the behaviour supernet",
    "behavior_scoring": "Scoring behaviour networks by inherited weights",
    "behavior_rescoring": "Scoring the best behaviour networks again, on all validation data",
    "interaction": "Searching interactions",
    "tuning": "Choosing the regularisation and the number of interactions of what was found",
    "mlp": "Training the MLP supernet",
    "mlp_scoring": "Scoring MLPs by inherited weights",
    "rescoring": "Scoring the best again, on all validation data",
    "finetuning": "Training on from inherited weights",
    "scratch": "Training from new weights",
    "final": "Training the best longer",
    "references": "Training and scoring the hand-made systems",
    "latencies": "Measuring latencies",
    "audit": "Training architectures alone, to check the search",
}

LAYERS = {
    "conv_1": "Convolution, 1 step",
    "conv_3": "Convolution, 3 steps",
    "dilated_conv_3": "Dilated convolution, 3 steps",
    "dilated_conv_5": "Dilated convolution, 5 steps",
    "dilated_conv_7": "Dilated convolution, 7 steps",
    "average_pool_3": "Average of 3 steps",
    "max_pool_3": "Maximum of 3 steps",
    "bi_gru": "Bidirectional GRU",
    "self_attention_2": "Self-attention, 2 heads",
    "self_attention_4": "Self-attention, 4 heads",
    "target_attention": "Attention from the target",
    "zero": "Skipped",
}
# What a layer of a causal network is called, where it is another one.
CAUSAL_LAYERS = {"bi_gru": "Forward GRU"}
NORMS = {"layer_norm": "Layer norm", "none": "No norm"}
ACTIVATIONS = {
    "relu": "ReLU",
    "gelu": "GELU",
    "swish": "Swish",
    "identity": "Identity",
    "dice": "Dice",
}
SHORTCUTS = {
    "squeeze_excitation": "weighted by squeeze and excitation",
    "sum": "summed up",
}

MODES = {
    "uniform": "among random items",
    "popular": "among items drawn by popularity",
    "full": "among the whole catalogue",
}


def metric(name: str) -> Metric:
    """How a metric is called and read; unknown ones by their own names."""
    return METRICS.get(name, Metric(name, name))


def system(name: str) -> str:
    """The name of a system for people; a label behind it, as in `dcn@deep`, in brackets."""
    kind, _, label = name.partition("@")
    if kind in SYSTEMS:
        known = SYSTEMS[kind][0]
    else:
        known = kind.upper() if kind.startswith(f"{FOUND}-") else plain(kind)
    return f"{known} ({label})" if label else known


def layer(block: Block, causal: bool) -> str:
    """The layer of a block, for people."""
    own = CAUSAL_LAYERS.get(block.layer) if causal else None
    return own or LAYERS[block.layer]


def variant(own: Architecture, found: Architecture) -> str:
    """What was found, or in what an architecture differs from it."""
    differences = []
    if own.canonical().blocks != found.canonical().blocks:
        differences.append("other blocks" if own.blocks else "no blocks")
    if own.interactions != found.interactions:
        differences.append(counted(len(own.interactions), "interaction"))
    if own.mlp != found.mlp:
        differences.append("another MLP")
    return f"Variant: {', '.join(differences)}" if differences else system(FOUND)


def size(system: str, parameters: int) -> str:
    """How large a system is: its parameters, of LightGBM its trees."""
    return counted(parameters, "tree") if system == TREES else f"{parameters:,}"


def place(place: tuple[str, str]) -> str:
    """A split, and among what items the true one was ranked where that is a question."""
    split, mode = place
    return f"{split} split, {MODES.get(mode, mode)}" if mode else f"{split} split"


def rows(number: object) -> str:
    """So many rows, as text."""
    return counted(int(str(number)), "row")


def step_numbers(steps: Iterable[str]) -> str:
    """Steps as the paper numbers them: 23 for interactions and MLP."""
    return "".join(str(number) for number, step in enumerate(STEPS, 1) if step in steps)


def plain(name: str) -> str:
    """An identifier as words."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 60.0:
        return f"{seconds:.0f} s" if seconds >= 10.0 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
