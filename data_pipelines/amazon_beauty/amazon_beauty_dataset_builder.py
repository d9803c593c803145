"""Amazon Beauty as a TFDS data set."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from data_pipelines.amazon_beauty import source
from data_pipelines.errors import require_file
from data_pipelines.sources import ITEM, TIME, USER
from data_pipelines.tfds_examples import examples

_INTEGER, _TEXT = tfds.features.Scalar(np.int64), tfds.features.Text()


class Builder(tfds.core.GeneratorBasedBuilder):
    """One event an example; a user's events are in their order."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [  # noqa: RUF012 (TFDS wants a list)
        tfds.core.BuilderConfig(name="sequences", description="5-core with ids as numbers."),
        tfds.core.BuilderConfig(name="reviews", description="Original reviews with their times."),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    For `sequences`: Beauty.txt from the folder data of
    https://github.com/RUCAIBox/CIKM2020-S3Rec.
    For `reviews`: reviews_Beauty_5.json.gz or reviews_Beauty.json.gz from
    https://jmcauley.ucsd.edu/data/amazon/.
    """

    def _info(self) -> Any:
        features = {"user_id": _TEXT, "item_id": _TEXT, "timestamp": _INTEGER}
        if self.builder_config.name == "sequences":
            features = {"user_id": _INTEGER, "item_id": _INTEGER}
        return tfds.core.DatasetInfo(
            builder=self,
            description="Who reviewed which beauty product on Amazon, and in which order.",
            disable_shuffling=True,  # The order of events is data.
            features=tfds.features.FeaturesDict(features),
            homepage="https://jmcauley.ucsd.edu/data/amazon/",
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        return {"events": self._generate_examples(pathlib.Path(dl_manager.manual_dir))}

    def _generate_examples(self, folder: pathlib.Path) -> Iterator[tuple[int, dict[str, Any]]]:
        if self.builder_config.name == "sequences":
            table = source.sequences_table(require_file(folder, source.SEQUENCES_FILE))
            yield from examples(table, {"user_id": USER, "item_id": ITEM})
        else:
            table = source.reviews_table(require_file(folder, *source.REVIEWS_FILES))
            yield from examples(table, {"user_id": USER, "item_id": ITEM, "timestamp": TIME})
