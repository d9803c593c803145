"""Which errors are the user's to mend: they end a command with one message and exit code 2."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from absl import flags

from amer_tf.architecture import ArchitectureError
from amer_tf.export import ExportError
from amer_tf.features import SpecError
from amer_tf.report import MissingPackageError
from amer_tf.search.run_error import RunError
from amer_tf.search.split_checks import SplitError
from amer_tf.training.array_split import DatasetError
from amer_tf.training.binary_metrics import MetricError
from amer_tf.training.evaluation_batches import EvaluationError
from amer_tf.training.fit import TrainingError
from data_pipelines import DataError


class UsageError(ValueError):
    """A command that cannot be carried out as it was written."""


# Any other error is a bug of ours and keeps its traceback.
USER_ERRORS = (
    ArchitectureError,
    DataError,
    DatasetError,
    EvaluationError,
    ExportError,
    MetricError,
    MissingPackageError,
    RunError,
    SpecError,
    SplitError,
    TrainingError,
    UsageError,
    flags.Error,
)


@contextlib.contextmanager
def checking_arguments() -> Iterator[None]:
    """Turns what the library says of wrong arguments into a `UsageError`."""
    try:
        yield
    except USER_ERRORS:
        raise
    except ValueError as error:
        raise UsageError(str(error)) from error
