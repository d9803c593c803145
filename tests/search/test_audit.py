"""Audits of finished and unfinished searches: what is trained, when, and what it leaves alone."""

from __future__ import annotations

import json
import shutil

import pytest

from amer_tf import AmerSearch
from amer_tf.architecture import Architecture
from amer_tf.search import next_item_program
from amer_tf.search.audit import AuditClock, audit, final_epochs, is_audited
from amer_tf.search.audit_plan import Entry
from amer_tf.search.budget import Budget
from amer_tf.search.result import SearchResult
from amer_tf.search.run_error import RunError
from amer_tf.search.state import RunFolder
from amer_tf.search.trials import TrialLog
from amer_tf.training.fit import TrainingError
from tests.search import small_run
from tests.search.fake_clock import FakeClock

pytestmark = [
    pytest.mark.usefixtures("eagerly"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config"),
]
NUMBER = 5


class Killed(BaseException):
    """Not caught by anything, as a signal would not be."""


def search(data, folder, number=NUMBER, **options):
    run = AmerSearch(
        data.spec,
        folder,
        **{"settings": small_run.SETTINGS, "seed": small_run.SEED, "audit": number, **options},
    )
    return run.fit(data.train, data.validation)


def of_kind(result, kind):
    return [trial for trial in result.run.trials() if trial["kind"] == kind]


@pytest.fixture(scope="module")
def audited(eagerly, data, finished, tmp_path_factory):
    """The finished search, audited afterwards."""
    folder = tmp_path_factory.mktemp("audited") / "run"
    shutil.copytree(finished.run.path, folder)
    return search(data, folder)


def ranked(result):
    """Scores of the different sampled architectures, the best first."""
    scores = {str(trial["architecture"]): trial["score"] for trial in of_kind(result, "random")}
    return dict(sorted(scores.items(), key=lambda item: -item[1]))


def of_step(result, step="behavior"):
    return [trial for trial in of_kind(result, "audit") if trial["step"] == step]


def test_it_is_spread_over_the_inherited_scores(audited):
    scores, own = ranked(audited), of_step(audited)
    # Evenly spaced, and in an order in which any number of the first is spread out.
    assert [trial["rank"] for trial in own] == [0, 5, 2, 1, 4]
    assert {trial["num_scored"] for trial in own} == {len(scores)} == {6}
    chosen = [list(scores)[trial["rank"]] for trial in own]
    assert [str(trial["architecture"]) for trial in own] == chosen
    assert [trial["inherited"] for trial in own] == [scores[text] for text in chosen]
    assert all(trial["score"] == trial["metrics"]["ndcg@5"] for trial in own)
    assert {trial["epochs"] for trial in own} == {small_run.SETTINGS.scratch_epochs}


def test_the_found_one_is_trained_as_the_others(audited):
    [trial] = of_step(audited, "found")
    assert Architecture.from_dict(trial["architecture"]) == audited.architecture
    # By other draws than those that it was chosen by.
    chosen_by = [other["metrics"] for other in of_kind(audited, "scratch")]
    assert trial["metrics"] not in chosen_by
    # Where it is one of the scored ones it is trained once.
    for other in of_step(audited):
        same = other["architecture"] == trial["architecture"]
        assert (other["metrics"] == trial["metrics"]) == same


def test_nothing_that_the_search_found_is_changed(audited, finished):
    number = len(finished.run.trials())
    assert audited.run.trials()[:number] == finished.run.trials()
    assert {trial["kind"] for trial in audited.run.trials()[number:]} == {"audit"}
    for name in ("model.keras", "architecture.json", "config.json", "spec.json"):
        before, after = (path / name for path in (finished.run.path, audited.run.path))
        assert before.read_bytes() == after.read_bytes()
    names = {file.name for file in audited.run.path.rglob("*")}
    assert names == {file.name for file in finished.run.path.rglob("*")}
    assert audited.score == finished.score
    assert audited.leaderboard().equals(finished.leaderboard())
    own, other = audited.summary(), finished.summary()
    changing = ("run_dir", "audit_seconds", "audit")
    assert [own[key] for key in own if key not in changing] == [
        other[key] for key in own if key not in changing
    ]


def test_its_time_is_no_time_of_the_search(audited, finished, data, tmp_path):
    assert audited.seconds == finished.seconds == audited.summary()["seconds"]
    assert finished.audit_seconds is None
    assert audited.audit_seconds > 0.0
    last = audited.run.phases()["audit"]["used"]
    assert audited.seconds + audited.audit_seconds == pytest.approx(last, abs=0.5)
    # A larger one adds its own.
    larger = search(data, shutil.copytree(audited.run.path, tmp_path / "run"), 6)
    assert larger.seconds == finished.seconds
    assert larger.audit_seconds > audited.audit_seconds


@pytest.mark.slow
def test_the_same_command_searches_and_audits(audited, data, finished, tmp_path):
    whole = search(data, tmp_path / "run", settings=small_run.SETTINGS)
    assert whole.run.trials() == audited.run.trials()
    assert whole.summary()["audit"] == audited.summary()["audit"]
    # The record of the last phase before the audit, and all that came after it.
    last = max(
        phase["used"]
        for name, phase in whole.run.phases().items()
        if "used" in phase and not name.startswith("audit")
    )
    assert whole.seconds == pytest.approx(last, abs=0.5)
    assert whole.audit_seconds > 0.0


def test_what_is_done_is_not_done_again(audited, data, monkeypatch):
    monkeypatch.setattr(next_item_program, "train_alone", lambda *a, **k: pytest.fail("trained"))
    before = (audited.run.path / "trials.jsonl").read_bytes()
    for number in (0, NUMBER):
        again = search(data, audited.run.path, number)
        assert again.summary() == audited.summary()
    assert (audited.run.path / "trials.jsonl").read_bytes() == before


def test_a_larger_audit_adds_to_a_smaller_one(audited, data, tmp_path):
    folder = shutil.copytree(audited.run.path, tmp_path / "run")
    larger = search(data, folder, 7)
    number = len(audited.run.trials())
    assert larger.run.trials()[:number] == audited.run.trials()
    # There are six different ones.
    assert [trial["rank"] for trial in of_step(larger)] == [0, 5, 2, 1, 4, 3]
    assert larger.audit().steps[0].correlation.count == 6


@pytest.mark.slow
def test_killed_again_and_again(audited, data, finished, tmp_path, monkeypatch):
    folder = shutil.copytree(finished.run.path, tmp_path / "run")
    methods = {name: getattr(RunFolder, name) for name in ("staged", "append_trials")}
    attempts = 0
    while True:
        left = [9]

        def counted(name, left=left):
            def call(*arguments):
                left[0] -= 1
                if left[0] < 0:
                    raise Killed
                return methods[name](*arguments)

            return call

        with monkeypatch.context() as context:
            for name in methods:
                context.setattr(RunFolder, name, counted(name))
            try:
                result = search(data, folder)
                break
            except Killed:
                attempts += 1
    assert attempts > 2
    assert result.run.trials() == audited.run.trials()
    assert not list((folder / "checkpoints").iterdir())


def test_an_architecture_that_diverges_is_left_out(data, finished, tmp_path, monkeypatch):
    folder = shutil.copytree(finished.run.path, tmp_path / "run")
    train = next_item_program.train_alone

    def diverging(bench, clock, name, *arguments, **options):
        if name == "audit_behavior_4":
            raise TrainingError("The loss is nan.")
        return train(bench, clock, name, *arguments, **options)

    monkeypatch.setattr(next_item_program, "train_alone", diverging)
    result = search(data, folder)
    [failed] = of_kind(result, "failed")
    assert (failed["of"], failed["step"], failed["reason"]) == (
        *("audit", "behavior", "The loss is nan."),
    )
    assert result.audit().num_failed == 1
    # Four are too few for a rank correlation, and enough for a mean.
    assert result.audit().steps == ()
    assert result.audit().random.count == 4
    assert [trial["rank"] for trial in of_step(result)] == [0, 5, 2, 1]
    monkeypatch.setattr(next_item_program, "train_alone", lambda *a, **k: pytest.fail("trained"))
    (folder / "phases.json").write_text(
        json.dumps({**result.run.phases(), "audit": {}})
    )  # as if it had been killed at its end
    assert search(data, folder).run.trials() == result.run.trials()


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (1, "`audit` must be 0 or a whole number of at least 5: .* Received: audit=1"),
        (4, "not even a perfect ranking could be told from chance. Received: audit=4"),
        (-3, "Received: audit=-3"),
        (5.0, r"Received: audit=5\.0"),
        (True, "Received: audit=True"),
        (9, "`audit` must be at most 8: with these data and settings .* Received: audit=9"),
    ],
)
def test_wrong_numbers(data, tmp_path, number, message):
    with pytest.raises(ValueError, match=message):
        search(data, tmp_path / "run", number)
    assert not (tmp_path / "run").exists()


