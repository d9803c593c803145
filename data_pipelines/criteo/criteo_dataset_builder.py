"""Criteo as a TFDS data set."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from data_pipelines.criteo import parse, source
from data_pipelines.errors import require_file
from data_pipelines.tfds_examples import examples


class Builder(tfds.core.GeneratorBasedBuilder):
    """One shown advertisement an example; what is unknown is empty text."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    train.txt of the Kaggle Display Advertising Challenge, from
    https://ailab.criteo.com/ressources/.
    """

    def _info(self) -> Any:
        label = {parse.LABEL: tfds.features.Scalar(np.int64)}
        texts = dict.fromkeys((*parse.NUMBERS, *parse.CATEGORIES), tfds.features.Text())
        return tfds.core.DatasetInfo(
            builder=self,
            description="Advertisements with 13 counts and 26 categories, clicked or not.",
            disable_shuffling=True,  # The order of the rows is that of time.
            features=tfds.features.FeaturesDict({**label, **texts}),
            homepage="https://ailab.criteo.com/ressources/",
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        return {"train": self._generate_examples(pathlib.Path(dl_manager.manual_dir))}

    def _generate_examples(self, folder: pathlib.Path) -> Iterator[tuple[int, dict[str, Any]]]:
        table = source.examples_table(require_file(folder, *source.FILES))
        for number, example in examples(table, {name: name for name in parse.HEADER}):
            yield number, {**example, parse.LABEL: int(example[parse.LABEL])}
