"""The program `amer`: finds the verb, reads its flags, runs it and prints its result."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType

from amer_tf.cli import compare, evaluate, export, prepare, report, search, usage
from amer_tf.cli.console import give, say
from amer_tf.cli.errors import USER_ERRORS, UsageError
from amer_tf.wording import did_you_mean

VERBS: dict[str, ModuleType] = {
    "prepare": prepare,
    "search": search,
    "evaluate": evaluate,
    "export": export,
    "report": report,
    "compare": compare,
}
# Those that a killed command goes on with.
_RESUMED = ("search", "compare")
_HELP = ("help", "--help", "-help", "-h")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: The verb and its flags; None takes those of the process.

    Returns:
        The exit code: 0, or 2 where the command or its data must be mended, or 130 where it was
        interrupted. Any other error is a bug and is raised.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = words[0] if words else "help"
    try:
        if name in _HELP:
            return _help(words[1:])
        if name not in VERBS:
            raise UsageError(
                f"There is no verb of this name; known are {', '.join(VERBS)}. "
                f"{did_you_mean(name, VERBS)}Received: {name!r}"
            )
        if any(word in _HELP for word in words[1:]):
            return _help([name])
        with _logging(), _flags(name, words[1:]):
            result = VERBS[name].run()
    except USER_ERRORS as error:
        known = f"amer {name}" if name in VERBS else "amer"
        say(f"{known}: {error}")
        return 2
    except KeyboardInterrupt:
        again = "goes on where it stopped" if name in _RESUMED else "starts over"
        say(f"\nInterrupted. The same command {again}.")
        return 130
    give(json.dumps(result))
    return 0


def _help(words: Sequence[str]) -> int:
    verb = words[0] if words else None
    if verb is None or verb in _HELP:
        text = usage.of_program({name: module.SUMMARY for name, module in VERBS.items()})
    elif verb in VERBS:
        module = VERBS[verb]
        text = usage.of_verb(verb, module.SUMMARY, module.FLAGS, module.REQUIRED)
    else:
        raise UsageError(
            f"There is no verb of this name; known are {', '.join(VERBS)}. "
            f"{did_you_mean(verb, VERBS)}Received: {verb!r}"
        )
    give(text)
    return 0


@contextlib.contextmanager
def _flags(name: str, words: Sequence[str]) -> Iterator[None]:
    """Reads the flags of a verb, which hold while the block runs."""
    values = VERBS[name].FLAGS
    try:
        others = values([name, *words])[1:]
        if others:
            raise UsageError(
                f"Flags are written as --name=value. Received: {', '.join(map(repr, others))}"
            )
        alone = any(values[flag].value for flag in getattr(VERBS[name], "ALONE", ()))
        required = () if alone else VERBS[name].REQUIRED
        missing = [f"--{flag}" for flag in required if not values[flag].value]
        if missing:
            raise UsageError(f"These flags must be given: {', '.join(missing)}")
        yield
    finally:
        values.unparse_flags()


@contextlib.contextmanager
def _logging() -> Iterator[None]:
    """Our warnings, and how a preparation goes, on standard error; nothing of the frameworks."""
    for framework in ("absl", "tensorflow", "keras"):
        logging.getLogger(framework).setLevel(logging.ERROR)
    ours = [logging.getLogger(name) for name in ("amer_tf", "data_pipelines")]
    handler = logging.StreamHandler(sys.stderr)
    level, propagated = ours[-1].level, [logger.propagate for logger in ours]
    ours[-1].setLevel(logging.INFO)
    for logger in ours:
        logger.addHandler(handler)
        # A package that writes to the root logger gives it a handler, which would say all again.
        logger.propagate = False
    try:
        yield
    finally:
        ours[-1].setLevel(level)
        for logger, was in zip(ours, propagated, strict=True):
            logger.removeHandler(handler)
            logger.propagate = was
