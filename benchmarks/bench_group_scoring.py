"""Scores architectures with inherited weights: fair groups against derived models one by one.

    amer prepare --dataset=amazon_beauty --source_dir=DIR --data_dir=data/beauty
    python benchmarks/bench_group_scoring.py --data_dir=data/beauty

Both score on the same 4,000 validation users with the same 100 frozen negatives, and must give the
same scores; times are extrapolated to 2,000 architectures from those scored. A derived model is
built, given the supernet's weights, and evaluated without XLA (compiling it costs more than the
scoring) and with it.

Result (one core, another benchmark on the other one, TensorFlow 2.21; with --skip_xla):

    fair groups: first group 20.4 s, then 328 ms an architecture
    fair groups: 2000 architectures in 673 s
    one by one, jit_compile=False: 1851 ms an architecture, 2000 in 3703 s, 5.5 times the fair
    groups; largest difference of a score 0.0e+00

Since then users are scored in batches of 100 in place of 500: 2.8 s a group in place of 3.6.
"""

from __future__ import annotations

import argparse
import gc
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import data_pipelines
from amer_tf.models import amer
from amer_tf.models.next_item import NextItemNetwork
from amer_tf.search.behavior import BehaviorSupernet
from amer_tf.search.samplers import RandomSampler
from amer_tf.search.spaces import BehaviorSpace
from amer_tf.training.group_scoring import GroupScorer
from amer_tf.training.next_item_evaluation import NextItemEvaluator


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data_dir", required=True)
    parser.add_argument("--embedding_dim", type=int, default=64)
    parser.add_argument("--groups", type=int, default=10)
    parser.add_argument("--models", type=int, default=50)
    parser.add_argument("--users", type=int, default=4000)
    parser.add_argument("--architectures", type=int, default=2000)
    parser.add_argument("--skip_xla", action="store_true", help="compiling takes minutes")
    arguments = parser.parse_args()
    data = data_pipelines.load(arguments.data_dir)
    split = data.validation.limit(arguments.users, seed=0)
    space = BehaviorSpace()
    sampler = RandomSampler(space)
    supernet = BehaviorSupernet(
        data.spec, space, embedding_dim=arguments.embedding_dim, catalog=data.catalog
    )
    start = time.perf_counter()
    scorer = GroupScorer(supernet, split)
    first = scorer(sampler.propose(0))
    compiling = time.perf_counter() - start
    start = time.perf_counter()
    for index in range(1, 1 + arguments.groups):
        scorer(sampler.propose(index))
    each = (time.perf_counter() - start) / (arguments.groups * space.num_paths)
    fair = compiling + each * (arguments.architectures - space.num_paths)
    print(f"fair groups: first group {compiling:.1f} s, then {1000 * each:.0f} ms an architecture")
    print(f"fair groups: {arguments.architectures} architectures in {fair:.0f} s")

    num_items = data.spec.vocabulary(data.spec.item_field).num_rows
    architectures = space.decode(sampler.propose(0))
    while len(architectures) < arguments.models:
        architectures += space.decode(sampler.propose(len(architectures)))
    for jit_compile in (False,) if arguments.skip_xla else (False, True):
        scores, start = [], time.perf_counter()
        for architecture in architectures[: arguments.models]:
            model = amer.build(
                data.spec,
                architecture,
                embedding_dim=arguments.embedding_dim,
                catalog=data.catalog,
            )
            supernet.inherit(model, architecture)
            evaluator = NextItemEvaluator(
                NextItemNetwork(model, data.spec), num_items, jit_compile=jit_compile
            )
            scores.append(evaluator.evaluate(split)["ndcg@5"])
            gc.collect()
        each = (time.perf_counter() - start) / arguments.models
        total = each * arguments.architectures
        count = min(space.num_paths, len(scores))
        difference = np.abs(np.array(scores[:count]) - [s.value for s in first[:count]]).max()
        print(
            f"one by one, jit_compile={jit_compile}: {1000 * each:.0f} ms an architecture, "
            f"{arguments.architectures} in {total:.0f} s, {total / fair:.1f} times the fair "
            f"groups; largest difference of a score {difference:.1e}",
            flush=True,
        )


if __name__ == "__main__":
    main()
