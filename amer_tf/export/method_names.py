"""Method names of signatures: TensorFlow 2 writes "predict" for all of them."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable

import tensorflow as tf
from tensorflow.python.saved_model import fingerprinting_utils

from amer_tf.export.signatures import METHOD_NAMES, Signature


def write(signatures: Iterable[Signature], folder: pathlib.Path) -> None:
    """Sets the method names of the signatures of a SavedModel that has just been saved."""
    others = [signature for signature in signatures if signature.method != "predict"]
    if not others:
        return
    updater = tf.compat.v1.saved_model.signature_def_utils.MethodNameUpdater(str(folder))
    for signature in others:
        updater.replace_method_name(signature.name, METHOD_NAMES[signature.method])
    updater.save()
    # The fingerprint sums up saved_model.pb, and TensorFlow has no public function for it.
    fingerprinting_utils.write_fingerprint(str(folder))
