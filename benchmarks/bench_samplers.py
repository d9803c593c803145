"""Step 1 on rows with a behaviour: what an update costs, and random sampling against evolution.

    python benchmarks/bench_samplers.py
    python benchmarks/bench_samplers.py --data_dir=FOLDER   (of `amer prepare`, task ctr)

Without a folder: 40,000 made rows of 4 fields and a history of 20 events of 2 fields; a click is
likely where one of the newest three events is of the target's category, or two neighbouring events
are of categories that belong together. K 8, 3 blocks of 12 candidates, MLP [200, 80], batches of
1,020 dealt out to the paths. One supernet is trained; then both samplers score as many
architectures, with the same seeds, on the same 4,000 other rows, by log loss after scaling.

Result (2 cores shared with much other work, so that times say little; three seeds, of which the
last run was cut off before its evolution):

    an update without blocks 45 ms, of the supernet 295 ms (its compilation took 197 s)
    best score of 720 architectures (and of half of them), minus log loss
    seed 0: random -.66020 (-.66024), evolution -.65982 (-.66034)
    seed 1: random -.66016 (-.66016), evolution -.65980 (-.65987)
    seed 2: random -.66039 (-.66039)

Evolution was ahead at the same budget in both seeds, at half of it in one. The differences are far
below what 4,000 rows can tell apart, so random sampling stays the default.

MovieLens-1M (`--data_dir`, prepared with task ctr, a tenth of the ratings, 20 steps; --epochs=3
--groups=40, so 480 architectures; one core): an update without blocks 32 ms, of the supernet 169 ms
(44 s until the first is done)

    seed 0: random -.55519 (half -.55804), evolution -.55602 (-.55764)
    seed 1: random -.55607 (half -.55607), evolution -.55627 (-.55656)
    seed 2: random -.55649 (half -.55649), evolution -.55674 (-.55674)

Random sampling was ahead in all three at the same budget.

Complete Journey (`--data_dir`, task ctr, .03 of the purchases, 20 steps; the same options; two
cores beside other work, so that times say little)

    seed 0: random -.66908 (half -.66908), evolution -.66902 (-.66925)
    seed 1: random -.66909 (half -.66909), evolution -.66886 (-.66915)
    seed 2: random -.66920 (half -.66920), evolution -.66886 (-.66922)

Evolution was ahead in all three at the same budget, by less than rows can tell apart, and in none
with half of it. So on neither data set half the architectures are enough for it: random sampling
stays the default.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import data_pipelines
from amer_tf.architecture import Architecture, HiddenLayer
from amer_tf.features import CategoricalField, FeatureSpec, Vocabulary
from amer_tf.models import amer
from amer_tf.search import fair
from amer_tf.search.ctr_settings import CtrSettings
from amer_tf.search.hybrid_behavior import HybridBehaviorSupernet
from amer_tf.search.samplers import SAMPLERS, History, make_sampler
from amer_tf.search.spaces import BehaviorSpace, layer_candidates
from amer_tf.training.ctr import CtrTrainer
from amer_tf.training.path_scoring import PathScorer

ITEMS, CATEGORIES, USERS, STEPS, K = 500, 20, 1000, 20, 8
UNITS = (200, 80)
BATCH, NUM_BLOCKS = 1020, 3  # a multiple of 12
SPEC = FeatureSpec(
    fields=(
        CategoricalField("user"),
        CategoricalField("hour", "context"),
        CategoricalField("item", "target"),
        CategoricalField("category", "target"),
        CategoricalField("items", "behavior", "item"),
        CategoricalField("categories", "behavior", "category"),
    ),
    vocabularies=tuple(
        Vocabulary(name, "integer", "int64", size=size)
        for name, size in (
            ("user", USERS),
            ("hour", 24),
            ("item", ITEMS),
            ("category", CATEGORIES),
        )
    ),
    label="click",
    max_length=STEPS,
    target_to_behavior={"item": "items", "category": "categories"},
)


class Rows:
    """Made rows, which give batches as a validation split does."""

    groups = None

    def __init__(self, num_examples: int, seed: int) -> None:
        generator = np.random.default_rng(seed)
        self.num_examples = num_examples
        lengths = generator.integers(0, STEPS + 1, num_examples)
        kept = np.arange(STEPS) < lengths[:, None]
        items = generator.integers(2, ITEMS + 2, (num_examples, STEPS)) * kept
        target = generator.integers(2, ITEMS + 2, num_examples)
        category = target % CATEGORIES + 2
        categories = (items % CATEGORIES + 2) * kept
        newest = kept & (np.arange(STEPS) >= lengths[:, None] - 3)
        recent = ((categories == category[:, None]) & newest).any(axis=1)
        follow = (categories[:, 1:] == categories[:, :-1] % CATEGORIES + 2) & kept[:, 1:]
        logits = 1.5 * recent + 1.2 * (follow.sum(axis=1) % 2) - 1.0
        self.labels = (generator.random(num_examples) < 1 / (1 + np.exp(-logits))).astype("float32")
        columns = {
            "user": generator.integers(2, USERS + 2, num_examples),
            "hour": generator.integers(2, 26, num_examples),
            "item": target,
            "category": category,
            "items": items,
            "categories": categories,
        }
        self.inputs = {name: column.astype("int32") for name, column in columns.items()}

    def batches(self, batch_size: int) -> Iterator[tuple[Any, Any, Any]]:
        for start in range(0, self.num_examples, batch_size):
            rows = slice(start, start + batch_size)
            inputs = {name: tf.constant(column[rows]) for name, column in self.inputs.items()}
            labels = tf.constant(self.labels[rows])
            yield inputs, labels, tf.ones_like(labels)

    def endless(self) -> tf.data.Dataset:
        """Shuffled batches without end."""
        data = tf.data.Dataset.from_tensor_slices((self.inputs, self.labels))
        data = data.shuffle(self.num_examples, seed=0).batch(BATCH, drop_remainder=True)
        return data.repeat()


def train(network: keras.Model, split: Any, epochs: int) -> tuple[float, float]:
    """Seconds until the first step is done, and milliseconds of a later one."""
    num_steps = epochs * (split.num_examples // BATCH)
    trainer = CtrTrainer(network)
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, num_steps)
    trainer.compile(optimizer=keras.optimizers.Adam(schedule), jit_compile=True)
    made = isinstance(split, Rows)
    data = split.endless() if made else split.batches(BATCH, seed=0, first_step=0)
    start = time.perf_counter()
    trainer.fit(data, steps_per_epoch=1, verbose=0)
    first = time.perf_counter() - start
    start = time.perf_counter()
    trainer.fit(data, steps_per_epoch=num_steps - 1, verbose=0)
    return first, (time.perf_counter() - start) / (num_steps - 1) * 1000


def best_so_far(
    name: str, scorer: PathScorer, space: BehaviorSpace, num_groups: int, seed: int
) -> list[float]:
    """The best score after each group."""
    sampler = make_sampler(name, space, seed, num_groups)
    choices: list[fair.PathGroup] = []
    scores: list[float] = []
    best = []
    for index in range(num_groups):
        history = None
        if choices:
            parts = (np.concatenate(part, axis=1) for part in zip(*choices, strict=True))
            history = History(fair.PathGroup(*parts), np.array(scores))
        group = sampler.propose(index, history)
        choices.append(group)
        scores += [score.value for score in scorer(group)]
        best.append(max(scores))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--groups", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data_dir", help="prepared rows with a behaviour, in place of made ones")
    arguments = parser.parse_args()
    spec, train_rows, validation = SPEC, Rows(40_000, 0), Rows(4000, 1)
    if arguments.data_dir:
        data = data_pipelines.load(arguments.data_dir)
        spec, train_rows = data.spec, data.train
        validation = data.validation.limit(min(4000, data.validation.num_examples), seed=0)
    matches = CtrSettings().history_match if arguments.data_dir else "none"
    keras.utils.set_random_seed(0)
    mlp = tuple(HiddenLayer("relu", units=units) for units in UNITS)
    without = Architecture(mlp=mlp, shortcut="squeeze_excitation", history_match=matches)
    plain = amer.build(spec, without, embedding_dim=K)
    plain_first, plain_step = train(plain, train_rows, 1)
    space = BehaviorSpace(num_blocks=NUM_BLOCKS, layers=layer_candidates(spec))
    supernet = HybridBehaviorSupernet(
        spec, space, hidden_units=UNITS, embedding_dim=K, history_match=matches
    )
    first, step = train(supernet, train_rows, arguments.epochs)
    result: dict[str, Any] = {
        "without blocks": {"first_s": round(plain_first, 1), "update_ms": round(plain_step, 1)},
        "supernet": {"first_s": round(first, 1), "update_ms": round(step, 1)},
    }
    print(json.dumps(result), flush=True)
    scorer = PathScorer(supernet, validation, batch_rows=250, calibrate=True, jit_compile=True)
    start = time.perf_counter()
    scorer(space.sample_group(np.random.default_rng(0)))
    result["first_group_s"] = round(time.perf_counter() - start, 1)
    start = time.perf_counter()
    for seed in range(arguments.seeds):
        for name in SAMPLERS:
            best = best_so_far(name, scorer, space, arguments.groups, seed)
            half = best[arguments.groups // 2 - 1]
            result[f"{name}, seed {seed}"] = {"half": round(half, 5), "all": round(best[-1], 5)}
            print(json.dumps(result[f"{name}, seed {seed}"]), name, seed, flush=True)
    groups = arguments.seeds * len(SAMPLERS) * arguments.groups
    result["group_s"] = round((time.perf_counter() - start) / groups, 2)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
