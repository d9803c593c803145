import pytest

from amer_tf.search.ctr_settings import CtrSettings
from amer_tf.search.ctr_workbench import CtrWorkbench


@pytest.mark.parametrize(
    ("rows", "batch_size"), [(1_000_000, 4096), (50_000, 500), (2000, 64), (40, 40)]
)
def test_few_rows_have_smaller_batches(rows, batch_size):
    bench = CtrWorkbench(None, None, CtrSettings(), 0, rows)
    assert bench.batch_size == batch_size
