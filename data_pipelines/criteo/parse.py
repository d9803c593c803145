"""The format of Criteo's `train.txt`: no header, tabs between cells, empty where unknown."""

from __future__ import annotations

import math

SEPARATOR = "\t"
LABEL = "label"
NUMBERS = tuple(f"I{number}" for number in range(1, 14))
CATEGORIES = tuple(f"C{number}" for number in range(1, 27))
HEADER = (LABEL, *NUMBERS, *CATEGORIES)


def bucket(text: str) -> str:
    """The bucket of a count: `floor(log(x)^2)` for `x > 2`, and `x` itself otherwise.

    So the winners of the challenge made the counts categorical, and BARS after them (Zhu et al.,
    "BARS", 2022).
    """
    if not text:
        return ""
    count = int(text)
    return str(math.floor(math.log(count) ** 2) if count > 2 else count)
