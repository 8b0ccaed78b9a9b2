"""The driver gets summaries of rows and never the rows, so its memory does not grow with them."""

from datetime import UTC, datetime

import polars as pl
import pytest

from stocks_ai_assets.domain.graph import transform
from stocks_ai_assets.engines.local import materialize
from stocks_ai_assets.lake import Lake, Stamps
from stocks_ai_assets.partitions import partition_range
from stocks_ai_assets_tests.integration.spark.conftest import END, START

pytestmark = pytest.mark.spark

TIMES = 18
"""Companies of the larger market for one of the smaller; both are one block of work."""

CREATED = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def received(engine):
    """Ask Spark how many bytes the tasks since the last call have sent to the driver."""
    context, seen = engine.session.sparkContext, [-1]

    def since():
        scala = context._jsc.sc()
        scala.listenerBus().waitUntilEmpty()
        store = scala.statusStore()
        rest = [getattr(store, f"stageList$default${n}")() for n in range(2, 6)]
        stages = store.stageList(None, *rest)
        found = {s.stageId(): s.resultSize() for s in map(stages.apply, range(stages.size()))}
        new = [size for stage, size in found.items() if stage > seen[0]]
        seen[0] = max(found, default=-1)
        return sum(new)

    since()
    return since


def test_what_the_driver_receives_does_not_grow_with_the_companies(
    engine, here, vendor_graph, tmp_path, received
):
    parameters = vendor_graph.parameters
    window = partition_range("session", START, END, parameters)
    technical, bytes_received, rows = transform("signals/technical", parameters), [], []
    for times in (1, TIMES):
        lake = Lake(tmp_path / f"{times}")
        for table in ("market.prices", "market.corporate_actions"):
            facts = pl.concat(
                here.read(table).with_columns(pl.col("symbol") + f".{n}") for n in range(times)
            )
            stamps = Stamps(run_id="x", code_version="1", input_versions={}, created=CREATED)
            lake.write(table, facts, first=None, last=END, slice=None, stamps=stamps)
        received()
        materialize(lake, technical, window, run_id="x", created=CREATED, engine=engine)
        bytes_received.append(received())
        rows.append(lake.read("signals.technical"))
    assert rows[1].height == TIMES * rows[0].height > 0
    small, large = bytes_received
    assert rows[1].estimated_size() > 1.5 * small, "so that the rows would be noticed"
    assert 0 < large < 1.1 * small, (small, large, rows[1].estimated_size())
