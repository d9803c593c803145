"""Whole searches of task ctr that compare and keep interactions otherwise than by default."""

from __future__ import annotations

import pytest

from tests.search import small_ctr_run
from tests.search.small_ctr_run import of_kind, search

pytestmark = [
    pytest.mark.filterwarnings("ignore:Even though the `tf.config"),
    pytest.mark.usefixtures("eagerly"),
]


@pytest.mark.slow
@pytest.mark.parametrize("selection", ["best", "forward"])
def test_by_auc(ctr_data, tmp_path, selection: str):
    # Steps enough for an interaction to change the order of rows.
    settings = small_ctr_run.SETTINGS.replace(
        batch_size=64, references=(), fitness="auc", selection=selection
    )
    result = search(ctr_data, tmp_path / "run", settings=settings).fit(
        ctr_data.train, ctr_data.validation
    )
    last = [trial for trial in of_kind(result, "interaction") if trial["round"] == 1]
    for trial in last:
        assert -1 < trial["gain"] < 1
        assert 0 < trial["loss"] < 2
        assert trial["standard_error"] > 0
    kept = sorted((t for t in last if t["place"] is not None), key=lambda trial: trial["place"])
    chosen = of_kind(result, "chosen interaction")
    assert len(chosen) == settings.num_interactions
    if selection == "best":
        gains = sorted((trial["gain"] for trial in last), reverse=True)
        assert [trial["gain"] for trial in kept] == gains[: settings.num_kept]
        assert [t["interaction"] for t in chosen] == [t["interaction"] for t in kept][: len(chosen)]
        assert [t["gain"] for t in chosen] == gains[: len(chosen)]
    else:
        assert {tuple(t["interaction"]) for t in chosen} <= {tuple(t["interaction"]) for t in kept}
    scores = [trial["score"] for trial in of_kind(result, "random mlp")]
    assert all(0 < score < 1 for score in scores)
