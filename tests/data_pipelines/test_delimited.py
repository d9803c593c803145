from __future__ import annotations

import datetime
import gzip
import pathlib
from typing import Any

import pandas as pd
import pytest

from data_pipelines import DataError, delimited
from data_pipelines.delimited import file_table


def read(
    files: list[pathlib.Path], columns: dict[str, str], **options: Any
) -> dict[str, list[Any]]:
    """All values of a table by column."""
    chunks = list(file_table(files, columns, **options).read())
    return {name: [v for chunk in chunks for v in chunk.columns[name]] for name in columns}


def write(folder: pathlib.Path, text: str, name: str = "a.csv") -> pathlib.Path:
    (folder / name).write_text(text)
    return folder / name


def test_csv(tmp_path: pathlib.Path) -> None:
    file = write(tmp_path, '\ufeffuser,item,note\n1,x,"a, ""b""\nc"\n2,,\n\n')
    assert read([file], {"u": "user", "n": "note"}) == {"u": ["1", "2"], "n": ['a, "b"\nc', ""]}


def test_chunks_count_rows(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "CHUNK_ROWS", 2)
    file = write(tmp_path, "a\n1\n2\n3\n4\n5\n")
    chunks = list(file_table([file], {"b": "a"}).read())
    assert [(chunk.first_row, len(chunk)) for chunk in chunks] == [(1, 2), (3, 2), (5, 1)]
    assert chunks[1].where("b")(1) == "a.csv, column 'a', row 4"


def test_separator_encoding_and_header(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.txt").write_bytes('1\té"\n2\tb\n'.encode("latin-1"))
    columns = {"x": "second"}
    options = {"separator": "\t", "encoding": "latin-1", "header": ["first", "second"]}
    assert read([tmp_path / "a.txt"], columns, **options) == {"x": ['é"', "b"]}


def test_compressed_and_several_files(tmp_path: pathlib.Path) -> None:
    first = write(tmp_path, "a,b\n1,2\n")
    with gzip.open(tmp_path / "b.csv.gz", "wt") as stream:
        stream.write("b,a\n4,3\n")
    assert read([first, tmp_path / "b.csv.gz"], {"a": "a"}) == {"a": ["1", "3"]}


def test_damaged_gzip(tmp_path: pathlib.Path) -> None:
    data = gzip.compress(b"a,b\n" + b"1,2\n" * 5000)
    (tmp_path / "b.csv.gz").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"cannot be read.*truncated, fetch it again.*b.csv.gz"):
        read([tmp_path / "b.csv.gz"], {"a": "a"})
    # The kind of the first block: 3 is none.
    damaged = bytearray(data)
    damaged[10] |= 0b110
    (tmp_path / "b.csv.gz").write_bytes(bytes(damaged))
    with pytest.raises(DataError, match=r"cannot be read: Error -3 .* block type.*b.csv.gz"):
        read([tmp_path / "b.csv.gz"], {"a": "a"})
    (tmp_path / "b.csv.gz").write_bytes(b"a,b\n1,2\n")
    with pytest.raises(DataError, match=r"cannot be read.*b.csv.gz"):
        read([tmp_path / "b.csv.gz"], {"a": "a"})


