"""Times one request with 256 candidate items for one user, as a model server would compute it.

    python benchmarks/bench_serving.py

Three blocks (convolution, attention, convolution) over 50 steps, K 32, MLP [200, 80]. "Matches":
the model also reads matches of the target in the history, as what a search finds does. "No blocks":
a point of the space without blocks and interactions, with attention from the target or with sum
pooling alone. DIN and DNN are the hand-made systems of the same sizes.

Result (2 quiet cores; milliseconds, p50 / p99; two runs differ by at most 6 % in the p50; without
DIN and DNN, which were added later):

    system                                    rows            score_candidates   gain
    amer                                      33.6 / 58.2      5.9 / 10.0        5.7 (5 wanted)
    amer, matches                             34.6 / 53.6      6.1 / 11.2        5.6
    amer, one block attends from the target   30.6 / 45.3     28.4 / 42.5        1.1
    amer, no blocks                            9.4 / 15.8      5.2 /  9.4        1.8
    amer, no blocks, sum pooling               6.7 / 10.7      2.6 /  4.5        2.5
"""

from __future__ import annotations

import dataclasses
import pathlib
import tempfile
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from amer_tf.architecture import Architecture, Block, HiddenLayer
from amer_tf.export import export
from amer_tf.features import CategoricalField, FeatureSpec, MultiValuedField, Vocabulary
from amer_tf.models import amer, din, dnn

NUM_ITEMS, NUM_CATEGORIES, NUM_STORES = 20_000, 500, 100
STEPS, EMBEDDING_DIM, NUM_CANDIDATES = 50, 32, 256
REPEATS = 300
MLP = (HiddenLayer("relu", units=200), HiddenLayer("relu", units=80))
BLOCKS = tuple(
    Block("layer_norm", layer, "relu") for layer in ("conv_3", "self_attention_4", "conv_3")
)
ATTENDING = (*BLOCKS[:2], Block("layer_norm", "target_attention", "relu"))
INTERACTIONS = (("hour", "item"), ("category", "store"), ("item", "store", "hour"))
FOUND = Architecture(BLOCKS, INTERACTIONS, MLP, "squeeze_excitation")
# What it is built from, or how it is built by hand; whether it attends from the target at the end.
SYSTEMS: dict[str, tuple[Architecture | Callable[..., keras.Model], bool]] = {
    "amer": (FOUND, True),
    "amer, matches": (dataclasses.replace(FOUND, history_match="exact"), True),
    "amer, block attends": (dataclasses.replace(FOUND, blocks=ATTENDING), True),
    "amer, no blocks": (Architecture(mlp=MLP), True),
    "amer, sum pooling": (Architecture(mlp=MLP), False),
    "din": (din.build, True),
    "dnn": (dnn.build, False),
}


def main() -> None:
    request = make_request()
    rows = as_rows(request)
    print("system               signature           p50     p99  candidates/s   gain")
    for name, (system, attends) in SYSTEMS.items():
        with tempfile.TemporaryDirectory() as folder:
            target = write(name, system, attends, pathlib.Path(folder) / "1")
            measure(name, target, {"serving_default": rows, "score_candidates": request})


def make_request() -> dict[str, Any]:
    """One user and his candidates, as `score_candidates` takes them."""
    random = np.random.default_rng(0)
    return {
        "user": texts("u", random.integers(1000, size=1)),
        "history_item": texts("i", random.integers(NUM_ITEMS, size=(1, STEPS))),
        "history_category": texts("c", random.integers(NUM_CATEGORIES, size=(1, STEPS))),
        "store": texts("s", random.integers(NUM_STORES, size=1)),
        "hour": random.integers(24, size=1),
        "item": texts("i", random.integers(NUM_ITEMS, size=NUM_CANDIDATES)),
        "category": texts("c", random.integers(NUM_CATEGORIES, size=NUM_CANDIDATES)),
        "tags": random.integers(40, size=(NUM_CANDIDATES, 3)),
    }


def as_rows(request: dict[str, Any]) -> dict[str, Any]:
    """The same request for `serving_default`: the user's columns for each candidate."""
    return {
        name: values if len(values) == NUM_CANDIDATES else values.repeat(NUM_CANDIDATES, axis=0)
        for name, values in request.items()
    }


def texts(letter: str, numbers: Any) -> Any:
    return np.char.add(letter, numbers.astype(str)).astype("S").astype(object)


def write(
    name: str,
    system: Architecture | Callable[..., keras.Model],
    attends: bool,
    folder: pathlib.Path,
) -> pathlib.Path:
    """Exports a model with untrained weights."""
    fields = (
        CategoricalField("history_item", "behavior", "item"),
        CategoricalField("history_category", "behavior", "category"),
        CategoricalField("user"),
        CategoricalField("store", "context"),
        CategoricalField("hour", "context"),
        CategoricalField("item", "target"),
        CategoricalField("category", "target"),
        MultiValuedField("tags", "target", max_values=3),
    )
    spec = FeatureSpec(
        fields=fields,
        vocabularies=(
            Vocabulary("item", "values", values=tuple(f"i{index}" for index in range(NUM_ITEMS))),
            Vocabulary(
                "category", "values", values=tuple(f"c{index}" for index in range(NUM_CATEGORIES))
            ),
            Vocabulary("user", "hash", size=1000),
            Vocabulary("store", "values", values=tuple(f"s{i}" for i in range(NUM_STORES))),
            Vocabulary("hour", "integer", dtype="int64", size=24),
            Vocabulary("tags", "integer", dtype="int64", size=40),
        ),
        label="click",
        max_length=STEPS,
        target_to_behavior=(
            {"item": "history_item", "category": "history_category"} if attends else {}
        ),
    )
    if isinstance(system, Architecture):
        model = amer.build(spec, system, embedding_dim=EMBEDDING_DIM)
        return export(model, spec, system, folder, warmup=False)
    units = [layer.units for layer in MLP]
    model = system(spec, embedding_dim=EMBEDDING_DIM, hidden_units=units)
    return export(model, spec, name, folder, warmup=False)


def measure(name: str, folder: pathlib.Path, requests: dict[str, dict[str, Any]]) -> None:
    """Prints how long each signature takes; their answers must be equal."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        graph = tf.compat.v1.saved_model.load(session, ["serve"], str(folder))
        calls = {}
        for signature_name, request in requests.items():
            signature = graph.signature_def[signature_name]
            names = [signature.inputs[column].name for column in request]
            call = session.make_callable([signature.outputs["logit"].name], names)
            calls[signature_name] = lambda call=call, request=request: call(*request.values())
        [by_rows], [by_user] = (call() for call in calls.values())
        np.testing.assert_allclose(by_rows, by_user, rtol=1e-5, atol=1e-6)
        times = alternating_times(calls)
    by_rows_median = float(np.median(times["serving_default"]))
    for signature_name, taken in times.items():
        median, slow = np.percentile(taken, (50, 99))
        print(
            f"{name:20} {signature_name:16} {median:6.2f} {slow:7.2f} "
            f"{1e3 * NUM_CANDIDATES / median:13,.0f} {by_rows_median / median:6.1f}",
            flush=True,
        )


def alternating_times(calls: dict[str, Callable[[], Any]]) -> dict[str, list[float]]:
    """Milliseconds of each call, taken by turns, so that they meet the same machine."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for repeat in range(REPEATS + 10):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            if repeat >= 10:
                times[name].append(1e3 * (time.perf_counter() - started))
    return times


if __name__ == "__main__":
    main()
