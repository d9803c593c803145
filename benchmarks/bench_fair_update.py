"""One update of the supernet: fair paths at once, against one path after another.

    KERAS_BACKEND=tensorflow python benchmarks/bench_fair_update.py
    KERAS_BACKEND=jax python benchmarks/bench_fair_update.py

At the paper's size (6 blocks, 11 candidates, K 128, T 15, B 512 rounded down to 506), on the
backend and the device that Keras finds. An update is forward, backward and Adam, compiled by XLA.
`one after another` runs each path by itself: one compiled function with a `switch` over the
candidates of each block, called once for each path, its gradients summed.
`derived` is one ordinary model of median cost out of 11 random architectures, on the same batch.

Result (2 cores, TensorFlow 2.21 on a quiet machine, JAX beside other work; --switch=none):

                      TensorFlow                 JAX
    split             27.0 s,   176 ms           23.7 s,   260 ms    (first call, an update)
    replicate         32.7 s, 2,018 ms           30.7 s, 3,515 ms
    derived, median    3.2 s,   131 ms            2.4 s,   242 ms
    split / median derived        1.35                     1.07

`one after another` at this size: XLA had not compiled the switches of one path after ten minutes,
twice (TensorFlow).
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import ops

from amer_tf.features import CategoricalField, FeatureSpec, Vocabulary
from amer_tf.layers.candidates import ACTIVATION_FUNCTIONS, apply_layer
from amer_tf.models import amer
from amer_tf.models.next_item import NextItemNetwork
from amer_tf.search.behavior import BehaviorSupernet
from amer_tf.search.spaces import BehaviorSpace

NUM_ITEMS, STEPS, NUM_NEGATIVES = 12_101, 15, 512


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--embedding_dim", type=int, default=128)
    parser.add_argument("--num_blocks", type=int, default=6)
    parser.add_argument("--batch_size", type=int, default=506)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--switch",
        choices=("none", "share", "both"),
        default="both",
        help="which batches one path after another is measured on; each compiles for minutes",
    )
    arguments = parser.parse_args()
    spec = make_spec()
    batch = make_batch(arguments.batch_size)
    space = BehaviorSpace(num_blocks=arguments.num_blocks)
    print(f"backend {keras.backend.backend()}, {arguments}")
    times: dict[str, float] = {}

    def measure(name: str, variables: Any, loss: Callable[..., Any], calls: list[Any]) -> None:
        update = compiled_update(variables, loss)
        start = time.perf_counter()
        update(calls)
        compiling = time.perf_counter() - start
        runs = []
        for _ in range(arguments.repeats):
            start = time.perf_counter()
            update(calls)
            runs.append(time.perf_counter() - start)
        times[name] = statistics.median(runs)
        print(
            f"{name:32s} first call {compiling:6.1f} s, update {1000 * times[name]:8.1f} ms",
            flush=True,
        )

    for feed in ("split", "replicate"):
        supernet = BehaviorSupernet(spec, space, embedding_dim=arguments.embedding_dim, feed=feed)
        measure(
            feed,
            supernet.trainable_variables,
            lambda inputs, positives, net=supernet: score_loss(
                net, net.query(inputs, training=True), positives
            ),
            [batch],
        )
    share = arguments.batch_size // space.num_paths
    sizes = {"on its share": share, "on the batch": arguments.batch_size}
    sizes = dict(list(sizes.items())[: ("none", "share", "both").index(arguments.switch)])
    if sizes:
        supernet = BehaviorSupernet(spec, space, embedding_dim=arguments.embedding_dim)
        group = space.sample_group(np.random.default_rng(0))
        paths = [
            tuple(np.asarray(part[:, path], "int32") for part in group)
            for path in range(space.num_paths)
        ]

        def path_loss(inputs: Any, positives: Any, *path: Any) -> Any:
            return score_loss(supernet, switched_query(supernet, inputs, path), positives)

        for name, size in sizes.items():
            own = tuple(ops.convert_to_tensor(part[:size]) for part in batch)
            measure(
                f"one after another, {name}",
                supernet.trainable_variables,
                path_loss,
                [(*own, *path) for path in paths],
            )
    derived = []
    for architecture in space.decode(space.sample_group(np.random.default_rng(1))):
        model = amer.build(spec, architecture, embedding_dim=arguments.embedding_dim)
        network = NextItemNetwork(model, spec)
        measure(
            f"derived {len(derived)}",
            model.trainable_variables,
            lambda inputs, positives, net=network: score_loss(
                net, net.query(inputs, training=True), positives
            ),
            [batch],
        )
        derived.append(times[f"derived {len(derived)}"])
    median = statistics.median(derived)
    print(f"split / median derived: {times['split'] / median:.2f}")
    for feed, name in zip(("split", "replicate"), sizes, strict=False):
        ratio = times[f"one after another, {name}"] / times[feed]
        print(f"one after another {name} / {feed}: {ratio:.2f}")


def make_spec() -> FeatureSpec:
    return FeatureSpec(
        fields=(
            CategoricalField("history_item_id", "behavior", "item_id"),
            CategoricalField("item_id", "target", "item_id"),
        ),
        vocabularies=(Vocabulary("item_id", "integer", "int64", size=NUM_ITEMS),),
        task="next_item",
        max_length=STEPS,
        target_to_behavior={"item_id": "history_item_id"},
    )


def make_batch(batch_size: int) -> tuple[Any, Any]:
    generator = np.random.default_rng(0)
    history = generator.integers(2, NUM_ITEMS + 2, size=(batch_size, STEPS))
    lengths = generator.integers(1, STEPS + 1, size=batch_size)
    history[np.arange(STEPS) >= lengths[:, None]] = 0
    positives = generator.integers(2, NUM_ITEMS + 2, size=batch_size)
    return (
        ops.convert_to_tensor(history.astype("int32")),
        ops.convert_to_tensor(positives.astype("int32")),
    )


def score_loss(network: Any, queries: Any, positives: Any) -> Any:
    """Sampled softmax of one positive against fixed shared negatives."""
    replicas = queries.shape[0] // positives.shape[0]
    negatives = np.arange(2, 2 + NUM_NEGATIVES, dtype="int32")
    vectors = network.item_vectors(ops.concatenate([positives, negatives]))
    true = ops.tile(vectors[: positives.shape[0]], (replicas, 1))
    scores = ops.concatenate(
        [
            ops.sum(queries * true, axis=-1, keepdims=True),
            ops.matmul(queries, ops.transpose(vectors[positives.shape[0] :])),
        ],
        axis=-1,
    )
    return ops.mean(ops.logsumexp(scores, axis=-1) - scores[:, 0])


def switched_query(supernet: BehaviorSupernet, history: Any, path: Any) -> Any:
    """One path whose choices are tensors: a branch for each candidate, of which one runs."""
    layers, norms, activations = path
    stem = supernet.stem({"history_item_id": history} if not isinstance(history, dict) else history)
    states, mask = stem["states"], stem["mask"]
    functions = list(ACTIVATION_FUNCTIONS.values())
    for index, block in enumerate(supernet.blocks):
        hidden = ops.switch(
            norms[index],
            [lambda h, b=block: b.normalization(h, mask=mask), lambda h: h],
            states,
        )
        hidden = ops.switch(
            layers[index],
            [lambda h, c=c: apply_layer(c, h, mask, None) for c in block.candidates],
            hidden,
        )
        states = states + ops.switch(activations[index], functions, hidden)
    return supernet._head(states, mask, None)


def add(first: list[Any], second: list[Any]) -> list[Any]:
    return [a + b for a, b in zip(first, second, strict=True)]


def compiled_update(variables: Any, loss: Callable[..., Any]) -> Callable[[list[Any]], None]:
    """A function that sums the gradients of some calls of `loss` and applies Adam once."""

    def loss_of(history: Any, positives: Any, *path: Any) -> Any:
        return loss({"history_item_id": history}, positives, *path)

    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(variables)
    if keras.backend.backend() == "jax":
        return _jax_update(variables, optimizer, loss_of)
    return _tensorflow_update(variables, optimizer, loss_of)


def _tensorflow_update(variables: Any, optimizer: Any, loss_of: Any) -> Callable[..., None]:
    import tensorflow as tf

    @tf.function(jit_compile=True, autograph=False)
    def gradients(*call: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = loss_of(*call)
        found = tape.gradient(loss, [v.value for v in variables], unconnected_gradients="zero")
        return [tf.convert_to_tensor(gradient) for gradient in found]

    @tf.function(jit_compile=True, autograph=False)
    def apply(summed: Any) -> None:
        optimizer.apply(summed, variables)

    @tf.function(jit_compile=True, autograph=False)
    def update_once(*call: Any) -> None:
        optimizer.apply(gradients.python_function(*call), variables)

    def update(calls: list[Any]) -> None:
        if len(calls) == 1:
            update_once(*calls[0])
        else:
            total = None
            for call in calls:
                found = gradients(*[tf.convert_to_tensor(part) for part in call])
                total = found if total is None else add(total, found)
            apply(total)
        variables[0].value.numpy()

    return update


def _jax_update(variables: Any, optimizer: Any, loss_of: Any) -> Callable[..., None]:
    import jax

    state = {"values": [v.value for v in variables], "opt": [v.value for v in optimizer.variables]}

    def pure_loss(values: Any, call: Any) -> Any:
        with keras.StatelessScope(state_mapping=zip(variables, values, strict=False)):
            return loss_of(*call)

    gradients = jax.jit(jax.grad(pure_loss))
    apply = jax.jit(lambda opt, found, values: optimizer.stateless_apply(opt, found, values))

    @jax.jit
    def update_once(opt: Any, values: Any, call: Any) -> Any:
        return optimizer.stateless_apply(opt, jax.grad(pure_loss)(values, call), values)

    def update(calls: list[Any]) -> None:
        if len(calls) == 1:
            new = update_once(state["opt"], state["values"], calls[0])
        else:
            total = None
            for call in calls:
                found = gradients(state["values"], call)
                total = found if total is None else add(total, found)
            new = apply(state["opt"], total, state["values"])
        state["values"], state["opt"] = new
        jax.block_until_ready(state["values"])

    return update


if __name__ == "__main__":
    main()
