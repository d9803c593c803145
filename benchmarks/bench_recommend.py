"""Times the answers of an exported model, as a model server would compute them.

    python benchmarks/bench_recommend.py

A catalogue of 12,101 items with text ids, each with a set of attributes; histories of 50 events;
6 blocks, K 64. `session` runs the graph through a session, as TensorFlow Serving does; `function`
calls the signature in Python. Every input but the history is left out of the session's requests.

Result (2 shared cores, TensorFlow 2.21; median and 90th percentile in milliseconds):

    export 2.7 s
    load   0.4 s
    recommend function batch   1    5.83   6.81
    recommend function batch   8   12.25  13.87
    recommend function batch  64   42.48  46.95
    recommend session  batch   1    5.88   6.68
    recommend session  batch   8   11.87  13.26
    recommend session  batch  64   43.03  49.44

At batch 1 the median is 1.05 ms without any block (look-ups, scores of all items, top k), 1.7 with
the first three, 4.7 to 6 with the Bi-GRU alone: its steps are a loop.
"""

from __future__ import annotations

import pathlib
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from amer_tf.architecture import Architecture, Block
from amer_tf.export import export
from amer_tf.features import CategoricalField, FeatureSpec, MultiValuedField, Vocabulary
from amer_tf.models import amer

NUM_ITEMS, NUM_ATTRIBUTES, MAX_VALUES = 12_101, 1221, 8
STEPS, EMBEDDING_DIM = 50, 64
BATCH_SIZES = (1, 8, 64)
REPEATS = 200
LAYERS = ("conv_3", "self_attention_2", "dilated_conv_5", "bi_gru", "max_pool_3", "conv_1")


def main() -> None:
    items = tuple(f"B{index:09d}" for index in range(NUM_ITEMS))
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        target = write(items, pathlib.Path(folder) / "1")
        print(f"export {time.perf_counter() - started:.1f} s")
        started = time.perf_counter()
        loaded = tf.saved_model.load(str(target))
        print(f"load   {time.perf_counter() - started:.1f} s")
        function = loaded.signatures["recommend"]
        for batch_size in BATCH_SIZES:
            history = np.random.default_rng(0).choice(items, (batch_size, STEPS)).astype("S")
            inputs = {"history_item_id": history, "exclude_seen": True, "k": 10}
            tensors = {key: tf.constant(value) for key, value in inputs.items()}
            report("function", batch_size, lambda tensors=tensors: function(**tensors))
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            graph = tf.compat.v1.saved_model.load(session, ["serve"], str(target))
            signature = graph.signature_def["recommend"]
            outputs = [signature.outputs[name].name for name in ("item_id", "score")]
            call = session.make_callable(outputs, [signature.inputs["history_item_id"].name])
            for batch_size in BATCH_SIZES:
                history = np.random.default_rng(0).choice(items, (batch_size, STEPS)).astype("S")
                history = history.astype(object)
                report("session", batch_size, lambda history=history: call(history))


def write(items: tuple[str, ...], folder: pathlib.Path) -> pathlib.Path:
    """Exports a model with untrained weights."""
    spec = FeatureSpec(
        fields=(
            CategoricalField("history_item_id", "behavior", "item_id"),
            MultiValuedField("history_attributes", "behavior", "attributes", MAX_VALUES),
            CategoricalField("item_id", "target"),
            MultiValuedField("attributes", "target", max_values=MAX_VALUES),
        ),
        vocabularies=(
            Vocabulary("item_id", "values", values=items),
            Vocabulary("attributes", "integer", dtype="int64", size=NUM_ATTRIBUTES),
        ),
        task="next_item",
        max_length=STEPS,
        target_to_behavior={"item_id": "history_item_id", "attributes": "history_attributes"},
    )
    architecture = Architecture(
        blocks=tuple(Block("layer_norm", layer, "relu") for layer in LAYERS)
    )
    random = np.random.default_rng(0)
    catalog = random.integers(NUM_ATTRIBUTES, size=(NUM_ITEMS + 2, MAX_VALUES)).astype("int32")
    model = amer.build(spec, architecture, embedding_dim=EMBEDDING_DIM, catalog=catalog)
    return export(model, spec, architecture, folder)


def report(name: str, batch_size: int, call: Callable[[], Any]) -> None:
    for _ in range(10):
        call()
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - started))
    median, slow = np.percentile(times, (50, 90))
    print(f"recommend {name:8} batch {batch_size:3}  {median:6.2f} {slow:6.2f}")


if __name__ == "__main__":
    main()
