"""Alimama as a TFDS data set."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from data_pipelines.alimama import parse, source
from data_pipelines.errors import require_file
from data_pipelines.sources import TIME
from data_pipelines.tfds_examples import examples

_COLUMNS = {
    parse.USER: parse.USER,
    parse.TIME: TIME,
    parse.AD: parse.AD,
    parse.CONTEXT_FIELD: parse.CONTEXT_FIELD,
    parse.LABEL: parse.LABEL,
}


class Builder(tfds.core.GeneratorBasedBuilder):
    """One shown advertisement an example; the times are seconds since 1970."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    raw_sample.csv of https://tianchi.aliyun.com/dataset/56.
    """

    def _info(self) -> Any:
        integer = tfds.features.Scalar(np.int64)
        features = dict.fromkeys(_COLUMNS, integer) | {parse.CONTEXT_FIELD: tfds.features.Text()}
        return tfds.core.DatasetInfo(
            builder=self,
            description="Display advertisements on Taobao over eight days, clicked or not.",
            disable_shuffling=True,  # Rows have no other name than their number.
            features=tfds.features.FeaturesDict(features),
            homepage="https://tianchi.aliyun.com/dataset/56",
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        return {"sample": self._generate_examples(pathlib.Path(dl_manager.manual_dir))}

    def _generate_examples(self, folder: pathlib.Path) -> Iterator[tuple[int, dict[str, Any]]]:
        table = source.sample_table(require_file(folder, *source.SAMPLE_FILES))
        for number, example in examples(table, _COLUMNS):
            yield (
                number,
                {
                    name: value if name == parse.CONTEXT_FIELD else int(value)
                    for name, value in example.items()
                },
            )
