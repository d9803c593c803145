"""Vocabulary: sources, sizes, files, and what it refuses."""

from __future__ import annotations

import dataclasses
import time

import pytest

from amer_tf.features import SpecError, Vocabulary


def test_values_follow_padding_and_unknown():
    vocabulary = Vocabulary("color", source="values", values=("red", "blue"))
    assert vocabulary.size == 2
    assert vocabulary.num_rows == 4
    assert vocabulary.read_values() == ("red", "blue")


def test_values_may_be_a_list():
    vocabulary = Vocabulary("age", source="values", dtype="int64", values=[18, 25])
    assert vocabulary.values == (18, 25)
    assert hash(vocabulary) == hash(dataclasses.replace(vocabulary))


@pytest.mark.parametrize(("source", "dtype"), [("hash", "string"), ("integer", "int64")])
def test_sized_sources(source, dtype):
    vocabulary = Vocabulary("item", source=source, dtype=dtype, size=10)
    assert vocabulary.num_rows == 12


def test_integers_are_their_own_values():
    assert list(Vocabulary("item", "integer", "int64", size=3).read_values()) == [0, 1, 2]
    # Nothing is listed that nobody asks for.
    assert len(Vocabulary("item", "integer", "int64", size=2**31 - 3).read_values()) == 2**31 - 3


@pytest.mark.parametrize("source", ["hash", "fit"])
def test_no_list_of_values(source):
    vocabulary = Vocabulary("item", source, size=10 if source == "hash" else None)
    with pytest.raises(SpecError, match=f"has no list of values. Received: source='{source}'"):
        vocabulary.read_values()


def test_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Vocabulary("item").size = 3


