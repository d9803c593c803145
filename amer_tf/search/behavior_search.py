"""Step 1: trains the supernet, scores random architectures, trains and compares the finalists."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from amer_tf.architecture import Architecture
from amer_tf.search import phases
from amer_tf.search.behavior import BehaviorSupernet
from amer_tf.search.budget import Budget
from amer_tf.search.finalists import Workbench
from amer_tf.search.progress import PhaseProgress
from amer_tf.search.samplers import RandomSampler
from amer_tf.search.spaces import BehaviorSpace
from amer_tf.search.state import MODEL_FILE, RunFolder
from amer_tf.training.fit import Phase, Progress
from amer_tf.training.group_scoring import GroupScorer

# What each phase may use of a time limit.
PHASE_SHARES = {
    "supernet": 0.30,
    "scoring": 0.09,
    "rescoring": 0.07,
    "finetuning": 0.05,
    "scratch": 0.21,
    "final": 0.14,
    "references": 0.14,
}
_SUPERNET = "supernet"
_BEST_SUPERNET = "supernet_best"


class BehaviorSearch:
    """The phases of step 1 (paper, section 2.3), each of which goes on where it was killed.

    Args:
        bench: How derived models are built, trained and scored.
        budget: The time that is left.
        train: Training split.
        validation: Validation split.
    """

    def __init__(self, bench: Workbench, budget: Budget, train: Any, validation: Any) -> None:
        self.bench = bench
        self.run: RunFolder = bench.run
        self.settings = bench.settings
        self.budget = budget
        self.train = train
        self.validation = validation
        self.space = BehaviorSpace(num_blocks=self.settings.num_blocks)
        self.sampler = RandomSampler(self.space, bench.seed)
        self._supernet: BehaviorSupernet | None = None

    def search(self) -> Architecture:
        """Runs all phases that are not done yet; the best model stands in the run folder."""
        if not self._done("supernet"):
            self._train_supernet()
        if not self._done("scoring"):
            self._score_architectures()
        if not self._done("rescoring"):
            self._score_again()
        if not self._done("finetuning"):
            self._fine_tune()
        if not self._done("scratch"):
            self._train_from_scratch()
        if not self._done("final"):
            self._train_best_longer()
        return Architecture.from_dict(self.best_trial()["architecture"])

    def best_trial(self) -> dict[str, Any]:
        """The trial whose model was kept: the best on the whole validation split."""
        return max(self._trials("inherited", "fine-tuned", "scratch", "final"), key=_score)

    def _done(self, phase: str) -> bool:
        return bool(self.run.phases().get(phase, {}).get("done"))

    def _trials(self, *kinds: str) -> list[dict[str, Any]]:
        return [trial for trial in self.run.trials() if trial["kind"] in kinds]

    # Supernet -----------------------------------------------------------------------------------

    def _make_supernet(self) -> BehaviorSupernet:
        keras.utils.set_random_seed(self.bench.seed)
        return BehaviorSupernet(
            self.bench.spec,
            self.space,
            embedding_dim=self.settings.embedding_dim,
            dropout=self.settings.supernet_dropout,
            drop_event=self.settings.drop_event,
            l2=self.settings.l2,
            catalog=self.bench.catalog,
            feed=self.settings.feed,
            seed=self.bench.seed,
        )

    def _train_supernet(self) -> None:
        settings, space = self.settings, self.space
        supernet = self._make_supernet()
        trainer = self.bench.trainer(supernet, settings.supernet_learning_rate)
        batch_size = min(settings.batch_size, self.train.num_examples)
        if settings.feed == "split":
            batch_size = space.num_paths * max(1, batch_size // space.num_paths)
        scorer = self._scorer(supernet, settings.convergence_users)
        curve: list[float] = self.run.phases().get("supernet", {}).get("curve", [])
        limit = self.training_limit(_SUPERNET, "supernet")

        def after_epoch(progress: Progress) -> bool:
            del curve[progress.epoch - 1 :]  # what a killed attempt had scored after its checkpoint
            mean = float(np.mean([score.value for score in scorer(self.sampler.propose(0))]))
            curve.append(mean)
            if mean >= max(curve):
                self.run.save_arrays(_BEST_SUPERNET, _weights(supernet))
            self.run.record_phase("supernet", curve=list(curve), **self._time())
            bar.update(progress.fraction, f"mean {self.bench.metric} of paths {mean:.4f}")
            # The schedule ends the phase; this ends it when more training makes all paths worse.
            return len(curve) - int(np.argmax(curve)) > settings.patience

        with PhaseProgress("Training the supernet", 1.0, "share") as bar:
            progress = phases.train_phase(
                self.run,
                _SUPERNET,
                trainer,
                self.train,
                Phase(
                    epochs=settings.supernet_epochs,
                    batch_size=batch_size,
                    learning_rate=settings.supernet_learning_rate,
                    time_limit=limit,
                    seed=self.bench.seed,
                ),
                on_epoch=after_epoch,
                options=self.bench.data_options(),
            )
        self._finish("supernet", epochs=progress.epoch, steps=progress.step)
        self.run.remove_checkpoint(_SUPERNET)

    def supernet(self) -> BehaviorSupernet:
        """The supernet with the weights of its best epoch."""
        if self._supernet is None:
            self._supernet = self._make_supernet()
            arrays = self.run.load_arrays(_BEST_SUPERNET)
            assert arrays is not None
            for variable, value in zip(self._supernet.weights, arrays.values(), strict=True):
                variable.assign(value)
        return self._supernet

    def _scorer(self, supernet: BehaviorSupernet, num_users: int) -> GroupScorer:
        split = self.validation
        if num_users < split.num_examples:
            split = split.limit(num_users, seed=self.bench.seed)
        return GroupScorer(supernet, split, metric=self.bench.metric, seed=self.bench.seed)

    # Scoring ------------------------------------------------------------------------------------

    def _score_architectures(self) -> None:
        num_groups = math.ceil(self.settings.num_architectures / self.space.num_paths)
        first = len(self._trials("random")) // self.space.num_paths
        scorer = self._scorer(self.supernet(), self.settings.scoring_users)
        deadline = self._deadline("scoring")
        best = max((_score(trial) for trial in self._trials("random")), default=0.0)
        with PhaseProgress("Scoring architectures", num_groups, "groups") as bar:
            for index in range(first, num_groups):
                group = self.sampler.propose(index)
                trials = [
                    {
                        "kind": "random",
                        "group": index,
                        "path": path,
                        "score": score.value,
                        "standard_error": score.standard_error,
                        "users": scorer.num_users,
                        "architecture": architecture.to_dict(),
                    }
                    for path, (architecture, score) in enumerate(
                        zip(self.space.decode(group), scorer(group), strict=True)
                    )
                ]
                self.run.append_trials(trials)
                best = max(best, *(_score(trial) for trial in trials))
                bar.update(index + 1, f"best {self.bench.metric} {best:.4f}")
                self.run.record_phase("scoring", groups=index + 1, **self._time())
                if deadline is not None and self.budget.used >= deadline:
                    break
        self._finish("scoring")

    def _score_again(self) -> None:
        ranked = sorted(self._trials("random"), key=_score, reverse=True)
        chosen = list({_key(trial): trial for trial in ranked}.values())
        chosen = chosen[: self.settings.num_rescored]
        known = {_key(trial) for trial in self._trials("inherited")}
        deadline = self._deadline("rescoring")
        with PhaseProgress("Scoring the best again", len(chosen), "architectures") as bar:
            for index, trial in enumerate(chosen):
                if _key(trial) not in known:
                    architecture = Architecture.from_dict(trial["architecture"])
                    model = self._inherited(architecture)
                    self._record("inherited", architecture, model)
                bar.update(index + 1, self._best_note())
                self.run.record_phase("rescoring", **self._time())
                enough = index + 1 >= self.settings.num_finalists
                if enough and deadline is not None and self.budget.used >= deadline:
                    break
        self._finish("rescoring")

    def _inherited(self, architecture: Architecture, *, regularised: bool = False) -> keras.Model:
        model = self.bench.build(architecture, regularised=regularised)
        self.supernet().inherit(model, architecture)
        return model

    # Finalists ----------------------------------------------------------------------------------

    def finalists(self) -> list[Architecture]:
        """The best architectures by inherited score on the whole validation split."""
        ranked = sorted(self._trials("inherited"), key=_score, reverse=True)
        return [
            Architecture.from_dict(trial["architecture"])
            for trial in ranked[: self.settings.num_finalists]
        ]

    def _fine_tune(self) -> None:
        if self.settings.finetune_epochs == 0:
            self._finish("finetuning")
            return
        self._train_each(
            "finetuning",
            "fine-tuned",
            lambda architecture: self._inherited(architecture),
            self.settings.finetune_epochs,
            self.settings.finetune_learning_rate,
        )
        self.run.remove_checkpoint(_BEST_SUPERNET)

    def _train_from_scratch(self) -> None:
        self._train_each(
            "scratch",
            "scratch",
            lambda architecture: self.bench.build(architecture, regularised=True),
            self.settings.scratch_epochs,
            self.settings.learning_rate,
        )

    def _train_best_longer(self) -> None:
        scratch = self._trials("scratch")
        if self.settings.final_epochs and scratch:
            best = Architecture.from_dict(max(scratch, key=_score)["architecture"])
            self._train_one(
                "final",
                "final",
                best,
                lambda architecture: self.bench.build(architecture, regularised=True),
                self.settings.final_epochs,
                self.settings.learning_rate,
                self.training_limit("final", "final"),
                "Training the best longer",
            )
        self._finish("final")

    def _train_each(
        self, phase: str, kind: str, build: Any, epochs: int, learning_rate: float
    ) -> None:
        finalists = self.finalists()
        known = {_key(trial) for trial in self._trials(kind)}
        for index, architecture in enumerate(finalists):
            if _key({"architecture": architecture.to_dict()}) in known:
                continue
            name = f"{phase}_{index}"
            limit = self.training_limit(name, phase, len(finalists) - index)
            self._train_one(
                name,
                kind,
                architecture,
                build,
                epochs,
                learning_rate,
                limit,
                f"{phase.capitalize()} {index + 1} of {len(finalists)}",
            )
        self._finish(phase)

    def _train_one(
        self,
        name: str,
        kind: str,
        architecture: Architecture,
        build: Any,
        epochs: int,
        learning_rate: float,
        limit: float | None,
        title: str,
    ) -> None:
        if any(
            _key(t) == _key({"architecture": architecture.to_dict()}) for t in self._trials(kind)
        ):
            return
        with PhaseProgress(title, 1.0, "share") as bar:

            def after_epoch(progress: Progress) -> bool:
                self.run.record_phase(name, **self._time())
                bar.update(progress.fraction, f"loss {progress.loss:.4f} {self._best_note()}")
                return False

            model = self.bench.train(
                name,
                lambda: build(architecture),
                self.train,
                epochs=epochs,
                learning_rate=learning_rate,
                time_limit=limit,
                on_epoch=after_epoch,
            )
        self._record(kind, architecture, model)
        self.run.remove_checkpoint(name)

    def _record(self, kind: str, architecture: Architecture, model: keras.Model) -> None:
        """Scores a model on the whole validation split; the best so far is kept on disk."""
        metrics = self.bench.score(model, self.validation)
        best = max(
            map(_score, self._trials("inherited", "fine-tuned", "scratch", "final")), default=-1.0
        )
        score = metrics[self.bench.metric]
        if score > best:
            with self.run.staged(MODEL_FILE) as file:
                model.save(file)
        self.run.append_trials(
            [
                {
                    "kind": kind,
                    "score": score,
                    "standard_error": metrics["standard_errors"][self.bench.metric],
                    "users": metrics["count"],
                    "parameters": int(model.count_params()),
                    "metrics": metrics,
                    "architecture": architecture.to_dict(),
                }
            ]
        )

    # Time ---------------------------------------------------------------------------------------

    def _best_note(self) -> str:
        scores = [_score(t) for t in self._trials("inherited", "fine-tuned", "scratch", "final")]
        return f"best {self.bench.metric} {max(scores):.4f}" if scores else ""

    def _time(self) -> dict[str, float]:
        return {"used": self.budget.used}

    def training_limit(self, name: str, phase: str, parts: int = 1) -> float | None:
        """Seconds that a training may take over all attempts; decided once and recorded."""
        deadline = self._deadline(phase)
        if deadline is None:
            return None
        if "limit" not in self.run.phases().get(name, {}):
            left = max(0.1, deadline - self.budget.used)
            self.run.record_phase(name, limit=left / parts)
        return float(self.run.phases()[name]["limit"])

    def _deadline(self, phase: str) -> float | None:
        """When the phase must end, in seconds of the run; decided once and recorded."""
        share = self.budget.share(phase)
        if share is None:
            return None
        record = self.run.phases().get(phase, {})
        if "deadline" not in record:
            self.run.record_phase(phase, deadline=self.budget.used + share)
        return float(self.run.phases()[phase]["deadline"])

    def _finish(self, phase: str, **values: Any) -> None:
        self.run.record_phase(phase, done=True, **values, **self._time())


def _score(trial: dict[str, Any]) -> float:
    return float(trial["score"])


def _key(trial: dict[str, Any]) -> str:
    return Architecture.from_dict(trial["architecture"]).to_json()


def _weights(model: keras.Model) -> dict[str, Any]:
    return {
        f"{index}:{variable.path}": keras.ops.convert_to_numpy(variable)
        for index, variable in enumerate(model.weights)
    }