def test_a_run_whose_trials_are_gone(data, finished, tmp_path):
    folder = shutil.copytree(finished.run.path, tmp_path / "run")
    kept = [trial for trial in finished.run.trials() if trial["kind"] != "random"]
    (folder / "trials.jsonl").write_text("".join(json.dumps(trial) + "\n" for trial in kept))
    with pytest.raises(RunError, match="trials of this run have fewer: they are gone.*0 behaviour"):
        search(data, folder)
    assert SearchResult.load(folder).audit() is None


# Time --------------------------------------------------------------------------------------------


def test_a_time_limit_is_shared(data, tmp_path):
    whole = AmerSearch(
        data.spec, tmp_path / "run", settings=small_run.SETTINGS, time_limit="100s", audit=NUMBER
    )
    shares = whole._budget(is_searched=False).shares
    # Six trainings, each with half of the share of the final ones, beside all that a search has.
    assert shares["audit"] == pytest.approx(6 * 0.5 * 0.4)
    assert sum(shares.values()) == pytest.approx(1.0 + 1.2)
    # One that is added to a finished search has the same time on top.
    RunFolder(tmp_path / "run").record_phase("final", used=97.0)
    added = whole._budget(is_searched=True)
    assert added.limit == pytest.approx(97.0 + 100.0 * 1.2 / 2.2)
    assert added.share("audit") == pytest.approx(100.0 * 1.2 / 2.2, abs=0.1)
    without = AmerSearch(data.spec, tmp_path / "other", settings=small_run.SETTINGS)
    assert "audit" not in without._budget(is_searched=False).shares


