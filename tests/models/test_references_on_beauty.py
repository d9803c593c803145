"""POP and EASE on Amazon Beauty against known results: 100 uniform negatives, test split."""

import pytest

import data_pipelines
from amer_tf.models.ease import Ease
from amer_tf.models.popularity import Popularity
from amer_tf.training.evaluation_batches import events_before
from amer_tf.training.next_item_evaluation import evaluate_scores

NAMES = ("hr@1", "hr@5", "ndcg@5")


@pytest.fixture(scope="module")
def beauty(shared_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("beauty")
    data_pipelines.prepare("amazon_beauty", shared_data / "amazon_beauty", folder / "data")
    return data_pipelines.load(folder / "data")


def evaluate(model, events, data):
    model.fit(events, data.spec.vocabulary("item_id").num_rows)
    found = evaluate_scores(model.scores, data.test, history_field="history_item_id")
    return [found[name] for name in NAMES]


@pytest.mark.slow
def test_popularity(beauty):
    # Three standard errors of other negatives: .005.
    found = evaluate(Popularity(), beauty.train.interactions(), beauty)
    assert found == pytest.approx([0.053, 0.171, 0.112], abs=0.005)


@pytest.mark.slow
def test_ease(beauty):
    found = evaluate(Ease(l2=300.0), events_before(beauty.test, "history_item_id"), beauty)
    assert found == pytest.approx([0.188, 0.353, 0.275], abs=0.005)


@pytest.mark.slow
def test_ease_on_training_events_alone(beauty):
    # As much data as a network is trained on; the validation event is in its history only.
    found = evaluate(Ease(l2=300.0), beauty.train.interactions(), beauty)
    assert found == pytest.approx([0.174, 0.330, 0.256], abs=0.005)
