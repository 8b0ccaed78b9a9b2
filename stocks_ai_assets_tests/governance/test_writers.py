"""By whom a table was last written: what Databricks wrote, it knows the lineage of."""

import pytest

from stocks_ai_assets.governance.writers import LOOKED_AT, written_on_databricks
from stocks_ai_assets.lake import Lake
from stocks_ai_assets_tests.governance.states import committed
from stocks_ai_assets_tests.integration.writers import LONG, PREDICTIONS, SYNTHESIZED, put

DATABRICKS = "Databricks-Runtime/19.0.x-scala2.13"


@pytest.fixture
def lake(tmp_path):
    """A lake in which the process wrote one table."""
    made = Lake(tmp_path)
    put(made, PREDICTIONS, LONG[:1], "risk", 0)
    return made


def named(lake):
    return written_on_databricks(lake, (PREDICTIONS, SYNTHESIZED))


def test_a_table_is_of_databricks_as_long_as_its_newest_write_is(lake):
    assert named(lake) == ()
    committed(lake, PREDICTIONS, DATABRICKS)
    assert named(lake) == (PREDICTIONS,)
    put(lake, PREDICTIONS, LONG[:1], "risk", 1)
    assert named(lake) == ()


def test_a_spark_that_databricks_does_not_see_leaves_it_no_lineage(lake):
    committed(lake, PREDICTIONS, "Apache-Spark/4.2.0 Delta-Lake/4.4.0")
    assert named(lake) == ()


@pytest.mark.parametrize("times", [1, LOOKED_AT + 1])
def test_maintenance_and_changes_of_columns_are_no_writes(lake, times):
    for _ in range(times):
        committed(lake, PREDICTIONS, DATABRICKS, "CHANGE COLUMN", run=None)
    assert named(lake) == ()
    committed(lake, PREDICTIONS, DATABRICKS)
    for _ in range(times):
        committed(lake, PREDICTIONS, "delta-rs:py-1", "OPTIMIZE", run=None)
    assert named(lake) == (PREDICTIONS,)
