"""Frappe as a TFDS data set."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from data_pipelines.errors import require_file
from data_pipelines.frappe import parse, source
from data_pipelines.tfds_examples import examples


class Builder(tfds.core.GeneratorBasedBuilder):
    """One use, or one sampled negative, of an app an example; ids are numbers."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [  # noqa: RUF012 (TFDS wants a list)
        tfds.core.BuilderConfig(name=name, description=f"The published {name} split.")
        for name in source.FILES
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    frappe.train.libfm, frappe.validation.libfm and frappe.test.libfm from the folder data/frappe of
    https://github.com/hexiangnan/neural_factorization_machine.
    """

    def _info(self) -> Any:
        features = dict.fromkeys(parse.HEADER, tfds.features.Scalar(np.int64))
        return tfds.core.DatasetInfo(
            builder=self,
            description="Who used which mobile app in which situation.",
            disable_shuffling=True,
            features=tfds.features.FeaturesDict(features),
            homepage="https://www.baltrunas.info/context-aware",
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        examples = self._generate_examples(pathlib.Path(dl_manager.manual_dir))
        return {self.builder_config.name: examples}

    def _generate_examples(self, folder: pathlib.Path) -> Iterator[tuple[int, dict[str, Any]]]:
        file = require_file(folder, source.FILES[self.builder_config.name])
        columns = {name: name for name in parse.HEADER}
        for number, example in examples(source.examples_table(file), columns):
            yield number, {name: int(value) for name, value in example.items()}