def test_wrong_encoding(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.csv").write_bytes("a\né\n".encode("latin-1"))
    message = (
        r"not text of the expected encoding, utf-8: byte 0xe9 in line 2; save it in that encoding, "
        r"or name its own in the description, such as `format: {encoding: latin-1}`. "
        r"Received: .*a.csv"
    )
    with pytest.raises(DataError, match=message):
        read([tmp_path / "a.csv"], {"a": "a"})


@pytest.mark.parametrize(
    ("name", "content", "encoding", "message"),
    [
        ("a.csv", b"\xe9,a\n1,2\n", "utf-8", "utf-8: byte 0xe9 in line 1;"),
        ("a.csv", b"a,b\n" + b"1,2\n" * 99_999 + b"1,\xff\n", "utf-8", "0xff in line 100001;"),
        ("a.csv", b"a,b\n1,2\n1,\xe9\n", "ascii", "ascii: byte 0xe9 in line 3;"),
        ("a.csv", "a,b\n1,é".encode()[:-1], "utf-8", "utf-8: byte 0xc3 in line 2;"),
        (
            "a.csv.gz",
            gzip.compress(b"a,b\n1,2\n1,\xe9\n", mtime=0),
            "utf-8",
            "byte 0xe9 in line 3;",
        ),
        ("a.csv", "a,b\n1,2\n".encode("utf-16"), "utf-8", "utf-8: byte 0xff in line 1;"),
    ],
)
def test_the_line_of_a_wrong_encoding(
    tmp_path: pathlib.Path, name: str, content: bytes, encoding: str, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        read([tmp_path / name], {"a": "a", "b": "b"}, encoding=encoding)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,a\n1,2,3\n", r"Column names must differ. Received twice: \['a'\] in a.csv"),
        (
            "b,c\n1,2\n",
            r"a.csv lacks the columns \['a'\], which are to .*with the columns \['b', 'c'\]",
        ),
        ("a;b\n1;2\n", r"check their names, or its separator may be another one. .*\['a;b'\]"),
        ("a,b\n1,2\n1\n", r"a.csv, line 3, must have 2 cells.*cut off.* Received: 1 cells"),
        ("aa,b\n1,2\n", r"^Did you mean aa. a.csv lacks the columns \['a'\]"),
        (
            "",
            "A table must have at least one column: fetch the file again, or leave it out together "
            "with the fields that are read from it. Received: an empty file, .*a.csv",
        ),
    ],
)
def test_wrong_csv(tmp_path: pathlib.Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read([write(tmp_path, text)], {"a": "a"})


def test_a_header_after_blank_lines(tmp_path: pathlib.Path) -> None:
    assert list(read([write(tmp_path, "\n\na,b\n1,2\n")], {"b": "b"})["b"]) == ["2"]


def test_a_quote_that_is_never_closed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 64)
    file = write(tmp_path, 'a,b\n1,"2\n' + "3,4\n" * 100)
    with pytest.raises(DataError, match=r"a.csv must be CSV: .*Received: .*a.csv"):
        read([file], {"a": "a"})


@pytest.mark.parametrize("bad_rows", ["error", "skip"])
def test_a_quote_that_makes_one_row_of_many(tmp_path: pathlib.Path, bad_rows: str) -> None:
    file = write(tmp_path, 'a,b\n1,2\n3,4\n5,"6\n7,8\n9,10\n11,12"x,y\n')
    message = r"a.csv, line 4, must have 2 cells, and reaches over .*a quote may be opened there"
    with pytest.raises(DataError, match=message):
        read([file], {"a": "a"}, bad_rows=bad_rows)


def test_bad_rows_are_skipped_and_counted(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 16)
    file = write(tmp_path, "a,b\n1,2\n3\n5,6\n7,8,9\n10,11\n12\n")
    chunks = list(file_table([file], {"a": "a"}, bad_rows="skip").read())
    assert [value for chunk in chunks for value in chunk.columns["a"]] == ["1", "5", "10"]
    assert sum(chunk.num_skipped for chunk in chunks) == 3
    assert [number for chunk in chunks for number in chunk.row_numbers()] == [1, 3, 5]
    assert "a.csv: 3 rows do not have 2 cells and were left out, the first in line 3: '3'" in (
        caplog.text
    )


def test_rows_keep_their_numbers(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 256)
    monkeypatch.setattr(delimited, "CHUNK_ROWS", 7)
    lines = [str(row) if row % 10 in (1, 2, 9) else f"{row},x" for row in range(1, 501)]
    for header, first in ((None, "a,b\n"), (["a", "b"], "")):
        file = write(tmp_path, first + "\n".join(lines))
        options: dict[str, Any] = {"bad_rows": "skip", "header": header}
        chunks = list(file_table([file], {"a": "a"}, **options).read())
        numbers = [
            (int(a), n)
            for c in chunks
            for a, n in zip(c.columns["a"], c.row_numbers(), strict=True)
        ]
        assert [row for row, _ in numbers] == [
            row for row in range(1, 501) if "," in lines[row - 1]
        ]
        assert all(row == number for row, number in numbers)
        assert sum(chunk.num_skipped for chunk in chunks) == 150
        chunk = next(chunk for chunk in chunks if len(chunk) and int(chunk.columns["a"][0]) > 200)
        row = chunk.columns["a"][3]
        assert chunk.where("a")(3) == f"a.csv, column 'a', row {row}"


