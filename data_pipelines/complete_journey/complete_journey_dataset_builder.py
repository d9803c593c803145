"""The Complete Journey as a TFDS data set."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from data_pipelines.complete_journey import source
from data_pipelines.errors import require_file
from data_pipelines.sources import ITEM, TIME, USER
from data_pipelines.tfds_examples import examples

_COLUMNS = {"household_id": USER, "product_id": ITEM, "timestamp": TIME, "store_id": "store_id"}


class Builder(tfds.core.GeneratorBasedBuilder):
    """One purchase of a product an example; the times are seconds since 1970."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> Any:
        integer = tfds.features.Scalar(np.int64)
        return tfds.core.DatasetInfo(
            builder=self,
            description="A year of grocery purchases of 2,469 households (84.51 degrees).",
            disable_shuffling=True,  # The order of events is data.
            features=tfds.features.FeaturesDict(dict.fromkeys(_COLUMNS, integer)),
            homepage="https://www.8451.com/area51/",
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        return {"purchases": self._generate_examples(source.package_folder())}

    def _generate_examples(self, folder: pathlib.Path) -> Iterator[tuple[int, dict[str, Any]]]:
        file = require_file(folder, source.TRANSACTIONS_FILE)
        table = source.purchases_table(file, source.EVENT_FIELDS)
        for number, example in examples(table, _COLUMNS):
            # TFDS keeps numbers with a point in 32 bits, which is too few for seconds.
            yield number, {**example, "timestamp": int(example["timestamp"])}
