"""The systems that can be compared: AMER by the steps that it searches, and the hand-made ones.

A system may stand in a comparison more than once, as variants with settings of their own: their
names are the system's with a label behind it, as in `amer-2@fm`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import NamedTuple

from amer_tf.features import FeatureSpec
from amer_tf.search import ctr_settings, settings
from amer_tf.search.reference_run import why_left_out
from amer_tf.search.searcher import PROGRAMS
from amer_tf.wording import did_you_mean

# All steps that the data allow.
WHOLE = "amer"
_ALL_STEPS = ("behavior", "interaction", "mlp")
_REFERENCES = {"next_item": settings.REFERENCES, "ctr": ctr_settings.REFERENCES}
# Names under which the field knows some of them.
ALSO = {"sasrec": "transformer", "pop": "popularity", "mlp": "dnn"}
_LABEL = re.compile("[A-Za-z0-9_-]+")


class System(NamedTuple):
    """One line of a comparison.

    Attributes:
        name: As on the command line: `amer-12`, `deepfm`, `deepfm@small`.
        steps: What is searched; nothing of a hand-made system.
    """

    name: str
    steps: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The name without a label."""
        return kind_of(self.name)

    @property
    def is_searched(self) -> bool:
        """Whether it is a variant of AMER."""
        return bool(self.steps)


def variants(task: str) -> dict[str, System]:
    """The variants of AMER by name, whatever the data allow; the paper numbers the steps."""
    steps = ("behavior",) if task == "next_item" else _ALL_STEPS
    return {
        system.name: system
        for count in range(1, len(steps) + 1)
        for chosen in itertools.combinations(steps, count)
        for system in [System(_name_of(chosen), chosen)]
    }


def references(task: str) -> dict[str, System]:
    """The hand-made systems by name."""
    return {name: System(name) for name in _REFERENCES[task]}


def named(name: str, task: str) -> System:
    """The system of a full name, maybe with a label."""
    known = {**variants(task), **references(task)}
    return known[kind_of(name)]._replace(name=name)


def kind_of(name: str) -> str:
    """A name without its label."""
    return name.partition("@")[0]


def full_name(name: str, spec: FeatureSpec) -> str:
    """A name as the systems bear it: `amer` becomes the steps that the data allow."""
    kind, separator, label = name.partition("@")
    kind = ALSO.get(kind, kind)
    if kind == WHOLE:
        kind = _name_of(PROGRAMS[spec.task].possible_steps(spec))
    return kind + separator + label


def choose(names: Sequence[str], spec: FeatureSpec) -> tuple[System, ...]:
    """The systems of these names.

    Args:
        names: Of systems; a label may stand behind one, `amer-2@fm`.
        spec: What they read and predict.

    Raises:
        ValueError: Where a name is unknown or comes twice, or a system cannot read the data: all
            that cannot are named.
    """
    possible = PROGRAMS[spec.task].possible_steps(spec)
    known = {**variants(spec.task), **references(spec.task)}
    full_names = [full_name(name, spec) for name in names]
    unknown = [
        name for name, full in zip(names, full_names, strict=True) if kind_of(full) not in known
    ]
    if unknown or not names:
        kinds = [WHOLE, *known]
        also = [name for name, kind in ALSO.items() if kind in known]
        others = _of_other_tasks(unknown, spec.task)
        misspelt = [kind for kind in map(kind_of, unknown) if kind not in others]
        raise ValueError(
            f"The systems must be among {', '.join(kinds)} for task {spec.task!r}. "
            + "".join(f"{kind} is of task {task}. " for kind, task in others.items())
            + f"{did_you_mean(misspelt, [*kinds, *also])}"
            f"Received: {', '.join(unknown) or 'none'}"
        )
    for name in full_names:
        _, separator, label = name.partition("@")
        if separator and not _LABEL.fullmatch(label):
            raise ValueError(
                "A label behind a system's name must be of letters, digits, - and _. "
                f"Received: {name!r}"
            )
    systems = [named(name, spec.task) for name in full_names]
    twice = [system.name for index, system in enumerate(systems) if system in systems[:index]]
    if twice:
        raise ValueError(f"The systems must be different ones. Received: {', '.join(twice)} twice")
    alike = [
        name for name in full_names if [each.lower() for each in full_names].count(name.lower()) > 1
    ]
    if alike:
        raise ValueError(
            "The systems must differ in more than capitals: each has a folder of its name, and "
            f"some disks take those for one. Received: {', '.join(alike)}"
        )
    reasons = [
        f"{system.name}: {reason}"
        for system in systems
        if (reason := _why_not(system, spec, possible)) is not None
    ]
    if reasons:
        raise ValueError(
            f"These systems cannot be trained on these data, leave them out: {'; '.join(reasons)}"
        )
    return tuple(systems)


def _name_of(steps: Sequence[str]) -> str:
    return "amer-" + "".join(str(_ALL_STEPS.index(step) + 1) for step in steps)


def _of_other_tasks(names: Sequence[str], task: str) -> dict[str, str]:
    """The task of each name that is a system of another one, without labels."""
    tasks = {
        kind: other
        for other in PROGRAMS
        if other != task
        for kind in (*variants(other), *references(other))
    }
    found = {kind: tasks.get(ALSO.get(kind, kind)) for kind in map(kind_of, names)}
    return {kind: other for kind, other in found.items() if other is not None}


def _why_not(system: System, spec: FeatureSpec, possible: Sequence[str]) -> str | None:
    if not system.is_searched:
        return why_left_out(spec, system.kind)
    missing = [step for step in system.steps if step not in possible]
    return f"step {missing[0]} needs behaviour fields" if missing else None
