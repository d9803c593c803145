"""The demo from beginning to end, with a small search."""

from __future__ import annotations

import json
import re
import sys
import types

import pandas as pd
import pytest

from amer_tf.search import ctr_behavior_search
from tests.search import small_hybrid_run


@pytest.fixture
def demo(load_example):
    return load_example("complete_journey")


@pytest.mark.slow
def test_complete_journey(demo, folder, eagerly, monkeypatch, capsys):
    """Run again, it computes nothing anew and shows the same."""
    monkeypatch.setattr(
        ctr_behavior_search, "layer_candidates", lambda spec: small_hybrid_run.LAYERS
    )
    monkeypatch.setattr(demo, "TIME_LIMIT", None)
    monkeypatch.setattr(demo, "SHARE", 0.002)
    few = {"references": ("dnn",), "batch_size": 1024, "epoch_steps": 1, "num_finalists": 1}
    monkeypatch.setattr(demo, "SETTINGS", small_hybrid_run.SETTINGS.replace(**few))
    monkeypatch.setattr(sys, "argv", ["complete_journey.py"])
    demo.main()
    first = capsys.readouterr().out
    assert re.search(r"[\d,]+ examples, half of them purchases, of [\d,]+ households", first)
    assert "Found: " in first
    for part in ("== 2.", "== 3."):
        assert "  dnn " in first.partition(part)[2].partition("== ")[0]
    assert (folder / "runs" / "complete_journey" / "report.html").is_file()
    answered = first.partition("that were bought marked:\n")[2].splitlines()
    assert len(answered) == 11
    assert all(re.match(r"  0\.\d{3} [ *] \S", line) for line in answered[:10])
    assert re.match(r"What was bought stands at place \d+, .* of \d+\.", answered[10])
    demo.main()
    assert capsys.readouterr().out == first


@pytest.fixture
def package(demo, folder, monkeypatch):
    """The tables of two households; household 7 has told nothing of itself."""
    purchases = [
        *[(7, 1, 100 + number, 3, "2017-01-02 10:00", 1) for number in range(60)],
        *[(7, 2, product, 4, "2017-01-09 17:30", 2) for product in (100, 300)],
        *[(8, 3, product, 3, "2017-01-10 09:00", 2) for product in (301, 301, 302)],
    ]
    columns = ["household_id", "basket_id", "product_id", "store_id", "transaction_timestamp"]
    frame = pd.DataFrame(purchases, columns=[*columns, "week"])
    frame["transaction_timestamp"] = pd.to_datetime(frame["transaction_timestamp"])
    frame.to_parquet(folder / "transactions.parquet")
    numbers = sorted({product for _, _, product, *_ in purchases})
    pd.DataFrame(
        {
            "product_id": numbers,
            "manufacturer_id": 5,
            "department": "GROCERY",
            "brand": "Private",
            "product_category": ["TEA" if number == 300 else None for number in numbers],
            "product_type": ["TEA: GREEN" if number == 300 else None for number in numbers],
            "package_size": None,
        }
    ).to_parquet(folder / "products.parquet")
    pd.DataFrame({"household_id": [8], "age": ["65+"], "kids_count": ["0"]}).to_parquet(
        folder / "demographics.parquet"
    )
    monkeypatch.setattr(demo, "package_folder", lambda: folder)
    return folder


@pytest.fixture
def asked(demo, monkeypatch):
    """What the server was asked; the third candidate has the best score."""
    requests = []

    def run(command, *, input, **options):
        requests.append(json.loads(input))
        scores = [0.2, 0.1, 0.9, 0.05]
        return types.SimpleNamespace(returncode=0, stdout=json.dumps(scores), stderr="")

    monkeypatch.setattr(demo.subprocess, "run", run)
    return requests


def test_what_the_served_model_is_asked(demo, package, asked, capsys):
    demo.show_scores(package / "1", household=7)
    [request] = asked
    # The basket, and what else was sold in its week, the most sold first.
    assert request["product_id"] == [100, 300, 301, 302]
    assert request["product_category"] == ["", "TEA", "", ""]
    assert request["history_product_id"] == [list(range(110, 160))]
    assert set(request["history_brand"][0]) == {"Private"}
    assert {name: request[name] for name in ("household_id", "age", "kids_count")} == {
        "household_id": [7],
        "age": [""],
        "kids_count": [""],
    }
    # 9 January 2017 was a Monday; the stores are five hours behind.
    context = {"store_id": [4], "week": [2.0], "weekday": [0], "hour": [12]}
    assert {name: request[name] for name in context} == context
    assert capsys.readouterr().out.splitlines() == [
        "Household 7 buys 2 products in its newest basket. The model ranks them among 2 others of "
        "that week;",
        "its best ten, those that were bought marked:",
        "  0.900   Unnamed product (Private)",
        "  0.200 * Unnamed product (Private)",
        "  0.100 * Tea: green (Private)",
        "  0.050   Unnamed product (Private)",
        "What was bought stands at place 2, 3 of 4.",
    ]


@pytest.mark.parametrize(("household", "count"), [(8, 1), (9, 0)])
def test_a_household_without_a_history(demo, package, asked, household, count):
    with pytest.raises(SystemExit, match=f"--household={household}, which has {count}"):
        demo.show_scores(package / "1", household=household)
    assert asked == []
