"""Scores of fair groups: those of each derived model, evaluated by itself."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from amer_tf.models import amer
from amer_tf.models.next_item import NextItemNetwork
from amer_tf.search.behavior import BehaviorSupernet
from amer_tf.training.group_scoring import GroupScorer
from amer_tf.training.next_item_evaluation import NextItemEvaluator, evaluate
from tests.search import nets, small_run
from tests.training.small_split import NUM_ITEMS, SmallNetwork, SmallSplit


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return small_run.prepare(tmp_path_factory.mktemp("data"))


def shaken(model):
    generator = np.random.default_rng(0)
    for weight in model.trainable_weights:
        weight.assign(generator.normal(0.0, 0.3, size=weight.shape))
    return model


def test_a_group_scores_as_its_derived_models(data):
    space = small_run.SmallSpace(num_blocks=2)
    supernet = shaken(BehaviorSupernet(data.spec, space, embedding_dim=8))
    split = data.validation.limit(31, seed=4)
    group = space.sample_group(np.random.default_rng(0))
    results = []
    for architecture in space.decode(group):
        model = amer.build(data.spec, architecture, embedding_dim=8)
        supernet.inherit(model, architecture)
        evaluator = NextItemEvaluator(
            NextItemNetwork(model, data.spec),
            data.spec.vocabulary("item_id").num_rows,
            jit_compile=False,
        )
        results.append(evaluator.evaluate(split, num_negatives=10, seed=2))
    for metric in ("ndcg@5", "mrr"):
        # The last batch is filled up: 31 users in calls of 8.
        scorer = GroupScorer(supernet, split, metric=metric, batch_size=8, num_negatives=10, seed=2)
        assert scorer.num_users == 31
        for score, result in zip(scorer(group), results, strict=True):
            assert score.value == pytest.approx(result[metric], abs=1e-6)
            error = result["standard_errors"][metric]
            assert score.standard_error == pytest.approx(error, abs=1e-6)
    assert len({result["mrr"] for result in results}) == 3


def test_scores_follow_the_weights(data):
    # The supernet is scored after each epoch by the same compiled call.
    space = small_run.SmallSpace(num_blocks=1)
    supernet = BehaviorSupernet(data.spec, space, embedding_dim=8)
    scorer = GroupScorer(supernet, data.validation, num_negatives=10)
    group = space.sample_group(np.random.default_rng(0))
    before = scorer(group)
    assert scorer(group) == before
    shaken(supernet)
    assert scorer(group) != before


def test_a_broken_supernet_is_not_ranked_first(data):
    space = small_run.SmallSpace(num_blocks=1)
    supernet = BehaviorSupernet(data.spec, space, embedding_dim=8)
    supernet.to_query.kernel.assign(supernet.to_query.kernel * np.nan)
    scorer = GroupScorer(supernet, data.validation, num_negatives=10)
    group = space.sample_group(np.random.default_rng(0))
    assert [score.value for score in scorer(group)] == [0.0, 0.0, 0.0]


def test_many_models_are_evaluated_in_silence(caplog):
    # TensorFlow warns of a function that it takes for one and the same, traced again and again.
    logger = tf.get_logger()
    logger.addHandler(caplog.handler)
    try:
        for _ in range(6):
            evaluate(SmallNetwork(), SmallSplit(), num_items=NUM_ITEMS, num_negatives=5)
    finally:
        logger.removeHandler(caplog.handler)
    assert caplog.messages == []


def test_every_path_of_the_whole_space_is_scored():
    supernet = nets.supernet(nets.next_item_spec(), num_blocks=1)
    scorer = GroupScorer(supernet, SmallSplitOfSpec(), num_negatives=5)
    scores = scorer(supernet.space.sample_group(np.random.default_rng(0)))
    assert len(scores) == 11
    assert all(0.0 <= score.value <= 1.0 for score in scores)


class SmallSplitOfSpec(SmallSplit):
    """Histories as long as those of `nets.next_item_spec`."""

    def batches(self, batch_size, **options):
        def longer(inputs, labels):
            steps = tf.pad(inputs["history_item_id"], [[0, 0], [0, nets.STEPS - 4]])
            return {"history_item_id": tf.ensure_shape(steps, (batch_size, nets.STEPS))}, labels

        return super().batches(batch_size, **options).map(longer)
