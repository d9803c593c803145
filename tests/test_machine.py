"""What the machine has."""

from __future__ import annotations

import os

import pytest

from amer_tf import machine


def test_memory_of_the_machine_or_of_its_container(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    file = tmp_path / "memory.max"
    monkeypatch.setattr(machine, "_LIMIT_FILES", (tmp_path / "none", file))
    assert machine.machine_memory() == whole
    file.write_text("max\n")
    assert machine.machine_memory() == whole
    file.write_text("1000\n")
    assert machine.machine_memory() == 1000
    file.write_text(f"{2**62}\n")
    assert machine.machine_memory() == whole


def test_where_the_machine_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_LIMIT_FILES", ())
    monkeypatch.delattr(os, "sysconf")
    assert machine.machine_memory() == 8 * 2**30
