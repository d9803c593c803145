from __future__ import annotations

import keras
import numpy as np
import pytest

from amer_tf.training import variable_blocks
from amer_tf.training.variable_blocks import assign, blocks_of, copies_of, copy_to, swap

SHAPES = {"float32": (5, 6), "int64": (7,), "uint32": (), "bool": (2,)}


def made(seed: int) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [
        np.asarray(generator.integers(0, 100, shape)).astype(dtype)
        for dtype, shape in SHAPES.items()
    ]


def variables_of(arrays: list[np.ndarray]) -> list[keras.Variable]:
    return [
        keras.Variable(array, dtype=array.dtype.name, trainable=array.dtype == "float32")
        for array in arrays
    ]


@pytest.mark.parametrize(
    ("block_bytes", "ends"), [(1 << 26, None), (120, None), (100, [4, 5]), (1, [1, 2, 3, 4, 5])]
)
def test_blocks_cover_all_rows(monkeypatch, block_bytes: int, ends: list[int] | None):
    monkeypatch.setattr(variable_blocks, "_BLOCK_BYTES", block_bytes)
    blocks = list(blocks_of(keras.Variable(np.zeros((5, 6), "float32"))))
    if ends is None:
        assert blocks == [...]
    else:
        assert [block.stop for block in blocks] == ends
        assert [block.start for block in blocks] == [0, *ends[:-1]]


# Tables of five and of seven rows in blocks of two and three, the rest in one.
@pytest.mark.parametrize("block_bytes", [1 << 26, 48, 24])
class TestValues:
    @pytest.fixture(autouse=True)
    def blocks(self, monkeypatch, block_bytes: int) -> None:
        monkeypatch.setattr(variable_blocks, "_BLOCK_BYTES", block_bytes)

    def test_copies(self):
        arrays = made(0)
        variables = variables_of(arrays)
        copies = copies_of(variables)
        check(copies, arrays)
        for variable in variables:
            variable.assign(keras.ops.zeros_like(variable))
        check(copies, arrays)
        copy_to(copies, variables)
        check(copies, [np.zeros_like(array) for array in arrays])

    def test_assign(self):
        variables, arrays = variables_of(made(0)), made(1)
        assign(variables, arrays)
        for array in arrays:
            array[...] = 0
        check(variables, made(1))

    def test_swap(self):
        variables, arrays = variables_of(made(0)), made(1)
        swap(variables, arrays)
        check(arrays, made(0))
        for array in arrays:
            array[...] = 0
        check(variables, made(1))


def check(found: list, wanted: list[np.ndarray]) -> None:
    for value, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(value, other)
        assert value.dtype == other.dtype.name