def test_unfitted_has_no_rows():
    with pytest.raises(
        SpecError, match=r"vocabularies\['item'\] has not been fitted.*Received: source='fit'"
    ):
        _ = Vocabulary("item").num_rows


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "1st"}, "name must be a letter followed by letters.*Received: '1st'"),
        ({"name": "a b"}, "name must be a letter followed by letters.*Received: 'a b'"),
        ({"name": "item\n"}, "name must be a letter followed by"),
        ({"name": 7}, "name must be a letter followed by letters.*Received: 7"),
        ({"source": "list"}, "source must be one of values, file.*Received: 'list'"),
        ({"source": ["fit"]}, r"source must be one of values, file.*Received: \['fit'\]"),
        ({"dtype": "float"}, "dtype must be one of string, int64. Received: 'float'"),
        ({"min_count": 0}, "min_count must be an integer of at least 1. Received: 0"),
        ({"min_count": True}, "min_count must be an integer of at least 1. Received: True"),
        ({"min_count": 1.5}, "min_count must be an integer of at least 1. Received: 1.5"),
        ({"max_size": 0}, "max_size must be an integer of at least 1. Received: 0"),
        ({"values": ("a",)}, "lists values, so its source must be 'values'. Received: 'fit'"),
        ({"source": "values", "values": "abc"}, "values must be a list. Received: 'abc'"),
        ({"source": "values", "values": {"a": 1}}, "values must be a list. Received: {'a': 1}"),
        ({"source": "values", "values": None}, "values must be a list. Received: None"),
        ({"source": "values"}, r"values must hold at least one value. Received: \(\)"),
        ({"source": "values", "values": ["a", 1]}, "must all be texts without.*Received: 1"),
        ({"source": "values", "values": [None]}, "must all be texts without.*Received: None"),
        ({"source": "values", "values": ["a\nb"]}, r"texts without line breaks.*'a\\nb'"),
        ({"source": "values", "values": ["a\r"]}, r"texts without line breaks.*'a\\r'"),
        ({"source": "values", "values": ["\ud800"]}, r"texts without line breaks.*ud800"),
        (
            {"source": "values", "dtype": "int64", "values": ["1"]},
            "must all be 64-bit integers for dtype 'int64'. Received: '1'",
        ),
        (
            {"source": "values", "dtype": "int64", "values": [True]},
            "must all be 64-bit integers for dtype 'int64'. Received: True",
        ),
        (
            {"source": "values", "dtype": "int64", "values": [2**63]},
            "must all be 64-bit integers for dtype 'int64'. Received: 9223372036854775808",
        ),
        ({"source": "values", "values": ["a", "b", "a"]}, "must differ. Received twice: 'a'"),
        (
            {"source": "values", "values": ["a"], "size": 2},
            "size must be the number of values, 1. Received: 2",
        ),
        ({"source": "file", "size": 3}, "takes `file` with source 'file'.*file=None"),
        ({"file": "x.txt"}, "takes `file` with source 'file'.*source='fit', file='x.txt'"),
        ({"source": "file", "file": "", "size": 1}, "file must be a non-empty text. Received: ''"),
        ({"source": "file", "file": 5, "size": 1}, "file must be a non-empty text. Received: 5"),
        ({"source": "file", "file": "x.txt"}, "size must be an integer of at least 1.*None"),
        ({"source": "hash"}, "size must be an integer of at least 1. Received: None"),
        (
            {"source": "integer", "dtype": "int64", "size": 2**31},
            "size must be at most 2147483645. Received: 2147483648",
        ),
        (
            {"source": "integer", "size": 3},
            "dtype must be 'int64' for source 'integer'. Received: 'string'",
        ),
        ({"size": 3}, "size is found by fitting. Received: 3"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(SpecError, match=message):
        Vocabulary(**{"name": "item", **arguments})


def test_a_million_values_are_checked_in_linear_time():
    values = [f"b{index:07d}" for index in range(1_000_000)]
    started = time.perf_counter()
    vocabulary = Vocabulary("item", source="values", values=values)
    with pytest.raises(SpecError, match="Received twice: 'b0999999'"):
        Vocabulary("item", source="values", values=[*values, values[-1]])
    # A quadratic check would take hours.
    assert time.perf_counter() - started < 30
    assert vocabulary.num_rows == 1_000_002


def file_vocabulary(folder, content, **arguments):
    file = folder / "item.txt"
    file.write_bytes(content)
    return Vocabulary("item", source="file", file=str(file), **arguments)


def test_reads_a_file(tmp_path):
    vocabulary = file_vocabulary(tmp_path, "a\n\nç d\n".encode(), size=3)
    assert vocabulary.read_values() == ("a", "", "ç d")
    assert vocabulary.num_rows == 5


def test_reads_a_file_with_windows_line_ends(tmp_path):
    assert file_vocabulary(tmp_path, b"a\r\nb\r\n", size=2).read_values() == ("a", "b")


def test_reads_a_file_of_integers(tmp_path):
    vocabulary = file_vocabulary(tmp_path, b"5\n-7\n", size=2, dtype="int64")
    assert vocabulary.read_values() == (5, -7)


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (b"a\nb\n", {"size": 3}, "must have 3 lines.*truncated or of other data.*Received: 2"),
        (b"a\nb", {"size": 2}, "must have 2 lines and end with a line break.*Received: 1 lines"),
        (b"a\nb\nc\n", {"size": 2}, "must have 2 lines.*Received: 3 lines"),
        (b"", {"size": 1}, "must have 1 lines.*Received: 0 lines"),
        (b"a\nb\na\n", {"size": 3}, "must differ. Received twice: 'a'"),
        (b"a\n\xff\n", {"size": 2}, "cannot be read.*utf-8.*Received: .*item.txt"),
        (b"1\n2.5\n", {"size": 2, "dtype": "int64"}, "must hold 64-bit integers. Received: '2.5'"),
        (b"1\n1_0\n", {"size": 2, "dtype": "int64"}, "must hold 64-bit integers. Received: '1_0'"),
        (
            b"9223372036854775808\n",
            {"size": 1, "dtype": "int64"},
            "must hold 64-bit integers. Received: '9223372036854775808'",
        ),
    ],
)
def test_refuses_a_file(tmp_path, content, arguments, message):
    with pytest.raises(SpecError, match=message):
        file_vocabulary(tmp_path, content, **arguments).read_values()


def test_missing_file_is_named(tmp_path):
    vocabulary = Vocabulary("item", source="file", file=str(tmp_path / "gone.txt"), size=1)
    with pytest.raises(SpecError, match=r"vocabularies\['item'\] cannot be read.*gone.txt"):
        vocabulary.read_values()
