"""Small generated data sets."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Sequence

import pytest

import data_pipelines

NUM_ITEMS = 60


def small_sequences() -> list[list[int]]:
    """Forty users with 1 to 20 events each of 60 items, some of them more than once."""
    lengths = [1 + (7 * user) % 20 for user in range(40)]
    return [
        [1 + (13 * user + 17 * step * step) % NUM_ITEMS for step in range(length)]
        for user, length in enumerate(lengths)
    ]


def write_beauty(folder: pathlib.Path, sequences: Sequence[Sequence[int]]) -> pathlib.Path:
    """Writes sequences in the format of `Beauty.txt`, users numbered from 1, and attributes."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [" ".join(map(str, [user, *items])) + "\n" for user, items in enumerate(sequences, 1)]
    (folder / "Beauty.txt").write_text("".join(lines))
    attributes = {str(item): [1 + item % 3, 10 + item % 5] for item in range(1, NUM_ITEMS + 1)}
    (folder / "Beauty_item2attributes.json").write_text(json.dumps(attributes))
    return folder


@pytest.fixture(scope="session")
def beauty_source(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Source folder of the small sequences."""
    return write_beauty(tmp_path_factory.mktemp("beauty_source"), small_sequences())


@pytest.fixture(scope="session")
def beauty(
    beauty_source: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> data_pipelines.PreparedData:
    """The small sequences, prepared without a filter, histories of at most 8 steps."""
    folder = tmp_path_factory.mktemp("beauty") / "data"
    data_pipelines.prepare(
        "amazon_beauty", beauty_source, folder, k_core=0, max_length=8, item_fields="attributes"
    )
    return data_pipelines.load(folder)
