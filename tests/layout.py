"""Who imports whom, read from syntax trees: nothing is imported to find out."""

from __future__ import annotations

import ast
import dataclasses
import fnmatch
import pathlib
import sys
from collections.abc import Iterable, Iterator

EVERYTHING = ("*",)


@dataclasses.dataclass(frozen=True)
class Rule:
    """What the modules of a room may not import, anywhere in their code.

    Args:
        room: Dotted name, with wildcards, of a module or package: it stands for all inside.
        never: Dotted names that may not be imported, nor anything inside them. `EVERYTHING` is
            whatever is not in the standard library.
        but: What may be imported all the same.
        outside: Parts of the room for which the rule does not hold.
    """

    room: str
    never: tuple[str, ...]
    but: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()

    def holds_for(self, module: str) -> bool:
        return _inside(module, (self.room,)) and not _inside(module, self.outside)

    def forbids(self, name: str) -> bool:
        if _inside(name, self.but):
            return False
        if self.never == EVERYTHING:
            return name.partition(".")[0] not in sys.stdlib_module_names
        return _inside(name, self.never)


def _inside(name: str, rooms: tuple[str, ...]) -> bool:
    patterns = [pattern for room in rooms for pattern in (room, f"{room}.*")]
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def imports(source: str, module: str, is_package: bool = False) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of whatever a module imports, at its top or in a function.

    `from a import b` gives `a.b`, which may be a module or a name in one.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            kept = len(parts) - node.level + is_package
            base = ".".join(parts[:kept]) + "." if node.level else ""
            base += f"{node.module}." if node.module else ""
            yield from ((node.lineno, base + alias.name) for alias in node.names)
        elif isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", None))
            name = node.args[0] if node.args else None
            if called in ("import_module", "__import__") and isinstance(name, ast.Constant):
                yield node.lineno, str(name.value)


def violations(
    rules: Iterable[Rule], source: str, module: str, is_package: bool = False
) -> list[str]:
    """One line for each import that a rule forbids."""
    rules = [rule for rule in rules if rule.holds_for(module)]
    return [
        f"{module}, line {line}: imports {name}, which {rule.room} must not"
        for line, name in sorted(imports(source, module, is_package))
        for rule in rules
        if rule.forbids(name)
    ]


def module_name(file: pathlib.Path, root: pathlib.Path) -> str:
    """The dotted name of a source file; a package is named without `__init__`."""
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
