"""AutoFIS's first stage on rows with a planted pair."""

from __future__ import annotations

import numpy as np
import pytest

from amer_tf.features import CategoricalField, FeatureSpec, Vocabulary
from amer_tf.models import autofis
from amer_tf.search import pair_selection
from amer_tf.search.budget import Budget
from amer_tf.search.ctr_search import PHASE_SHARES
from amer_tf.search.ctr_settings import CtrSettings
from amer_tf.search.ctr_workbench import CtrWorkbench
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.state import RunFolder
from amer_tf.training.array_split import ArrayTrainingSplit
from amer_tf.training.fit import TrainingError

NAMES = tuple("ABCD")
SPEC = FeatureSpec(
    fields=tuple(CategoricalField(name) for name in NAMES),
    vocabularies=tuple(Vocabulary(name, "integer", "int64", size=6) for name in NAMES),
    label="click",
)
SETTINGS = CtrSettings(
    embedding_dim=4, hidden_units=(8,), dropout=0.0, batch_size=500, epoch_steps=1, gate_epochs=10
)


def draw(num_rows: int = 20_000) -> ArrayTrainingSplit:
    """Rows whose labels the pair of B and D decides alone."""
    generator = np.random.default_rng(0)
    ids = {name: generator.integers(2, 8, num_rows).astype("int32") for name in NAMES}
    # No field says anything by itself: half of the values of each have the other sign.
    logits = np.where(ids["B"] % 2 == ids["D"] % 2, 2.0, -2.0)
    labels = (generator.random(num_rows) < 1 / (1 + np.exp(-logits))).astype("float32")
    return ArrayTrainingSplit(ids, labels)


def select(folder, split, settings=SETTINGS, seconds=None):
    run = RunFolder(folder)
    bench = CtrWorkbench(run, SPEC, settings, 0, split.num_examples, prior_precision=3.0)
    clock = PhaseClock(run, Budget(seconds, PHASE_SHARES))
    return pair_selection.select(bench, clock, "options_autofis", split, seconds)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return select(folder, draw()), folder


def test_useless_pairs_are_closed_and_the_planted_one_stays(found):
    options, _ = found
    assert options["pairs"] == [["B", "D"]]
    assert abs(options["attention"][0]) > 0.3
    model = autofis.build(SPEC, **options, embedding_dim=4)
    [weights] = model.get_layer("amer.attention").get_weights()
    np.testing.assert_allclose(weights[:, 0], options["attention"], rtol=1e-6)


def test_the_same_seed_finds_the_same(found, tmp_path):
    assert select(tmp_path, draw()) == found[0]


def test_goes_on_where_it_was_killed(found, tmp_path, monkeypatch):
    def kill(*args):
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(pair_selection, "PhaseProgress", _KillingProgress(kill))
        with pytest.raises(KilledError):
            select(tmp_path, draw())
    assert RunFolder(tmp_path).phases()["options_autofis"]["epoch"] == 4
    assert select(tmp_path, draw()) == found[0]


class KilledError(Exception):
    pass


class _KillingProgress:
    """Takes the place of the progress bar; its fifth update kills."""

    def __init__(self, kill):
        self.kill = kill
        self.updates = 0

    def __call__(self, *args):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *args):
        return None

    def update(self, *args):
        self.updates += 1
        if self.updates == 5:
            self.kill()


def test_a_loss_that_is_not_finite_is_an_error(tmp_path):
    settings = SETTINGS.replace(learning_rate=1e30, gate_epochs=2)
    with pytest.raises(TrainingError, match="The loss is"):
        select(tmp_path, draw(800), settings)


def test_without_a_pair_that_matters_gates_are_all_but_closed(found, tmp_path):
    split = draw()
    split.labels = np.random.default_rng(1).permutation(split.labels)
    options = select(tmp_path, split)
    # What is left has learned the rows by heart.
    assert len(options["pairs"]) < 6
    weights = np.abs(options["attention"])
    assert np.all(weights < 0.15)
    assert np.all(weights < 0.1 * abs(found[0]["attention"][0]))
