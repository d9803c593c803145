"""A table of raw columns is encoded as the same requests are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from amer_tf.export.raw_table import encode_table
from amer_tf.features import CategoricalField, FeatureSpec, Vocabulary
from amer_tf.training.array_split import DatasetError
from tests.export import small_hybrids

ROWS = [*small_hybrids.HYBRID_ROWS, *small_hybrids.random_rows(40)]


@pytest.fixture(scope="module")
def case():
    return small_hybrids.hybrid()


def frame(case, rows=ROWS, **columns) -> pd.DataFrame:
    names = [field.name for field in case.spec]
    table = {name: [row.get(name) for row in rows] for name in names}
    return pd.DataFrame({**table, "click": [row % 2 for row in range(len(rows))], **columns})


def test_equals_the_rows_of_requests(case, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("amer_tf.export.raw_table._ROWS_AT_A_TIME", 16)
    inputs, labels, groups = encode_table(case.spec, frame(case))
    expected = case.inputs(ROWS)
    assert set(inputs) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(inputs[name], values, rtol=1e-6, err_msg=name)
    np.testing.assert_array_equal(labels, np.arange(len(ROWS)) % 2)
    assert groups is None


def test_arrow_tables_mappings_and_groups(case):
    import dataclasses

    import pyarrow

    spec = dataclasses.replace(case.spec, group="visitor")
    whole = frame(case, visitor=["b", "a", None, "b", *["c"] * (len(ROWS) - 4)])
    plain = encode_table(spec, whole)
    for table in (
        pyarrow.Table.from_pandas(whole),
        {name: whole[name].tolist() for name in whole},
    ):
        found = encode_table(spec, table)
        for name, values in plain[0].items():
            np.testing.assert_array_equal(found[0][name], values, err_msg=name)
        assert found[2] is not None
        assert found[2][:5].tolist() == [0, 1, -1, 0, 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"click": [2] * 5}, "Column 'click', row 1, is the label and must be 0 or 1. Received: 2"),
        ({"click": [0, 1, "yes", 0, 1]}, "Column 'click', row 3, .* Received: 'yes'"),
        ({"hour": [1, 2, "noon", 3, 4]}, "Column 'hour', row 3, must hold .*int64.*'noon'"),
        ({"hour": [1, 2, 2.5, 3, 4]}, "Column 'hour', row 3, must hold .* 2.5"),
        ({"hour": [1, 2, 3, 2**63, 4]}, f"Column 'hour', row 4, must hold .*int64.* {2**63}"),
        ({"hour": [1, -(2**63) - 1, 2, 3, 4]}, "Column 'hour', row 2, must hold .*int64.* -922337"),
        ({"price": [1, -np.inf, 2, 3, 4]}, "Column 'price', row 2, .* -inf, which is not finite"),
        ({"price": ["1", "2", "inf", "3", "4"]}, "Column 'price', row 3, .* 'inf', which is not"),
        ({"price": ["cheap"] * 5}, "Column 'price', .* must hold values of type float32"),
    ],
)
def test_wrong_values_name_the_column(case, change, message):
    with pytest.raises(DatasetError, match=message):
        encode_table(case.spec, frame(case, ROWS[:5], **change))


def test_an_empty_table(case):
    with pytest.raises(DatasetError, match="at least one row. Received: none"):
        encode_table(case.spec, frame(case)[:0])


def test_whole_numbers_of_a_column_with_a_gap(case):
    """pandas makes floats of them, which are the text 5 and not 5.0."""
    rows = len(frame(case))
    expected, _, _ = encode_table(case.spec, frame(case, ad=["1"] * rows))
    found, _, _ = encode_table(case.spec, frame(case, ad=[1.0] * rows))
    assert (expected["ad"] > 1).all()
    np.testing.assert_array_equal(found["ad"], expected["ad"])


def test_missing_columns(case):
    with pytest.raises(DatasetError, match=r"lacks the columns \['hour'\], .*Received: .*\['ad', "):
        encode_table(case.spec, frame(case).drop(columns="hour"))
    with pytest.raises(DatasetError, match=r"lacks the columns \['click'\]"):
        encode_table(case.spec, frame(case).drop(columns="click"))


LARGE = 2**53 + 1  # the first integer that is no float


@pytest.mark.parametrize("kind", ["arrow", "mapping", "Int64"])
def test_large_ids_beside_gaps_are_exact(kind):
    pyarrow = pytest.importorskip("pyarrow")
    ids = (LARGE - 1, LARGE, LARGE + 1)
    spec = FeatureSpec(
        fields=(
            CategoricalField("ad", "target"),
            CategoricalField("history", "behavior", "ad"),
            CategoricalField("text", "context"),
        ),
        vocabularies=(
            Vocabulary("ad", "values", dtype="int64", values=ids),
            Vocabulary("text", "values", values=tuple(map(str, ids))),
        ),
        label="click",
        max_length=3,
        target_to_behavior={"ad": "history"},
    )
    columns = {
        "ad": [LARGE, None, LARGE + 1],
        "history": [[LARGE, None, LARGE + 1], None, [LARGE - 1]],
        "text": [LARGE, LARGE + 1, None],
        "click": [0, 1, 0],
    }
    table = columns
    if kind == "arrow":
        table = pyarrow.table(columns)
    elif kind == "Int64":
        table = pd.DataFrame(
            {
                **columns,
                "ad": pd.array(columns["ad"], dtype="Int64"),
                "history": [np.array([LARGE, None, LARGE + 1], object), None, [np.int64(ids[0])]],
                "text": pd.array(columns["text"], dtype="Int64"),
            }
        )
    inputs, _, _ = encode_table(spec, table)
    assert inputs["ad"].tolist() == [3, 1, 4]
    assert inputs["history"].tolist() == [[3, 4, 0], [0, 0, 0], [2, 0, 0]]
    assert inputs["text"].tolist() == [3, 4, 1]


@pytest.mark.parametrize("name", ["hour", "ad"])
def test_large_ids_that_pandas_has_rounded(case, name):
    column = pd.Series([1, 2, 3, float(LARGE), None])
    message = f"Column '{name}', row 4, .* 9007199254740992.0, a float that may stand for several"
    with pytest.raises(DatasetError, match=message):
        encode_table(case.spec, frame(case, ROWS[:5]).assign(**{name: column}))


# One row with a step of every field.
STEP = {"history_ad": ["1"], "history_gap": [1.0], "history_tags": [[5]], "history_page": [3]}


def test_bytes_and_sets_in_text_are_read_as_in_preparation(case):
    lists = {**STEP, "country": "été", "hobbies": ["go", "tea"], "tags": [7, 5], "ad": "été"}
    lists["history_tags"] = [[5, -1], [], [7]]
    lists |= {name: lists[name] * 3 for name in STEP if name != "history_tags"}
    texts = {**lists, "country": "été".encode(), "hobbies": "go|tea", "tags": b"7|5"}
    texts |= {"history_ad": [b"1", "1", np.bytes_(b"1")], "history_tags": ["5|-1", "", b"7"]}
    expected, found = (encode_table(case.spec, frame(case, [row])) for row in (lists, texts))
    for name, values in expected[0].items():
        np.testing.assert_array_equal(found[0][name], values, err_msg=name)
    assert found[0]["hobbies"].tolist() == [[3, 4]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"history_ad": "1|2"}, "'history_ad', row 2, .* '1[|]2', a text where a history must be"),
        ({"history_ad": b"1|2"}, "'history_ad', row 2, .* '1[|]2', .*in text, give a list"),
        ({"history_tags": "5|7"}, "'history_tags', row 2, .* '5[|]7', a text where a history"),
        ({"history_gap": "0.5"}, "'history_gap', row 2, .* '0.5', a text where a history must"),
        ({"country": b"\xff"}, "'country', row 2, must hold .*string.*codec can't decode"),
        ({"hobbies": b"\xff"}, "'hobbies', row 2, must hold .*string.*codec can't decode"),
        ({"country": ["nl", "be"]}, r"'country', row 2, .*\['nl', 'be'\], which is not one value"),
        ({"country": {"nl"}}, r"'country', row 2, .*\{'nl'\}, which is not one value"),
        ({"country": {"nl": 1}}, r"'country', row 2, .*\{'nl': 1\}, which is not one value"),
        ({"hobbies": {"go"}}, r"'hobbies', row 2, .*\{'go'\}, which is not one value"),
        ({"age": [3]}, r"'age', row 2, .*\[3\], which is not one value"),
        ({"hobbies": [["go"]]}, r"'hobbies', row 2, .*\['go'\], which is not one value"),
        (
            {"history_gap": [1.0, 2.0]},
            "'history_gap', row 2, must have as many steps as column 'history_ad', 1, with None"
            ".*Received: 2 steps",
        ),
        ({"history_ad": ["1"] * 3, "history_gap": []}, "'history_tags', row 2, .*: 1 steps"),
        ({"history_ad": None}, "must have as many steps as column 'history_ad', 0, with None"),
    ],
)
def test_wrong_cells_name_the_row(case, change, message, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("amer_tf.export.raw_table._ROWS_AT_A_TIME", 1)
    with pytest.raises(DatasetError, match=f"Column .*{message}"):
        encode_table(case.spec, frame(case, [STEP, {**STEP, **change}]))


def test_a_history_that_is_left_out_in_a_row(case):
    """As in a request: of its steps nothing is known."""
    rows = [{**STEP, "history_gap": cell} for cell in (None, [], np.nan, [None])]
    inputs, _, _ = encode_table(case.spec, frame(case, rows))
    assert (inputs["history_ad"] == inputs["history_ad"][0]).all()
    assert (inputs["history_gap"] == inputs["history_gap"][0]).all()
