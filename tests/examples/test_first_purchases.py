"""The example of first purchases from beginning to end, with a small search."""

from __future__ import annotations

import json
import sys
import types

import numpy as np
import pandas as pd
import pytest

from amer_tf.features import Vocabulary
from amer_tf.search import behavior_search
from tests.search import small_run


@pytest.fixture
def example(load_example, monkeypatch):
    """The example as a module, with a search of seconds."""
    monkeypatch.setattr(behavior_search, "BehaviorSpace", small_run.SmallSpace)
    module = load_example("first_purchases")
    module.TIME_LIMIT = None
    module.SETTINGS = small_run.SETTINGS.replace(
        references=("popularity",), num_finalists=1, final_epochs=0, supernet_epochs=1
    )
    return module


@pytest.mark.slow
def test_first_purchases(example, folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["first_purchases.py"])
    example.main()
    first = capsys.readouterr().out
    assert "2,305 households, 10,417 products, 646,804 first purchases" in first
    assert "Found: " in first
    for mode in ("uniform", "popular", "full"):
        assert f"products new to it ({mode}):" in first
    assert "  popularity " in first.partition("== 3.")[2]
    recommended = first.partition("not bought yet:\n")[2].partition("It bought next")[0]
    assert len(recommended.splitlines()) == 10
    assert "(National)" in recommended or "(Private)" in recommended
    # Again: nothing is computed anew, the same is shown.
    example.main()
    assert capsys.readouterr().out == first


PRODUCTS = (3, 50, 1, 51, 2, 52)  # of household 7, the oldest first; 50 and above are rare


@pytest.fixture
def asked(example, folder, monkeypatch):
    """What the server of the example was asked; it answers with products 1 and 2."""
    histories = []

    def run(command, *, input, **options):
        histories.append(json.loads(input))
        return types.SimpleNamespace(returncode=0, stdout="[[1, 2], [0.5, 0.25]]", stderr="")

    monkeypatch.setattr(example.subprocess, "run", run)
    example.SOURCE_DIR.mkdir(parents=True)
    bought = [(7, product) for product in PRODUCTS] + [(8, 1), (8, 50), (9, 2), (9, 3)]
    purchases = pd.DataFrame(bought, columns=["household_id", "product_id"])
    purchases.to_parquet(example.SOURCE_DIR / "transactions.parquet")
    return histories


def prepared():
    vocabulary = Vocabulary("item_id", "values", "int64", values=(1, 2, 3, 4))
    names = {"1": "milk", "2": "bread", "3": "tea"}
    spec = types.SimpleNamespace(vocabulary={"item_id": vocabulary}.get)
    return types.SimpleNamespace(spec=spec, item_names=names)


def test_it_sends_products_that_the_model_knows(example, asked, capsys):
    example.show_recommendations(prepared(), household=7)
    assert asked == [[3, 1]]
    output = capsys.readouterr().out
    assert "7 has bought 6 different products, of which the model knows 3." in output
    # Rare products are no history, and none of them is what was bought next.
    history, _, rest = output.partition("Recommended")
    assert [line.strip() for line in history.splitlines()[2:]] == ["tea", "milk"]
    assert rest.endswith("It bought next:\n           bread\n")


@pytest.mark.parametrize(("household", "count"), [(1, 0), (8, 1)])
def test_a_household_of_which_the_model_knows_too_little(example, asked, household, count):
    message = (
        f"two products that the model knows.*--household={household}, which has bought {count}"
    )
    with pytest.raises(SystemExit, match=message):
        example.show_recommendations(prepared(), household=household)
    assert asked == []


@pytest.mark.slow
def test_purchases_of_a_product_that_is_new(example, folder):
    example.write_first_purchases()
    purchases = pd.read_parquet(example.SOURCE_DIR / "transactions.parquet")
    assert not purchases.duplicated(["household_id", "product_id"]).any()
    assert purchases.transaction_timestamp.is_monotonic_increasing
    basket = ["household_id", "transaction_timestamp"]
    ordered = purchases.sort_values(basket, kind="stable")
    same = (ordered[basket] == ordered[basket].shift()).all(axis=1)
    larger = ordered.product_id > ordered.product_id.shift()
    # The source sorts baskets by product number: the next one would always be larger.
    assert np.mean(larger[same]) == pytest.approx(0.5, abs=0.01)
