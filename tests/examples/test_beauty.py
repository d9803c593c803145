"""The example of Amazon Beauty from beginning to end, with a small search."""

from __future__ import annotations

import runpy
import sys

import pytest

from amer_tf.search import behavior_search, settings
from tests.examples.conftest import EXAMPLES
from tests.search import small_run


@pytest.mark.slow
def test_beauty(folder, eagerly, monkeypatch, capsys):
    monkeypatch.setattr(behavior_search, "BehaviorSpace", small_run.SmallSpace)
    monkeypatch.setitem(settings.PRESETS, "standard", small_run.SETTINGS)
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
