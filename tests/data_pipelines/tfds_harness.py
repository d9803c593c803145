"""Runs a TFDS builder on files of a test."""

from __future__ import annotations

import pathlib
from typing import Any

import tensorflow_datasets as tfds


def build(
    builder_class: type[Any], output: pathlib.Path, source: pathlib.Path | None, **options: Any
) -> tuple[Any, list[dict[str, Any]]]:
    """Builds a data set; gives the builder and all examples of its one split, in order."""
    builder = builder_class(data_dir=output, **options)
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=source and str(source))
    )
    [split] = builder.info.splits
    examples = list(tfds.as_numpy(builder.as_dataset(split=split, shuffle_files=False)))
    assert builder.info.splits[split].num_examples == len(examples)
    return builder, examples
