"""Supernets and plain networks on an accelerator, against the processor of the same machine.

    KERAS_BACKEND=jax python benchmarks/bench_accelerator.py

Through the JAX backend of Keras, which needs no TensorFlow: an update (forward, backward, Adam) and
a scoring (forward) of each network, compiled by XLA, float32 with the precision of products that is
JAX's default there. `difference` is the largest between the outputs on the two devices, without
dropout, at the highest precision. The supernet of next_item is at the paper's size (6 blocks, 11
candidates, K 128, T 15); those of ctr read 26 fields and 13 numbers (K 16), and 50 steps of 3
fields in step 1.

Result (NVIDIA H100 80GB against 16 cores of its machine, JAX 0.11.2):

                          update on the GPU             on 16 cores      scoring
                          4,096 rows    32,768 rows     4,096 rows       4,096 rows     difference
    dnn                   0.92 ms        1.46 ms          12.6 ms  (14)   0.26,   3.2 ms   7.5e-8
    step 2, 325 pairs     1.16 ms        2.94 ms          31.0 ms  (27)   0.33,  12.2 ms   2.4e-7
    step 3                1.60 ms        2.69 ms          50.3 ms  (31)   0.31,  11.5 ms   8.9e-8
    step 1, ctr          29.8 ms        96.3 ms        1,321 ms    (44)   5.95, 334 ms     4.1e-7
    sasrec                4.78 ms       26.2 ms          515 ms   (108)   1.26, 105 ms     2.5e-6
    step 1, next_item    21.6 ms        70.8 ms          965 ms    (45)   2.31, 148 ms     4.3e-6

(In brackets how many times faster the GPU is.) With eight times as many rows an update of step 1
takes 3.3 times as long: a batch of 4,096 does not fill the GPU. The first call of step 1 takes 28
to 37 s there, 13 s on the processor. On the same GPU all layers gave what TensorFlow gives on a
processor, to 1e-5 (`tests/layers/run_on_jax.py` with JAX_DEFAULT_MATMUL_PRECISION=highest).
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from bench_fair_update import make_batch, make_spec, score_loss
from keras import ops

from amer_tf.architecture import Architecture, HiddenLayer
from amer_tf.features import CategoricalField, FeatureSpec, NumericField, Vocabulary
from amer_tf.models import amer, components, transformer
from amer_tf.models.next_item import NextItemNetwork
from amer_tf.search.behavior import BehaviorSupernet
from amer_tf.search.hybrid_behavior import HybridBehaviorSupernet
from amer_tf.search.interaction import InteractionSupernet
from amer_tf.search.mlp import MlpSupernet
from amer_tf.search.spaces import BehaviorSpace, layer_candidates

VALUES, K, STEPS = 1000, 16, 50
FIELDS = [f"C{number:02}" for number in range(26)]
NUMBERS = [f"I{number:02}" for number in range(13)]
BEHAVIOR = FIELDS[:3]


class Case(NamedTuple):
    """A network, how a batch of it is made, and what it computes of one."""

    network: Any
    make: Callable[[int], tuple[Any, Any]]
    output: Callable[[Any, bool], Any]
    loss: Callable[[Any, Any], Any]
    multiple: int = 1


def main() -> None:
    import jax

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch_sizes", type=int, nargs="+", default=[4096, 32_768])
    parser.add_argument("--processor_sizes", type=int, nargs="*", default=[4096])
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--cases", nargs="*", default=[])
    arguments = parser.parse_args()
    accelerator, processor = jax.devices()[0], jax.devices("cpu")[0]
    print(f"{accelerator.device_kind}; {os.cpu_count()} cores; JAX {jax.__version__}", flush=True)
    for name, make in CASES.items():
        if arguments.cases and name not in arguments.cases:
            continue
        case = make()
        rates: dict[Any, float] = {}
        for device, sizes in (
            (accelerator, arguments.batch_sizes),
            (processor, arguments.processor_sizes),
        ):
            for size in sizes:
                rows = case.multiple * max(1, size // case.multiple)
                batch = jax.device_put(case.make(rows), device)
                first, seconds = measure(case, batch, device, arguments.repeats, train=True)
                _, scoring = measure(case, batch, device, arguments.repeats, train=False)
                rates[device.platform, size] = rows / seconds
                print(
                    f"{name:24s} {device.platform:4s} {rows:6d} rows: first call {first:5.1f} s, "
                    f"update {1000 * seconds:8.2f} ms, {rows / seconds:12,.0f} rows/s; "
                    f"scoring {1000 * scoring:8.2f} ms",
                    flush=True,
                )
        shared = [size for size in arguments.processor_sizes if size in arguments.batch_sizes]
        ratios = {size: rates[accelerator.platform, size] / rates["cpu", size] for size in shared}
        print(
            f"{name:24s} update over processor "
            + ", ".join(f"{ratio:.1f} times at {size}" for size, ratio in ratios.items())
            + f"; difference {difference(case, accelerator, processor):.1e}",
            flush=True,
        )


def pure(case: Case) -> tuple[Any, Callable[..., Any]]:
    """The values of a network's variables, and its output as a function of them."""
    variables = case.network.variables

    def output(values: Any, inputs: Any, training: bool) -> Any:
        with keras.StatelessScope(state_mapping=zip(variables, values, strict=True)):
            return case.output(inputs, training)

    return [variable.value for variable in variables], output


