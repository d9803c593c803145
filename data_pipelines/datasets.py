"""The data sets that `prepare` knows by name, and those that a description file describes."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from amer_tf.features import SpecError, did_you_mean
from data_pipelines.description import SUFFIXES, describe_source, read_description
from data_pipelines.errors import DataError
from data_pipelines.sources import ITEM, ITEM_VOCABULARIES, Source, with_user_id
from data_pipelines.splits import LeaveOneOut, parse_split, require_split_of

DATASETS = (
    "alimama",
    "amazon_beauty",
    "avazu",
    "complete_journey",
    "criteo",
    "frappe",
    "movielens_1m",
    "recbole",
    "steam",
)
# Their source files come with a Python package.
PACKAGED = ("complete_journey",)
_NEXT_ITEM_OPTIONS = ("k_core", "item_vocabulary", "user_id_field")
COMMON_OPTIONS = ("max_length", "split", *_NEXT_ITEM_OPTIONS)


def open_source(
    dataset: str | os.PathLike[str], source_dir: pathlib.Path | None, options: Mapping[str, Any]
) -> Source:
    """Opens a data set and applies the options that all have in common."""
    name = os.fspath(dataset)
    if name.endswith(SUFFIXES):
        own = ["bad_rows"]
        _require_known(name, options, own)
        file = pathlib.Path(name)
        recipe = read_description(file)
        if "bad_rows" in options and isinstance(recipe.setdefault("format", {}), Mapping):
            recipe["format"] = {**recipe["format"], "bad_rows": options["bad_rows"]}
        source = describe_source(recipe, source_dir or file.parent)
    elif name in DATASETS:
        opener = importlib.import_module(f"data_pipelines.{name}.source").open_source
        signature = inspect.signature(opener)
        own = list(signature.parameters)[1:]
        _require_known(name, options, own)
        if source_dir is None and name not in PACKAGED:
            raise DataError(
                f"`source_dir` must name the folder of the files of {name}. Received: None"
            )
        bound = signature.bind(source_dir, **{key: options[key] for key in options if key in own})
        try:
            source = opener(*bound.args, **bound.kwargs)
        except SpecError as error:
            raise DataError(f"The options of {name} are wrong: {error}") from error
        bound.apply_defaults()
        # What is switched off is left out: a new switch does not change data that were without it.
        recipe = {key: value for key, value in bound.kwargs.items() if value is not False}
    else:
        raise DataError(
            f"{did_you_mean([name], DATASETS)}`dataset` must be one of {', '.join(DATASETS)}, or a "
            f"description file that ends in {', '.join(SUFFIXES)}. Received: dataset={name!r}"
        )
    source = dataclasses.replace(source, recipe=_plain_recipe(recipe))
    return _with_options(source, {key: options[key] for key in options if key not in own})


def _plain_recipe(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe as it comes back from a JSON file, less what an option may replace."""
    rest = {key: value for key, value in recipe.items() if key not in COMMON_OPTIONS}
    plain: dict[str, Any] = json.loads(json.dumps(rest, default=str))
    return plain


def _require_known(dataset: str, options: Mapping[str, Any], own: list[str]) -> None:
    known = [*own, *COMMON_OPTIONS]
    unknown = [key for key in options if key not in known]
    if unknown:
        raise DataError(
            f"{did_you_mean(unknown, known)}The options of {dataset} must be among "
            f"{', '.join(known)}. Received: {unknown}"
        )


def _with_options(source: Source, options: dict[str, Any]) -> Source:
    if "max_length" in options:
        length = options.pop("max_length")
        try:
            spec = dataclasses.replace(source.spec, max_length=length)
        except SpecError as error:
            raise DataError(str(error)) from error
        source = dataclasses.replace(source, spec=spec)
    if "split" in options:
        options["split"] = parse_split(options["split"])
    foreign = [name for name in _NEXT_ITEM_OPTIONS if name in options]
    if source.spec.task == "ctr" and foreign:
        raise DataError(
            f"{', '.join(f'`{name}`' for name in _NEXT_ITEM_OPTIONS)} are options of task "
            f"next_item. Received: {', '.join(foreign)} for task ctr"
        )
    source = dataclasses.replace(source, **options)
    require_split_of(source.spec.task, source.split)
    if source.item_vocabulary is None:
        known = "catalog" if isinstance(source.split, LeaveOneOut) else "train"
        source = dataclasses.replace(source, item_vocabulary=known)
    if source.item_vocabulary not in ITEM_VOCABULARIES:
        raise DataError(
            f"`item_vocabulary` must be one of {', '.join(ITEM_VOCABULARIES)}. "
            f"Received: item_vocabulary={source.item_vocabulary!r}"
        )
    if source.spec.task == "next_item" and source.item_vocabulary == "catalog":
        min_count = source.spec.vocabulary(ITEM).min_count
        if min_count > 1:
            raise DataError(
                "The item takes `min_count` with item_vocabulary 'train' alone, since a catalog "
                f"knows every item. Received: min_count={min_count}, item_vocabulary='catalog'"
            )
    if type(source.k_core) is not int or source.k_core < 0:
        raise DataError(
            f"`k_core` must be an integer of at least 0. Received: k_core={source.k_core!r}"
        )
    if type(source.user_id_field) is not bool:
        raise DataError(
            "`user_id_field` must be true or false. "
            f"Received: user_id_field={source.user_id_field!r}"
        )
    if source.user_id_field:
        source = dataclasses.replace(source, spec=with_user_id(source.spec, source.user_dtype))
    return source
