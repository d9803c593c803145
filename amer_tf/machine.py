"""What the machine has."""

from __future__ import annotations

import os
import pathlib

# Where a container's own limit stands, in version 2 and 1 of Linux's control groups.
_LIMIT_FILES = (
    pathlib.Path("/sys/fs/cgroup/memory.max"),
    pathlib.Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
_WHERE_NOT_SAID = 8 * 2**30


def machine_memory() -> int:
    """Bytes of memory that a process may have: the machine's, or those of its container."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError):  # Windows does not say.
        memory = _WHERE_NOT_SAID
    for file in _LIMIT_FILES:
        try:
            text = file.read_text().strip()
        except OSError:
            continue
        if text.isdigit():  # "max" where there is no limit
            memory = min(memory, int(text))
    return memory
