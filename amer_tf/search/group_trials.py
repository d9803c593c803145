"""Scores one fair group after another into the log, and reads off it what was scored before."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from amer_tf.architecture import Architecture
from amer_tf.search.phase_clock import PhaseClock
from amer_tf.search.progress import PhaseProgress
from amer_tf.search.samplers import EVOLVED, History, RandomSampler
from amer_tf.search.trials import TrialLog, score_of


def score_groups(
    clock: PhaseClock,
    trials: TrialLog,
    score_group: Callable[[int], list[dict[str, Any]]],
    *,
    phase: str,
    title: str,
    text: Callable[[float], str],
    kinds: Sequence[str],
    num_groups: int,
    num_paths: int,
) -> None:
    """Scores the groups that the log has not, until all are scored or the phase is over.

    Args:
        clock: Deadlines.
        trials: Where the scores are written.
        score_group: The trials of the group of a number, one for each path.
        phase: Name of the phase.
        title: What people who watch are told.
        text: A score in words, for them.
        kinds: Kinds of the trials.
        num_groups: How many groups to score.
        num_paths: Trials of a group.
    """
    known_trials = trials.of(*kinds)
    # A full disk may have cut a group short in the log.
    first, known = divmod(len(known_trials), num_paths)
    best = max(map(score_of, known_trials), default=-math.inf)
    with PhaseProgress(title, num_groups) as bar:
        for index in range(first, num_groups):
            found = score_group(index)
            trials.run.append_trials(found[known:])
            known = 0
            best = max(best, *map(score_of, found))
            bar.update(index + 1, f"best {text(best)}")
            trials.run.record_phase(phase, groups=index + 1, **clock.now())
            if clock.is_over(phase):
                break
    clock.finish(phase)


class GroupTrials:
    """The trials of sampled blocks: their kinds say which sampler made them.

    Args:
        trials: The log.
        sampler: Proposes the groups.
        suffix: What the kinds end in, such as `" behavior"`.
        may_breed: Whether an architecture may be a parent in evolution; None for all.
    """

    def __init__(
        self,
        trials: TrialLog,
        sampler: RandomSampler,
        suffix: str = "",
        may_breed: Callable[[Architecture], bool] | None = None,
    ) -> None:
        self.trials = trials
        self.sampler = sampler
        self.suffix = suffix
        self.kinds = sampled_kinds(suffix)
        self._may_breed = may_breed
        self._architectures: list[Architecture] = []
        self._parents: list[bool] = []

    def propose(self, index: int) -> Any:
        """The group of a number, which depends on the seed and on the groups before it alone."""
        is_evolved = self.sampler.origin(index) == EVOLVED
        return self.sampler.propose(index, self._history(index) if is_evolved else None)

    def of_group(
        self, index: int, architectures: Sequence[Architecture], scores: Sequence[Any], **what: Any
    ) -> list[dict[str, Any]]:
        """The trials of a group.

        Args:
            index: Number of the group.
            architectures: That of each path.
            scores: Each with `value` and `standard_error`.
            **what: What else the trials say, such as on how many rows.
        """
        return [
            {
                "kind": self.sampler.origin(index) + self.suffix,
                "group": index,
                "path": path,
                "score": score.value,
                "standard_error": score.standard_error,
                **what,
                "architecture": architecture.to_dict(),
            }
            for path, (architecture, score) in enumerate(zip(architectures, scores, strict=True))
        ]

    def ranked(self) -> list[Architecture]:
        """The different architectures, the best first."""
        return self.trials.ranked(*self.kinds)

    def _history(self, index: int) -> History:
        """What the groups before one scored; the log may hold a part of that one too."""
        trials = [trial for trial in self.trials.of(*self.kinds) if trial["group"] < index]
        for trial in trials[len(self._architectures) :]:
            architecture = Architecture.from_dict(trial["architecture"])
            self._architectures.append(architecture)
            self._parents.append(self._may_breed is None or self._may_breed(architecture))
        choices = self.sampler.space.encode(self._architectures)
        scores = np.array([score_of(trial) for trial in trials])
        return History(choices, scores, np.array(self._parents))


def sampled_kinds(suffix: str = "") -> tuple[str, str]:
    """The kinds of trials that samplers propose."""
    return f"random{suffix}", f"{EVOLVED}{suffix}"
