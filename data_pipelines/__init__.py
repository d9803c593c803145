"""Source files to encoded records, and encoded records to batches, for amer_tf."""

from data_pipelines.datasets import DATASETS
from data_pipelines.errors import DataError
from data_pipelines.preparation import prepare
from data_pipelines.prepared_data import PreparedData, load
from data_pipelines.table_fitting import fit_spec

__all__ = ["DATASETS", "DataError", "PreparedData", "fit_spec", "load", "prepare"]
