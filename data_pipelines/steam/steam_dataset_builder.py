"""Steam as a TFDS data set."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import tensorflow_datasets as tfds

from data_pipelines.errors import require_file
from data_pipelines.sources import ITEM, TIME, USER
from data_pipelines.steam import source
from data_pipelines.tfds_examples import examples

_COLUMNS = {"user_id": USER, "item_id": ITEM, "date": TIME}


class Builder(tfds.core.GeneratorBasedBuilder):
    """One review an example, without its text."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    steam_reviews.json.gz from https://cseweb.ucsd.edu/~jmcauley/datasets.html#steam_data.
    """

    def _info(self) -> Any:
        return tfds.core.DatasetInfo(
            builder=self,
            description="Who reviewed which video game on Steam, and when.",
            disable_shuffling=True,  # The order of events is data.
            features=tfds.features.FeaturesDict(dict.fromkeys(_COLUMNS, tfds.features.Text())),
            homepage="https://cseweb.ucsd.edu/~jmcauley/datasets.html",
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        return {"events": self._generate_examples(pathlib.Path(dl_manager.manual_dir))}

    def _generate_examples(self, folder: pathlib.Path) -> Iterator[tuple[int, dict[str, Any]]]:
        yield from examples(source.reviews_table(require_file(folder, *source.FILES)), _COLUMNS)
