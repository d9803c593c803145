"""Avazu as a TFDS data set."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from data_pipelines.avazu import parse, source
from data_pipelines.errors import require_file
from data_pipelines.tfds_examples import examples

_FIELDS = (*parse.TIME_FIELDS, *parse.OTHER_FIELDS)


class Builder(tfds.core.GeneratorBasedBuilder):
    """One shown advertisement an example."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    train.csv (or train.gz) of https://www.kaggle.com/c/avazu-ctr-prediction.
    """

    def _info(self) -> Any:
        label = {parse.LABEL: tfds.features.Scalar(np.int64)}
        texts = dict.fromkeys(_FIELDS, tfds.features.Text())
        return tfds.core.DatasetInfo(
            builder=self,
            description="Advertisements on mobile devices over eleven days, clicked or not.",
            disable_shuffling=True,  # The order of the rows is that of time.
            features=tfds.features.FeaturesDict({**label, **texts}),
            homepage="https://www.kaggle.com/c/avazu-ctr-prediction",
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        return {"train": self._generate_examples(pathlib.Path(dl_manager.manual_dir))}

    def _generate_examples(self, folder: pathlib.Path) -> Iterator[tuple[int, dict[str, Any]]]:
        table = source.examples_table(require_file(folder, *source.FILES))
        columns = {name: name for name in (parse.LABEL, *_FIELDS)}
        for number, example in examples(table, columns):
            yield number, {**example, parse.LABEL: int(example[parse.LABEL])}
