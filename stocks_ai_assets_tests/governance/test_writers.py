"""By whom a table was last written: what Databricks wrote, it knows the lineage of."""

import pytest

from stocks_ai_assets.errors import GovernanceError
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


RISK, ESG = (PREDICTIONS, "risk"), (PREDICTIONS, "esg")


def named(lake):
    return written_on_databricks(lake, (RISK, ESG, (SYNTHESIZED, "")))


def test_a_table_is_of_databricks_as_long_as_its_newest_write_is(lake):
    assert named(lake) == set()
    committed(lake, PREDICTIONS, DATABRICKS, part="risk")
    assert named(lake) == {RISK}
    put(lake, PREDICTIONS, LONG[:1], "risk", 1)
    assert named(lake) == set()


def test_a_spark_that_databricks_does_not_see_leaves_it_no_lineage(lake):
    committed(lake, PREDICTIONS, "Apache-Spark/4.2.0 Delta-Lake/4.4.0", part="risk")
    assert named(lake) == set()


@pytest.mark.parametrize("times", [1, LOOKED_AT + 1])
def test_maintenance_and_changes_of_columns_are_no_writes(lake, times):
    for _ in range(times):
        committed(lake, PREDICTIONS, DATABRICKS, "CHANGE COLUMN", run=None)
    assert named(lake) == set()
    committed(lake, PREDICTIONS, DATABRICKS, part="risk")
    for _ in range(times):
        committed(lake, PREDICTIONS, "delta-rs:py-1", "OPTIMIZE", run=None)
    assert named(lake) == {RISK}


@pytest.mark.parametrize("times", [1, LOOKED_AT + 1])
def test_each_slice_of_a_table_has_its_own_writer(lake, times):
    for _ in range(times):
        committed(lake, PREDICTIONS, DATABRICKS, part="esg")
    assert named(lake) == {ESG}, "the process wrote the other one, however long ago"


class Watched(Lake):
    """A lake that tells how many commits it was asked for."""

    def __init__(self, root):
        super().__init__(root)
        self.asked = []

    def history(self, table, newest=None):
        self.asked.append(newest)
        return super().history(table, newest)


def test_an_agent_that_always_abstains_does_not_make_every_call_read_all_of_the_log(tmp_path):
    lake = Watched(tmp_path)
    put(lake, PREDICTIONS, LONG[:1], "risk", 0)
    put(lake, PREDICTIONS, LONG[:1], "esg", 0, symbols=())
    assert lake.materialized(PREDICTIONS, "esg"), "covered, and without a commit"
    assert named(lake) == set()
    assert lake.asked == [LOOKED_AT]


def test_a_lake_without_tables_is_the_wrong_one(tmp_path):
    with pytest.raises(GovernanceError, match=r"nowhere holds no table.*storage_root"):
        named(Lake(tmp_path / "nowhere"))
