"""What `amer`, `amer help` and `amer VERB --help` print."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags

_WIDTH = 88


def of_program(verbs: Mapping[str, str]) -> str:
    """The usage of the program.

    Args:
        verbs: One line about each verb.
    """
    width = max(map(len, verbs))
    lines = [f"  {verb:<{width}}  {summary}" for verb, summary in verbs.items()]
    return "\n".join(
        [
            "amer finds the network of a recommender, trains it and exports it.",
            "",
            "Usage: amer VERB --flag=value ...",
            "",
            *lines,
            "",
            "`amer VERB --help` names the flags of a verb. Progress goes to standard error; the",
            "last line of standard output is one JSON object with the result. Exit code 2 means",
            "that the command or its data must be mended; the message says how.",
        ]
    )


def of_verb(name: str, summary: str, values: flags.FlagValues, required: Sequence[str]) -> str:
    """The usage of a verb, with its flags.

    Args:
        name: The verb.
        summary: What it does.
        values: Its flags.
        required: Names of those that must be given.
    """
    words = " ".join([*(f"--{flag}=..." for flag in required), "[other flags]"])
    lines = [f"Usage: amer {name} {words}", "", *textwrap.wrap(summary, _WIDTH)]
    optional = [flag for flag in values if flag not in required]
    for title, group in (("Required:", required), ("Optional:", optional)):
        lines += ["", title]
        for flag in group:
            lines += _describe(values[flag])
    return "\n".join(lines)


def _describe(flag: Any) -> list[str]:
    head = f"  --[no]{flag.name}" if flag.boolean else f"  --{flag.name}"
    choices = getattr(flag.parser, "enum_values", None)
    if choices:
        head += "=" + "|".join(choices)
    # absl adds the choices before, and how to repeat a flag after, what a flag is for.
    text = flag.help.removeprefix(f"<{'|'.join(choices or ())}>: ").partition(";\n")[0]
    if flag.default is not None and flag.default != [] and not flag.boolean:
        text += f" Default: {flag.default_as_str.strip(chr(39))}."
    indent = " " * 6
    return [head, *textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent)]
