"""What a time limit does to a search of task ctr."""

from __future__ import annotations

import pytest

from amer_tf.search import ctr_program
from amer_tf.search.phase_clock import PhaseClock
from tests.search import small_ctr_run
from tests.search.small_ctr_run import of_kind, search

pytestmark = [
    pytest.mark.filterwarnings("ignore:Even though the `tf.config"),
    pytest.mark.usefixtures("eagerly"),
]

FAST = small_ctr_run.SETTINGS.replace(
    references=(), rounds=1, round_epochs=1, mlp_epochs=1, num_mlps=10, final_epochs=1
)


@pytest.fixture(scope="module")
def data(ctr_data):
    return ctr_data


def test_a_time_limit_ends_every_phase(data, tmp_path):
    settings = small_ctr_run.SETTINGS.replace(
        round_epochs=1000,
        mlp_epochs=1000,
        num_mlps=100_000,
        final_epochs=1000,
        patience=1000,
        references=("dnn", "lightgbm"),
    )
    result = search(data, tmp_path / "run", settings=settings, time_limit="3s").fit(
        data.train, data.validation
    )
    # Without a limit it would be hours.
    assert result.metrics["seconds"] < 300
    assert len(result.interactions()) == 3


def test_what_the_limit_leaves_no_time_for_is_left_out(data, tmp_path, monkeypatch, caplog):
    """But for the first of the final trainings; trees come before networks."""
    own = PhaseClock.too_late
    asked = []

    def too_late(clock, name, phase):
        asked.append(name)
        return name in ("scratch_1", "reference_dnn") or own(clock, name, phase)

    monkeypatch.setattr(PhaseClock, "too_late", too_late)
    settings = FAST.replace(references=("dnn", "lightgbm"))
    result = search(data, tmp_path / "run", settings=settings).fit(data.train, data.validation)
    assert len(of_kind(result, "scratch")) == 1
    assert [trial["name"] for trial in of_kind(result, "reference")] == ["lightgbm"]
    phases = result.run.phases()
    assert phases["scratch"]["num_left_out"] == 1
    assert phases["references"]["left_out"] == ["dnn"]
    assert asked[-2:] == ["reference_lightgbm", "reference_dnn"]
    assert "1 of 2 final trainings are left out: the time limit leaves none" in caplog.text
    assert "dnn is left out: the search has used up the time limit." in caplog.text


def test_references_that_a_limit_ended_are_told(data, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(ctr_program, "cut_at", lambda phases, name: {"lightgbm": 7}.get(name))
    settings = FAST.replace(references=("lightgbm",))
    search(data, tmp_path / "run", settings=settings).fit(data.train, data.validation)
    assert "ended trainings of systems made by hand (epochs, or trees): lightgbm after 7" in (
        caplog.text
    )
