"""The best architectures: kept as inherited, fine-tuned, trained from scratch; the best longer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras

from amer_tf.architecture import Architecture
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.progress import PhaseProgress
from amer_tf.search.trials import MODEL_KINDS, TrialLog, score_of
from amer_tf.search.workbench import Workbench
from amer_tf.training.evaluation_batches import EvaluationError
from amer_tf.training.fit import Progress, TrainingError


class _Training(NamedTuple):
    """How finalists are trained, and what their trials are called."""

    kind: str
    build: Callable[[Architecture], keras.Model]
    epochs: int
    learning_rate: float


class Finalists:
    """Trains and scores the architectures with the best inherited scores.

    Args:
        bench: How derived models are built, trained and scored.
        clock: Deadlines.
        trials: Where the scores are written and read.
        train: Training split.
        validation: Validation split.
    """

    def __init__(
        self, bench: Workbench, clock: PhaseClock, trials: TrialLog, train: Any, validation: Any
    ) -> None:
        self.bench = bench
        self.run = bench.run
        self.settings = bench.settings
        self.clock = clock
        self.trials = trials
        self.train = train
        self.validation = validation

    def chosen(self) -> list[Architecture]:
        """The finalists, by inherited score on the whole validation split."""
        return self.trials.ranked("inherited")[: self.settings.num_finalists]

    def record(
        self, kind: str, architecture: Architecture, make: Callable[[Architecture], keras.Model]
    ) -> None:
        """Makes a model and scores it on the whole validation split; the best so far is kept.

        One that diverges is recorded as failed, and the search goes on.
        """
        try:
            model = make(architecture)
            metrics = self.bench.score(model, self.validation)
        except (TrainingError, EvaluationError) as error:
            self.trials.add_failure(kind, error, architecture=architecture.to_dict())
        else:
            self.trials.add_model(kind, architecture, model, metrics, self.bench.metric)

    def best_note(self) -> str:
        """The best score so far, for people who watch."""
        scores = [score_of(trial) for trial in self.trials.of(*MODEL_KINDS)]
        return f"best {self.bench.metric} {max(scores):.4f}" if scores else ""

    def fine_tune(self, inherited: Callable[[Architecture], keras.Model]) -> None:
        """Trains on from inherited weights at a low rate.

        Args:
            inherited: Gives the model of an architecture with its inherited weights.
        """
        settings = self.settings
        if settings.finetune_epochs:
            rate = settings.finetune_learning_rate
            training = _Training("fine-tuned", inherited, settings.finetune_epochs, rate)
            self._train_each("finetuning", training)
        self.clock.finish("finetuning")

    def train_from_scratch(self) -> None:
        """Trains from new weights, fully regularised."""
        self._train_each("scratch", self._from_scratch("scratch", self.settings.scratch_epochs))
        self.clock.finish("scratch")

    def train_best_longer(self) -> None:
        """Trains the best one from new weights once more, where there is time for longer."""
        ranked = self.trials.ranked("scratch")
        if ranked and self._is_worth_training_longer(ranked[0]):
            self._train_one(
                "final",
                self._from_scratch("final", self.settings.final_epochs),
                ranked[0],
                self.clock.training_limit("final", "final"),
                "Training the best longer",
            )
        self.clock.finish("final")

    def _from_scratch(self, kind: str, epochs: int) -> _Training:
        def build(architecture: Architecture) -> keras.Model:
            return self.bench.build(architecture, regularised=True)

        return _Training(kind, build, epochs, self.settings.learning_rate)

    def _is_worth_training_longer(self, architecture: Architecture) -> bool:
        if not self.settings.final_epochs or self.trials.has("final", architecture):
            return False
        before = self.run.phases()[f"scratch_{self.chosen().index(architecture)}"]
        return self.clock.has_begun("final") or self.clock.left("final") > before["seconds"]

    def _train_each(self, phase: str, training: _Training) -> None:
        """Trains the finalists, in order of their inherited scores, as many as there is time for.

        Half-trained ones could not be told apart, so each gets time for about all its epochs.
        """
        chosen = self.chosen()
        phases = self.run.phases()
        seconds_per_epoch = phases["supernet"]["seconds_per_epoch"]
        reserve = phases["rescoring"].get("seconds_per_model", 0.0)
        for index, architecture in enumerate(chosen):
            name = f"{phase}_{index}"
            if not self.trials.has(training.kind, architecture):
                fitting = self.clock.left(phase) / (training.epochs * seconds_per_epoch + reserve)
                parts = _num_parts(fitting, len(chosen) - index)
                too_short = not parts and index and not self.clock.has_begun(name)
                if too_short or self.clock.too_late(name, phase):
                    break
                limit = self.clock.training_limit(name, phase, max(1, parts), reserve)
                title = f"{phase.capitalize()} {index + 1} of {len(chosen)}"
                self._train_one(name, training, architecture, limit, title)
            record = self.run.phases().get(name, {})
            if record.get("epoch"):
                seconds_per_epoch = record["seconds"] / record["epoch"]

    def _train_one(
        self,
        name: str,
        training: _Training,
        architecture: Architecture,
        limit: float | None,
        title: str,
    ) -> None:
        def trained(architecture: Architecture) -> keras.Model:
            return train_alone(
                self.bench,
                self.clock,
                name,
                lambda: training.build(architecture),
                self.train,
                epochs=training.epochs,
                learning_rate=training.learning_rate,
                time_limit=limit,
                title=title,
                note=self.best_note,
            )

        self.record(training.kind, architecture, trained)
        self.run.remove_checkpoint(name)


def train_alone(
    bench: Workbench,
    clock: PhaseClock,
    name: str,
    build: Callable[[], keras.Model],
    train: Any,
    *,
    epochs: int,
    learning_rate: float,
    time_limit: float | None,
    title: str,
    note: Callable[[], str] = str,
) -> keras.Model:
    """Trains one model, going on where it was killed.

    Args:
        bench: Builds and trains.
        clock: Keeps the time that is used.
        name: Name of the training and of its checkpoint.
        build: Makes the model.
        train: Training split.
        epochs: Most epochs.
        learning_rate: Peak of the schedule.
        time_limit: Seconds over all attempts, or None.
        title: What people who watch are told.
        note: What they are told beside the loss.
    """
    with PhaseProgress(title, 1.0) as bar:

        def after_epoch(progress: Progress) -> bool:
            bar.update(progress.fraction, f"loss {progress.loss:.4f} {note()}")
            return False

        return bench.train(
            name,
            build,
            train,
            epochs=epochs,
            learning_rate=learning_rate,
            time_limit=time_limit,
            on_epoch=after_epoch,
            on_step=lambda: clock.keep(name),
        )


def _num_parts(fitting: float, remaining: int) -> int:
    """How many trainings share the time, of which so many would fit into it whole."""
    return remaining if fitting >= remaining else round(fitting)