def measure(case: Case, batch: Any, device: Any, repeats: int, train: bool) -> tuple[float, float]:
    """Seconds of the first call, compilation included, and the median of the next."""
    import jax

    network = case.network
    trainable, fixed = network.trainable_variables, network.non_trainable_variables
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(trainable)
    groups = (trainable, optimizer.variables, fixed)
    *state, rest = jax.device_put([[v.value for v in group] for group in groups], device)
    state = tuple(state)  # as an update gives it: another structure would be compiled anew

    def loss(values: Any, rest: Any, batch: Any) -> Any:
        mapping = zip([*trainable, *fixed], [*values, *rest], strict=True)
        with keras.StatelessScope(state_mapping=mapping):
            return case.loss(*batch)

    @jax.jit
    def update(state: Any, rest: Any, batch: Any) -> Any:
        values, moments = state
        return optimizer.stateless_apply(moments, jax.grad(loss)(values, rest, batch), values)

    values, output = pure(case)
    values = jax.device_put(values, device)
    score = jax.jit(lambda values, inputs: output(values, inputs, False))
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        if train:
            state = jax.block_until_ready(update(state, rest, batch))
        else:
            jax.block_until_ready(score(values, batch[0]))
        times.append(time.perf_counter() - start)
    return times[0], statistics.median(times[1:])


def difference(case: Case, *devices: Any) -> float:
    """The largest between outputs of the devices for one batch and one state."""
    import jax

    values, output = pure(case)
    inputs = case.make(case.multiple * max(1, 512 // case.multiple))[0]
    with jax.default_matmul_precision("highest"):
        score = jax.jit(lambda values, inputs: output(values, inputs, False))
        outputs = [
            np.asarray(score(*jax.device_put((values, inputs), device))) for device in devices
        ]
    return float(np.abs(outputs[0] - outputs[1]).max())


def next_item_supernet() -> Case:
    space = BehaviorSpace(num_blocks=6)
    return _next_item(BehaviorSupernet(make_spec(), space, embedding_dim=128), space.num_paths)


def sasrec() -> Case:
    spec = make_spec()
    return _next_item(NextItemNetwork(transformer.build(spec, embedding_dim=128), spec))


def _next_item(network: Any, multiple: int = 1) -> Case:
    def make(rows: int) -> Any:
        history, positives = make_batch(rows)
        return {"history_item_id": history}, positives

    return Case(
        network,
        make,
        lambda inputs, training: network.query(inputs, training=training),
        lambda inputs, labels: score_loss(network, network.query(inputs, training=True), labels),
        multiple,
    )


def _ctr(network: Any, spec: FeatureSpec, multiple: int = 1) -> Case:
    def make(rows: int) -> Any:
        generator = np.random.default_rng(0)
        inputs: dict[str, Any] = {}
        for name, tensor in components.make_inputs(spec).items():
            shape = (rows, *tensor.shape[1:])
            if tensor.dtype == "int32":
                inputs[name] = generator.integers(2, VALUES, shape).astype("int32")
            else:
                inputs[name] = generator.normal(size=shape).astype("float32")
        return inputs, generator.integers(0, 2, rows).astype("float32")

    def loss(inputs: Any, labels: Any) -> Any:
        logits = ops.reshape(network(inputs, training=True), (-1,))
        return ops.mean(keras.losses.binary_crossentropy(labels, logits, from_logits=True))

    return Case(
        network,
        make,
        lambda inputs, training: ops.reshape(network(inputs, training=training), (-1,)),
        loss,
        multiple,
    )


def _table_spec() -> FeatureSpec:
    return FeatureSpec(
        fields=(
            *(CategoricalField(name) for name in FIELDS),
            *(NumericField(name) for name in NUMBERS),
        ),
        vocabularies=tuple(Vocabulary(name, "integer", "int64", size=VALUES) for name in FIELDS),
        label="label",
    )


def _hybrid_spec() -> FeatureSpec:
    behavior = {name: f"history_{name}" for name in BEHAVIOR}
    return FeatureSpec(
        fields=(
            *(CategoricalField(column, "behavior", name) for name, column in behavior.items()),
            *(CategoricalField(name, "target", name) for name in BEHAVIOR),
            *(CategoricalField(name) for name in FIELDS[len(BEHAVIOR) :]),
            *(NumericField(name) for name in NUMBERS),
        ),
        vocabularies=tuple(Vocabulary(name, "integer", "int64", size=VALUES) for name in FIELDS),
        label="label",
        max_length=STEPS,
        target_to_behavior=behavior,
    )


def dnn() -> Case:
    mlp = (HiddenLayer("relu", units=200),) * 3
    spec = _table_spec()
    return _ctr(amer.build(spec, Architecture(mlp=mlp, shortcut="none"), embedding_dim=K), spec)


def interaction_supernet() -> Case:
    spec = _table_spec()
    pairs = list(itertools.combinations(FIELDS, 2))
    return _ctr(InteractionSupernet(spec, pairs, embedding_dim=K), spec, len(pairs))


def mlp_supernet() -> Case:
    spec = _table_spec()
    architecture = Architecture(shortcut="squeeze_excitation")
    supernet = MlpSupernet(spec, architecture, max_units=200, embedding_dim=K)
    return _ctr(supernet, spec, supernet.space.num_paths)


def hybrid_supernet() -> Case:
    spec = _hybrid_spec()
    space = BehaviorSpace(layers=layer_candidates(spec))
    return _ctr(HybridBehaviorSupernet(spec, space, embedding_dim=K), spec, space.num_paths)


CASES = {
    "dnn": dnn,
    "step 2, 325 pairs": interaction_supernet,
    "step 3": mlp_supernet,
    "step 1, ctr": hybrid_supernet,
    "sasrec": sasrec,
    "step 1, next_item": next_item_supernet,
}


if __name__ == "__main__":
    main()
