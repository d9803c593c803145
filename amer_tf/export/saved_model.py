"""Writes a trained model as a folder that a model server takes as it is."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

import amer_tf
from amer_tf import files
from amer_tf.architecture import Architecture
from amer_tf.export import method_names, readme
from amer_tf.export import warmup as warmup_requests
from amer_tf.export.checks import check, with_values
from amer_tf.export.ctr import CtrServing
from amer_tf.export.export_folder import is_exported, staged, version_folder
from amer_tf.export.next_item import NextItemServing
from amer_tf.export.vocabulary_tables import VocabularyTable
from amer_tf.features import FeatureSpec

ARCHITECTURE_FILE = "architecture.json"

# Part of what tells exports apart: another number, another content for the same model.
_FORMAT = 2

_SERVINGS: Mapping[str, Any] = {"ctr": CtrServing, "next_item": NextItemServing}


def export(
    model: keras.Model,
    spec: FeatureSpec,
    architecture: Architecture | str,
    folder: str | os.PathLike[str],
    *,
    top_k: int = 10,
    warmup: bool = True,
) -> pathlib.Path:
    """Writes a SavedModel that answers raw columns, with all that is known of it.

    The folder holds the SavedModel with its vocabularies as assets; `spec.json` and, of a found
    model, `architecture.json`; a README of the signatures; requests for warming up; and
    `export.json`, the digests of all files. It appears whole or not at all, and none is ever
    overwritten. Exporting the same again changes nothing.

    Signatures are `serving_default` and `predict_examples`; for next_item `recommend`; for ctr
    `classify_examples`, `regress_examples`, where there is behaviour `predict_ragged`, and where
    there is a target beside other fields `score_candidates`.

    Args:
        model: What `models.amer.build` gave for the spec and the architecture, trained; or a
            hand-made system for the spec.
        spec: The fitted spec.
        architecture: What the model was built from; of a hand-made system its name.
        folder: Where to write: absent, empty, or this very export from before. Where it holds
            numbered versions, the next number in it, unless the newest is this very export.
        top_k: How many items `recommend` gives unless a request says another number.
        warmup: Whether to write requests for warming up.

    Returns: The folder that was written.

    Raises:
        ExportError: Where the model cannot be exported, something else stands in the folder, or
            the disk refuses.
        SpecError: Where the spec has not been fitted, or a vocabulary file cannot be read.
    """
    named = pathlib.Path(folder).absolute()
    spec = with_values(spec)
    check(model, spec, architecture, top_k)
    settings = {"top_k": top_k if spec.task == "next_item" else None, "warmup": warmup}
    digest = _digest(model, spec, architecture, settings)
    target = version_folder(named, digest)
    if is_exported(target, digest):
        return target
    with staged(target, digest) as staging:
        scratch = staging / "scratch"
        scratch.mkdir()
        tables = {entry.name: VocabularyTable(entry, scratch) for entry in spec.vocabularies}
        serving = _SERVINGS[spec.task](model, spec, tables, top_k)
        signatures = serving.signatures()
        # Its attributes are all that is saved: variables and tables, no Keras object.
        module = tf.Module()
        module.weights = serving.variables
        module.tables = list(tables.values())
        functions = {signature.name: signature.function() for signature in signatures}
        tf.saved_model.save(module, str(staging), signatures=functions)
        shutil.rmtree(scratch)
        method_names.write(signatures, staging)
        spec.save(staging)
        if isinstance(architecture, Architecture):
            files.write_text(staging / ARCHITECTURE_FILE, architecture.to_json() + "\n")
            origin = f"architecture: {architecture} (`{ARCHITECTURE_FILE}`)"
        else:
            origin = f"system: {architecture}, made by hand"
        facts = (*serving.facts, origin)
        files.write_text(
            staging / readme.README_FILE, readme.text(serving.title, facts, signatures)
        )
        if warmup:
            warmup_requests.write(signatures, staging)
    return target


def _digest(
    model: keras.Model,
    spec: FeatureSpec,
    architecture: Architecture | str,
    settings: Mapping[str, object],
) -> str:
    """What tells exports apart: the model, what it reads, and who writes it."""
    digest = hashlib.sha256()
    versions = {"format": _FORMAT, "amer_tf": amer_tf.__version__, "tensorflow": tf.__version__}
    origin = architecture if isinstance(architecture, str) else architecture.to_json()
    for text in (spec.to_json(), origin, json.dumps([settings, versions])):
        digest.update(text.encode())
    for weight in model.weights:
        values = keras.ops.convert_to_numpy(weight)
        digest.update(f"{values.dtype}{values.shape}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()
