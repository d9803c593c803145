"""The parts of a description file: fields, vocabularies, key columns, files."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from amer_tf.features import (
    DTYPES,
    KINDS,
    AnyField,
    Normalization,
    NumericField,
    SpecError,
    Vocabulary,
    did_you_mean,
)
from data_pipelines.coding import clean_values
from data_pipelines.errors import DataError, find_matching, reading

_COMMON_KEYS = ("name", "column", "kind", "role", "behavior_of")
_KEYS_OF_KIND = {
    "categorical": ("vocabulary",),
    "multi_valued": ("vocabulary", "max_values", "combiner", "separator"),
    "numeric": ("log", "quantile"),
}


@dataclasses.dataclass(frozen=True)
class FieldEntry:
    """A field of a description.

    Args:
        field: The field, not fitted.
        column: Its column in the file.
        behavior_of: The target field whose history it holds (`"ctr"`), or None.
    """

    field: AnyField
    column: str
    behavior_of: str | None = None


def read_fields(data: Mapping[str, Any]) -> list[FieldEntry]:
    if not isinstance(data["fields"], Sequence) or isinstance(data["fields"], str):
        raise DataError(f"`fields` must be a list. Received: fields={data['fields']!r}")
    entries = [_field(entry) for entry in data["fields"]]
    names = [entry.field.name for entry in entries]
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"Field names must differ. Received twice: {name!r}")
    return entries


def _field(entry: Any) -> FieldEntry:
    if isinstance(entry, str):
        entry = {"name": entry}
    if not isinstance(entry, Mapping) or "name" not in entry:
        raise DataError(f"A field must be a mapping with a name. Received: {entry!r}")
    place = f"fields[{entry['name']!r}]"
    kind = entry.get("kind", "categorical")
    # A list could not be looked up in a dict.
    if kind not in tuple(KINDS):
        raise DataError(
            f"{did_you_mean([kind], KINDS)}{place}.kind must be one of {', '.join(KINDS)}. "
            f"Received: {kind!r}"
        )
    own = _KEYS_OF_KIND[kind]
    require_keys(f"{place}, which is {kind},", entry, (*_COMMON_KEYS, *own))
    arguments = {key: entry[key] for key in ("name", "role", *own) if key in entry}
    if kind == "numeric":
        numbers = {key: arguments.pop(key) for key in own if key in arguments}
        try:
            arguments["normalization"] = Normalization(**numbers)
        except SpecError as error:
            raise DataError(f"{place} is wrong: {error}") from error
    field = KINDS[kind](**arguments)
    column, behavior_of = entry.get("column", field.name), entry.get("behavior_of")
    require_text(f"{place}.column", column)
    if "behavior_of" in entry:
        require_text(f"{place}.behavior_of", behavior_of)
    return FieldEntry(field, column, behavior_of)


def read_vocabularies(data: Mapping[str, Any], folder: pathlib.Path) -> list[Vocabulary]:
    entries = data.get("vocabularies", ())
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise DataError(f"`vocabularies` must be a list. Received: vocabularies={entries!r}")
    return [read_vocabulary(entry, folder) for entry in entries]


def read_vocabulary(entry: Any, folder: pathlib.Path) -> Vocabulary:
    known = [field.name for field in dataclasses.fields(Vocabulary)]
    require_keys("A vocabulary", entry, known, ("name",))
    arguments = dict(entry)
    if "values" in arguments:
        arguments.setdefault("source", "values")
    elif "file" in arguments and arguments.setdefault("source", "file") == "file":
        file = folder / str(arguments.pop("file"))
        values = _values_of(file, arguments.get("dtype", "string"))
        arguments |= {"source": "values", "values": values}
    vocabulary = Vocabulary(**arguments)
    unused = [key for key in ("min_count", "max_size") if key in arguments]
    if unused and vocabulary.source != "fit":
        raise DataError(
            f"vocabularies[{vocabulary.name!r}] takes {unused} with source 'fit' alone. "
            f"Received: source={entry.get('source', vocabulary.source)!r}"
        )
    return vocabulary


def _values_of(file: pathlib.Path, dtype: str) -> list[Any]:
    """The values that stand one a line; the last line may lack its line break."""
    with reading(file):
        lines = file.read_text(encoding="utf-8").removeprefix("\ufeff").split("\n")
    if not lines[-1]:
        lines.pop()
    values = clean_values(lines, dtype, lambda index: f"{file.name}, line {index + 1}")
    if None in values:
        raise DataError(
            f"{file.name}, line {values.index(None) + 1}, must hold a value. Received: ''"
        )
    return values


def require_used(vocabularies: Sequence[Vocabulary], used: Collection[str]) -> None:
    """Checks that each vocabulary is one that a field names, and is there once."""
    names = [vocabulary.name for vocabulary in vocabularies]
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"Vocabulary names must differ. Received twice: {name!r}")
        if name not in used:
            raise DataError(
                f"{did_you_mean([name], used)}A vocabulary must be one that a field names; those "
                f"are {sorted(used)}. Received: {name!r}"
            )


def used_vocabularies(fields: Sequence[AnyField]) -> set[str]:
    """Names of the vocabularies that fields name."""
    return {field.vocabulary for field in fields if not isinstance(field, NumericField)}


def read_key_column(data: Mapping[str, Any], key: str) -> tuple[str, dict[str, Any]]:
    """Column of the user or the item, and the options of its vocabulary."""
    entry = {"column": data[key]} if isinstance(data[key], str) else data[key]
    known = ["column", "dtype"]
    if key == "item":
        known += ["min_count", "max_size", "source", "size", "file", "values"]
    require_keys(f"`{key}`", entry, known, ("column",))
    require_text(f"`{key}`", entry["column"])
    if entry.get("dtype", "string") not in DTYPES:
        raise DataError(
            f"`{key}.dtype` must be one of {', '.join(DTYPES)}. Received: {entry['dtype']!r}"
        )
    return entry["column"], {name: value for name, value in entry.items() if name != "column"}


def read_format(data: Mapping[str, Any]) -> dict[str, Any]:
    """How the text files are written."""
    entry = data.get("format", {})
    require_keys("`format`", entry, ("separator", "encoding", "header", "bad_rows"))
    separator, encoding = entry.get("separator", ","), entry.get("encoding", "utf-8")
    if not isinstance(separator, str) or len(separator) != 1 or separator in '"\r\n':
        raise DataError(
            "`separator` must be one character, no quote and no line break. "
            f"Received: separator={separator!r}"
        )
    header = entry.get("header", ["column"])
    if not isinstance(header, Sequence) or isinstance(header, str) or not header:
        raise DataError(f"`header` must be a list of column names. Received: header={header!r}")
    for name in header:
        require_text("A name in `header`", name)
    try:
        # Such as hex is a codec, but none of text.
        "text".encode(encoding)
    except (LookupError, TypeError, ValueError):
        raise DataError(
            f"`encoding` must be one that Python knows, such as utf-8. "
            f"Received: encoding={encoding!r}"
        ) from None
    return dict(entry)


def find_files(entry: Any, folder: pathlib.Path) -> list[pathlib.Path]:
    """Files from a name, a pattern, or a list of them; what several patterns find comes once."""
    patterns = [entry] if isinstance(entry, str) else entry
    texts = isinstance(patterns, Sequence) and all(isinstance(p, str) and p for p in patterns)
    if not texts or not patterns:
        raise DataError(f"`files` must name files by text or lists of text. Received: {entry!r}")
    found: dict[pathlib.Path, pathlib.Path] = {}
    for pattern in patterns:
        matches = _matches(pattern, folder)
        if not matches:
            raise DataError(
                f"`source_dir` must hold {pattern}. Received: source_dir={str(folder)!r}"
            )
        for file in matches:
            found.setdefault(file.resolve(), file)
    return list(found.values())


def _matches(pattern: str, folder: pathlib.Path) -> list[pathlib.Path]:
    file = folder / pattern
    with reading(file):
        # A name may hold brackets, which mean something in a pattern.
        if file.is_file():
            return [file]
    if pathlib.Path(pattern).is_absolute():
        return []
    try:
        return find_matching(folder, pattern)
    except DataError:
        raise
    except (IndexError, ValueError) as error:
        raise DataError(
            f"`files` must hold names, or patterns such as events-*.csv: {error}. "
            f"Received: {pattern!r}"
        ) from error


def require_text(place: str, value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise DataError(f"{place} must be a non-empty text. Received: {value!r}")


def require_keys(
    place: str, entry: Any, known: Sequence[str], required: Sequence[str] = ()
) -> None:
    if not isinstance(entry, Mapping):
        raise DataError(f"{place} must be a mapping of {list(known)}. Received: {entry!r}")
    unknown = [key for key in entry if key not in known]
    if unknown:
        raise DataError(
            f"{did_you_mean(unknown, known)}{place} takes the keys {list(known)}. "
            f"Received: {unknown}"
        )
    missing = [key for key in required if key not in entry]
    if missing:
        raise DataError(f"{place} must have the keys {list(required)}. Received: no {missing}")
