"""Tables for people, in their words."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from amer_tf.cli.console import show_binary_metrics, show_leaderboard, show_table

BOARD = pd.DataFrame(
    {
        "system": ["lightgbm", "amer", "amer", "dnn", "dcn@deep"],
        "training": ["", "scratch", "scratch", "", ""],
        "auc": [0.9, 0.8, 0.7, 0.6, 0.5],
        "standard_error": [0.01, 0.02, None, 0.03, 0.04],
        "log_loss": [0.1, 0.2, 0.3, 0.4, 0.5],
        "parameters": pd.array([1, 1234, 5678, 42, None], dtype="Int64"),
        "ms_1": [None, 0.25, 0.5, 1.5, 2.5],
        "ms_256": [None, 1.25, 1.5, 2.5, 3.5],
        "variant": ["", "Found by the search", "Variant: no blocks, 1 interaction", "", ""],
        "architecture": ["", "conv_1", "7 relu", "", ""],
    }
)


def cells(text: str) -> list[list[str]]:
    """The rows of a printed table, the head first."""
    lines = [line for line in text.splitlines() if re.match("[┃│]", line)]
    return [[cell.strip() for cell in re.split("[┃│]", line)[1:-1]] for line in lines]


def test_a_leaderboard_in_the_words_of_the_report(capsys):
    show_leaderboard(BOARD, {"count": 1})
    text = capsys.readouterr().err
    assert text.startswith("Validation, 1 row ")
    head, *rows = cells(text)
    assert head == [
        *(
            "",
            "system",
            "how it was trained",
            "AUC",
            "\N{PLUS-MINUS SIGN}",
            "log loss",
            "ms, 1 row",
        ),
        *("ms, 256 rows", "parameters"),
    ]
    assert [row[:3] for row in rows] == [
        ["", "LightGBM", "made by hand"],
        ["*", "Found by the search", "trained from new weights"],
        ["", "Variant: no blocks, 1 interaction", "trained from new weights"],
        ["", "DNN", "made by hand"],
        ["", "DCN (deep)", "made by hand"],
    ]
    assert rows[0][3:] == ["0.9000", "0.0100", "0.1000", "", "", "1 tree"]
    assert rows[2][3:] == ["0.7000", "", "0.3000", "0.5000", "1.5000", "5,678"]
    assert rows[4][-1] == ""
    assert text.endswith("* is the result; variants are what else was tried out for it.\n")


@pytest.mark.parametrize(
    ("metrics", "title"),
    [
        ({"count": 1200}, "Validation, 1,200 rows"),
        ({"count": 1, "mode": "full"}, "Validation, 1 user, each among the whole catalogue"),
        (
            {"count": 44, "mode": "popular", "num_negatives": 10},
            "Validation, 44 users, each among 10 popular negatives",
        ),
    ],
)
def test_how_a_leaderboard_was_measured(capsys, metrics, title):
    show_leaderboard(BOARD, metrics)
    assert capsys.readouterr().err.startswith(f"{title} ")


def measured(**changes):
    errors = {"auc": 0.01, "log_loss": 0.02}
    bins = [{"rows": 5, "expected": 0.25, "observed": 0.5}]
    own = {"auc": 0.7, "log_loss": 0.6, "standard_errors": errors, "calibration": bins}
    return {**own, **changes}


def test_binary_metrics_have_the_bins_of_the_first_system_alone(capsys):
    show_binary_metrics("test", {"amer": measured(), "dnn": measured(calibration=None)})
    text = capsys.readouterr().err
    assert text.count("0.2500") == 1
    assert "gauc is" not in text


def test_gauc_is_explained_where_there_is_one(capsys):
    show_binary_metrics("test", {"amer": measured(gauc=None), "dnn": measured(gauc=0.6)})
    text = " ".join(capsys.readouterr().err.split())
    assert "gauc is the AUC within each user: the mean over the users with both labels" in text


def test_names_of_the_user_are_no_markup(capsys):
    show_table("[bold]", ("name", "value"), [("[red]x[/red]", 1), (":smile:", 2)])
    text = capsys.readouterr().err
    assert text.startswith("[bold]")
    assert "[red]x[/red]" in text
    assert ":smile:" in text


def test_numbers_of_any_size(capsys):
    show_table("t", ("p_value", "log_loss"), [(3.2e-9, 4.5e21), (0.25, 0.5), (0.0, None)])
    assert cells(capsys.readouterr().err)[1:] == [
        ["3.2e-09", "4.5e+21"],
        ["0.2500", "0.5000"],
        ["0.0000", ""],
    ]


def test_columns_that_stay_whole(capsys):
    name = "a name of many words " * 3
    show_table("t", ("name", "text"), [(name, "b " * 200)], whole=("name",))
    assert name.strip() in capsys.readouterr().err
