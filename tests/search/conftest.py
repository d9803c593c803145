"""What the tests of whole searches share."""

from __future__ import annotations

import gc

import pytest
import tensorflow as tf

from amer_tf.search import behavior_search
from tests.search import small_run


@pytest.fixture(scope="module")
def quick_search():
    """Searches in a small space, without compiling anything.

    A whole search then takes seconds: its many models would each be compiled for a few steps.
    """
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(behavior_search, "BehaviorSpace", small_run.SmallSpace)
        tf.config.run_functions_eagerly(True)
        # A search collects garbage after every model, and pytest keeps much that is none.
        gc.collect()
        gc.freeze()
        yield
        gc.unfreeze()
        tf.config.run_functions_eagerly(False)
