"""The folder of a comparison, and those of its runs: what messages about them say."""

from __future__ import annotations

import json
from typing import Any

from amer_tf.search.run_error import RunError
from amer_tf.search.state import RunFolder

RESULTS_FILE = "results.jsonl"
_WRITTEN_ANEW = "delete it and run the same command again, which writes it anew"


class ComparisonFolder(RunFolder):
    """The folder of a comparison; each file is made again from its runs."""

    KIND = WORK = "comparison"
    NAME = "folder"
    PLACE = "folder (`--out`)"
    ARGUMENT = "folder"
    CURE = _WRITTEN_ANEW

    def results(self) -> list[dict[str, Any]]:
        """What was measured, a record for each training.

        Raises:
            RunError: Where the file is damaged.
        """
        file = self.path / RESULTS_FILE
        try:
            records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
            for record in records:
                if not isinstance(record, dict) or not {"system", "seed"} <= set(record):
                    raise ValueError("a line is no record of a training")
        except (OSError, ValueError) as error:
            raise RunError(
                f"{file} cannot be read: {error}. It is damaged: {self.CURE}."
            ) from error
        return records


class JobFolder(RunFolder):
    """The folder of a run, where what a comparison has written beside the run is read."""

    CURE = _WRITTEN_ANEW
