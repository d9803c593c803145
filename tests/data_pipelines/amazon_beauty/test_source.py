from __future__ import annotations

import pathlib

import numpy as np

import data_pipelines


def test_the_counts_of_the_paper(shared_data: pathlib.Path, tmp_path: pathlib.Path) -> None:
    counts = data_pipelines.prepare(
        "amazon_beauty", shared_data / "amazon_beauty", tmp_path / "data", item_fields="attributes"
    )
    assert (counts["users"], counts["items"], counts["events"]) == (22_363, 12_101, 198_502)
    assert (counts["min"], counts["max"], round(counts["mean"], 3)) == (5, 204, 8.876)
    assert counts["known_items"] == 12_101

    data = data_pipelines.load(tmp_path / "data")
    assert data.spec.max_length == 15
    assert data.catalog is not None
    assert data.catalog.shape == (12_103, 8)
    assert (data.catalog[2:, 0] >= 2).all()

    # Popularity as a recommender: the figures of the data's own PROVENANCE.md.
    popularity = data.train.item_counts()
    hits = 0.0
    for _, labels in data.test.batches(1024):
        scores = popularity[labels["candidates"].numpy()]
        better = (scores[:, 1:] > scores[:, :1]).sum(axis=1)
        hits += float(((better < 5) * labels["weight"].numpy()).sum())
    np.testing.assert_allclose(hits / data.test.num_examples, 0.171, atol=0.015)