def test_another_error_behind_skipped_rows(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"a,b\n1\n" + b"1,2\n" * 50 + b"\xe9,1\n")
    with pytest.raises(DataError, match=r"not text of the expected encoding.*Received: .*a.csv"):
        read([tmp_path / "a.csv"], {"a": "a"}, bad_rows="skip")


def test_only_bad_rows(tmp_path: pathlib.Path) -> None:
    file = write(tmp_path, "a,b\n1\n")
    [chunk] = file_table([file], {"a": "a"}, bad_rows="skip").read()
    assert (len(chunk), chunk.num_skipped) == (0, 1)


def test_unknown_treatment_of_bad_rows(tmp_path: pathlib.Path) -> None:
    with pytest.raises(DataError, match=r"`bad_rows` must be one of error, skip. Received.*'drop'"):
        file_table([tmp_path / "a.csv"], {"a": "a"}, bad_rows="drop")


def test_many_blocks(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 64)
    rows = [(str(row), str(row % 3)) for row in range(200)]
    file = write(tmp_path, "a,b\n" + "".join(f"{a},{b}\n" for a, b in rows))
    chunks = list(file_table([file], {"a": "a", "b": "b"}).read())
    assert len(chunks) > 10
    assert [(a, b) for c in chunks for a, b in zip(*c.columns.values(), strict=True)] == rows
    assert [c.first_row for c in chunks] == [1 + int(c.columns["a"][0]) for c in chunks]


def test_empty_file_with_known_header(tmp_path: pathlib.Path) -> None:
    assert read([write(tmp_path, "")], {"a": "a"}, header=["a", "b"]) == {"a": []}


def test_line_of_a_short_row_without_header(tmp_path: pathlib.Path) -> None:
    file = write(tmp_path, "1\t2\n\n3\n")
    with pytest.raises(DataError, match=r"a.csv, line 2, must have 2 cells.*1 cells, '3'"):
        read([file], {"a": "a"}, header=["a", "b"], separator="\t")


def test_missing_file(tmp_path: pathlib.Path) -> None:
    with pytest.raises(DataError, match=r"A file is missing.*Received: .*a.csv"):
        read([tmp_path / "a.csv"], {"a": "a"})


def test_parquet(tmp_path: pathlib.Path) -> None:
    moment = datetime.datetime(2017, 1, 1, 12)
    frame = pd.DataFrame(
        {
            "id": [2**60, 2],
            "gap": pd.array([2**60 + 1, None], dtype="Int64"),
            "text": ["x", None],
            "number": [0.5, 1.5],
            "tags": [["a", "b"], []],
            "moment": [moment, None],
            "unused": [1, 2],
        }
    )
    frame.to_parquet(tmp_path / "a.parquet")
    columns = {name: name for name in frame.columns if name != "unused"}
    seconds = moment.replace(tzinfo=datetime.timezone.utc).timestamp()
    assert read([tmp_path / "a.parquet"], columns) == {
        "id": [2**60, 2],
        "gap": [2**60 + 1, None],
        "text": ["x", None],
        "number": [0.5, 1.5],
        "tags": [["a", "b"], []],
        "moment": [seconds, None],
    }


def test_wrong_parquet(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "a.parquet"
    pd.DataFrame({"b": [1]}).to_parquet(file)
    with pytest.raises(DataError, match=r"a.parquet lacks the columns \['a'\], .*columns \['b'\]"):
        read([file], {"a": "a"})
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"Parquet file cannot be read.*truncated.*a.parquet"):
        read([file], {"b": "b"})
