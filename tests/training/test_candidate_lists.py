"""Candidate lists from npy and csv, and one clear error for each way of being wrong."""

import re

import numpy as np
import pytest

from amer_tf.features import Vocabulary
from amer_tf.training.candidate_lists import load_candidates, read_candidates
from amer_tf.training.evaluation_batches import EvaluationError
from tests.training.small_split import SmallSplit

VALUES = [10, 20, 30, 40]  # encoded ids 2, 3, 4, 5
USERS = [7, 8, 9]
TARGETS = np.array([3, 5, 1])  # 20, 40 and an unknown item
RAW = [[20, 10, 40], [40, 10, 20], [99, 30, 10]]
ENCODED = [[3, 2, 5], [5, 2, 3], [1, 4, 2]]


def as_text(rows):
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


def write(folder, content, name="lists.csv"):
    file = folder / name
    if name.endswith(".npy"):
        np.save(file, content, allow_pickle=True)
    else:
        file.write_text(content, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("lists.npy", np.array(RAW)),
        ("lists.npy", np.array(RAW).astype("U")),
        ("lists.npy", np.array(RAW).astype("S")),
        ("lists.csv", as_text(RAW)),
        ("lists.csv", "\ufeff" + as_text(RAW) + "\n"),
        (
            "lists.csv",
            "candidate_1,user,item,candidate_2\n30,9,99,10\n10,7,20,40\n10,8,40,20\n",
        ),
    ],
)
@pytest.mark.parametrize("as_type", [int, str])
def test_reads_every_form(tmp_path, name, content, as_type):
    values = [as_type(value) for value in VALUES]
    users = [as_type(user) for user in USERS]
    lists = read_candidates(write(tmp_path, content, name), values, users, TARGETS)
    np.testing.assert_array_equal(lists, ENCODED)
    assert lists.dtype == np.int32


def test_items_that_are_their_own_ids(tmp_path):
    values = Vocabulary("item", "integer", "int64", size=50).read_values()
    lists = read_candidates(write(tmp_path, as_text(RAW)), values, USERS, np.array([22, 42, 1]))
    np.testing.assert_array_equal(lists, [[22, 12, 42], [42, 12, 22], [1, 32, 12]])


def test_takes_users_and_true_items_from_the_split(tmp_path):
    split = SmallSplit()
    lists = np.concatenate([split.targets[:, None], split.negatives("uniform", 4, 0)], axis=1)
    # Raw ids of the small split's items: 1000 beside their encoded ids.
    file = write(tmp_path, lists + 998, "lists.npy")
    found = load_candidates(file, list(range(1000, 1040)), split)
    np.testing.assert_array_equal(found, lists)


def changed(row, column, value):
    rows = [list(entry) for entry in RAW]
    rows[row][column] = value
    return as_text(rows)


WITH_USERS = "user,item,candidate_1\n7,20,10\n8,40,10\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (as_text(RAW[:2]), "one row for each of the split's 3 users. Received: 2 rows"),
        ("", "one row for each user. Received: no rows"),
        ("20\n40\n99\n", "Received: 1 column in line 1"),
        (as_text([*RAW[:2], RAW[2][:2]]), "Received: 2 columns in line 3, 3 in line 1"),
        (changed(1, 2, 55), "line 2: candidates must be items of the vocabulary. Received: 55"),
        (changed(1, 2, 40), "line 2: candidates must differ. Received twice: 40"),
        (changed(0, 0, 30), "line 1: the first item must be the user's true item, 20. Rec.*: 30"),
        (changed(2, 0, 20), "line 3: .* one that the vocabulary does not know. Received: 20"),
        (changed(1, 1, "x1"), "line 2: items of this vocabulary are integers. Received: 'x1'"),
        (WITH_USERS, "Received: 2 rows, none for user=9"),
        (WITH_USERS + "6,99,30\n", "line 4: users must be of the split. Received: user='6'"),
        (WITH_USERS + "8,40,30\n", "line 4: every user has one row, and '8' has another in line 3"),
        ("user,item\n7,20\n", r"columns of other candidates.*\['user', 'item'\]"),
    ],
)
def test_refuses_broken_csv(tmp_path, content, message):
    with pytest.raises(EvaluationError, match=message):
        read_candidates(write(tmp_path, content), VALUES, USERS, TARGETS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.array(RAW)[:2], "3 users. Received: 2 rows"),
        (np.array(RAW)[:, 0], r"shape \(users, 1 \+ others\). Received: shape=\(3,\)"),
        (np.array(RAW)[:, :1], r"Received: shape=\(3, 1\)"),
        (np.array(RAW, float), "integers or texts.*dtype=float64"),
        (np.array(RAW, object), "without pickle"),
        (np.array([[20, 10], [40, 11], [99, 10]]), "row 1: .*vocabulary. Received: 11"),
    ],
)
def test_refuses_broken_npy(tmp_path, content, message):
    with pytest.raises(EvaluationError, match=message):
        read_candidates(write(tmp_path, content, "lists.npy"), VALUES, USERS, TARGETS)


def test_refuses_what_is_no_file_of_lists(tmp_path):
    missing = tmp_path / "none.csv"
    with pytest.raises(EvaluationError, match=f"cannot be read: .*{re.escape(str(missing))}"):
        read_candidates(missing, VALUES, USERS, TARGETS)
    with pytest.raises(EvaluationError, match=r"from .npy or .csv. Received: .*lists.json"):
        read_candidates(tmp_path / "lists.json", VALUES, USERS, TARGETS)
    truncated = write(tmp_path, np.array(RAW), "lists.npy")
    truncated.write_bytes(truncated.read_bytes()[:-5])
    with pytest.raises(EvaluationError, match="lists.npy"):
        read_candidates(truncated, VALUES, USERS, TARGETS)
    truncated.write_bytes(b"")
    with pytest.raises(EvaluationError, match="lists.npy must be a .npy file .*No data left"):
        read_candidates(truncated, VALUES, USERS, TARGETS)
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EvaluationError, match="comma-separated UTF-8"):
        read_candidates(binary, VALUES, USERS, TARGETS)
