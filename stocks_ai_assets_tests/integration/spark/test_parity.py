"""Spark and the process give the same bits in any order of the two, however work is cut."""

import shutil
from dataclasses import replace
from datetime import date

import pytest

from stocks_ai_assets.engines.local import LOCAL
from stocks_ai_assets.engines.spark import blocks
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.partitions import partition_range, window_of
from stocks_ai_assets.proofs.graph import materialize, write_node
from stocks_ai_assets.tables import TABLES
from stocks_ai_assets_tests.integration.spark.conftest import END, START, prints

pytestmark = pytest.mark.spark


class InTurn:
    """Spark for what no agent makes and for one agent; this process for the others, made alike."""

    def __init__(self, spark):
        self.spark = spark
        self.by_spark = set()

    def compute(self, lake, transform, window):
        schema, name = transform.table.split(".")
        agent = name if schema == "signals" else transform.slice
        if agent not in (None, "technical"):
            return LOCAL.compute(lake, transform, window)
        self.by_spark.add(transform.table)
        return self.spark.compute(lake, transform, window)


def test_either_engine_goes_on_with_a_lake_that_the_other_began(
    here, vendor_graph, engine, tmp_path
):
    lake, in_turn = Lake(tmp_path), InTurn(engine)
    materialize(vendor_graph, lake, START, date(2021, 3, 30))
    materialize(replace(vendor_graph, engine=in_turn), lake, date(2021, 3, 31), date(2021, 4, 1))
    materialize(vendor_graph, lake, date(2021, 4, 5), END)
    assert prints(lake) == prints(here)
    computed = {name for name, table in TABLES.items() if table.kind == "computed"}
    rest = {name for name in computed - in_turn.by_spark if not name.startswith("signals.")}
    assert rest == {"evaluation.trials"}, "the ledger, which no engine computes"


CHOSEN = (
    "signals/events",  # by symbol, several inputs
    "agents/models/risk",  # by quarter
    "meta/synthesized_predictions",  # by session, merged
    "portfolio/target_weights",  # by session, looks back
    "portfolio/risk",  # without symbols
)


UNCUT = blocks.BLOCK_ROWS


@pytest.mark.parametrize(("rows", "names"), [(UNCUT, CHOSEN[1:3]), (20, CHOSEN)])
def test_content_that_is_stored_makes_no_new_version_however_work_is_cut(
    rows, names, here, vendor_graph, engine, tmp_path, monkeypatch
):
    monkeypatch.setattr(blocks, "BLOCK_ROWS", rows)
    pieces, cut = {}, blocks.cut

    def counted(transform, *arguments):
        found = cut(transform, *arguments)
        pieces[transform.table] = len(found)
        return found

    monkeypatch.setattr("stocks_ai_assets.engines.spark.engine.cut", counted)
    lake = Lake(shutil.copytree(here.root, tmp_path / "lake"))
    on_spark, nodes = replace(vendor_graph, engine=engine), vendor_graph.nodes
    sessions = partition_range("session", START, END, vendor_graph.parameters)
    for name in names:
        table = nodes[name].table
        window = window_of(table.partitioned_by, sessions)
        version = lake.version(table.name)
        written = write_node(on_spark, lake, nodes[name], window)
        assert (written.version, written.changed) == (version, False), name
    cuts = sum(n > 1 for n in pieces.values())
    assert cuts == (0 if rows == UNCUT else 4), pieces