@pytest.fixture
def clock(monkeypatch):
    return FakeClock(monkeypatch)


class Trainings:
    """Audits entries that take ten seconds each, in steps of two."""

    def __init__(self, run, clock):
        self.run, self.clock = run, clock
        self.begun = []

    def audit(self, seconds, used=0.0, names="abcde"):
        audit_clock = AuditClock(self.run, Budget(used + seconds, {"audit": 1.0}, used))

        def train(entry, title):
            self.begun.append(entry.name)
            for _ in range(5):
                self.clock.advance(2.0)
                audit_clock.keep(entry.name)
            return Model()

        metrics = {"auc": 0.5, "standard_errors": {"auc": 0.1}}
        entries = [
            Entry("mlp", Architecture(interactions=((name, "z"),)), name, 0.1, index, 9)
            for index, name in enumerate(names)
        ]
        audit(
            audit_clock,
            TrialLog(self.run),
            entries,
            len(names),
            train,
            lambda model: metrics,
            "auc",
            "auc",
        )
        return "".join(self.begun)


class Model:
    def count_params(self):
        return 7


def test_the_deadline_ends_a_training_and_the_next_call_goes_on(tmp_path, clock, caplog):
    run = RunFolder(tmp_path)
    trainings = Trainings(run, clock)
    assert trainings.audit(25.0) == "abc"
    assert [trial["rank"] for trial in run.trials()] == [0, 1]
    record = run.phases()["audit"]
    assert (record["architectures"], record["missing"], record["used"]) == (5, 3, 26.0)
    assert not is_audited(run.phases(), 5)
    assert "ended the audit with 2 of 5 architectures trained" in caplog.text
    # A new deadline, 25 seconds on.
    assert trainings.audit(25.0, used=26.0) == "abccde"
    assert run.phases()["audit"]["missing"] == 1
    assert trainings.audit(25.0, used=52.0) == "abccdee"
    record = run.phases()["audit"]
    assert (record["done"], record["missing"]) == (True, 0)
    assert is_audited(run.phases(), 5)
    assert not is_audited(run.phases(), 6)


def test_a_killed_audit_keeps_its_deadline(tmp_path, clock):
    run = RunFolder(tmp_path)
    run.record_phase("audit", deadline=20.0)
    # Fifteen seconds are used, and a second attempt is given 100.
    assert Trainings(run, clock).audit(100.0, used=15.0) == "a"
    assert run.trials() == []
    assert run.phases()["audit"]["missing"] == 5


def test_a_larger_audit_of_a_finished_one_has_time_of_its_own(tmp_path, clock):
    run = RunFolder(tmp_path)
    trainings = Trainings(run, clock)
    assert trainings.audit(100.0) == "abcde"
    assert trainings.audit(100.0, used=50.0, names="abcdefg") == "abcdefg"
    assert run.phases()["audit"]["done"]


CUT = {"seconds": 9.0, "limit": 9.0}


@pytest.mark.parametrize(
    ("trained", "epochs"),
    [
        ([], 90),
        # Without a limit as many as the settings say.
        ([{"epoch": 20, "seconds": 9.0}], 90),
        # One ended by itself, though there was a limit.
        ([{"epoch": 20, "seconds": 9.0, "limit": 30.0}, {"epoch": 7, **CUT}], 90),
        ([{"epoch": 6, **CUT, "seconds": 9.1}, {"epoch": 7, **CUT}], 7),
        ([{"limit": 9.0}], 90),
    ],
)
def test_epochs_are_those_of_the_final_trainings(trained, epochs):
    phases = {f"scratch_{index}": record for index, record in enumerate(trained)}
    assert final_epochs({**phases, "scratch": {"done": True}}, 90) == epochs
