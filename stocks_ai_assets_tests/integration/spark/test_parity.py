"""Spark and the process give the same bits, on the same tables, in any order of the two."""

import shutil
from dataclasses import replace
from datetime import date

import polars as pl
import pytest
from deltalake import DeltaTable

from stocks_ai_assets.engines.local import LOCAL
from stocks_ai_assets.engines.spark import blocks
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.partitions import partition_range, window_of
from stocks_ai_assets.proofs.graph import materialize, write_node
from stocks_ai_assets.tables import TABLES
from stocks_ai_assets_tests.integration.spark.conftest import END, START, prints

pytestmark = pytest.mark.spark


def test_every_table_has_the_same_fingerprint_whichever_engine_computed_it(both):
    assert prints(both.spark) == prints(both.here)
    assert set(both.spark.tables()) == set(TABLES)


def test_tables_written_by_spark_stay_open_to_both_engines(both):
    for name in both.spark.tables():
        delta = DeltaTable(both.spark.location(name))
        assert tuple(delta.protocol()) == (1, 4, None, None), name
        assert delta.schema() == DeltaTable(both.here.location(name)).schema(), name


def test_coverage_and_stamps_are_the_same_whichever_engine_computed(both):
    for name in both.here.tables():
        for value in slices_of(both.here, name):
            assert [plain(s) for s in both.spark.coverage(name, value)] == [
                plain(s) for s in both.here.coverage(name, value)
            ], name
        stamps = ["code_version", "run_id", "created_timestamp"]
        here, spark = (lake.read(name, with_stamps=True) for lake in (both.here, both.spark))
        assert spark.select(stamps).equals(here.select(stamps)), name
        versions = [
            {pair["key"] for row in frame["input_versions"] for pair in row}
            for frame in (here, spark)
        ]
        assert versions[0] == versions[1], name


def slices_of(lake, name):
    column = TABLES[name].slice
    return lake.read(name).get_column(column).unique().to_list() if column else [None]


def plain(segment):
    tables = [identity.split("@")[0] for identity in segment.input_versions]
    moments = segment.computed_at, segment.changed_at, segment.changed_version
    return segment.first, segment.last, segment.code_version, tables, *moments


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
    both, vendor_graph, engine, tmp_path
):
    lake, in_turn = Lake(tmp_path), InTurn(engine)
    materialize(vendor_graph, lake, START, date(2021, 3, 30))
    materialize(replace(vendor_graph, engine=in_turn), lake, date(2021, 3, 31), date(2021, 4, 1))
    materialize(vendor_graph, lake, date(2021, 4, 5), END)
    assert prints(lake) == prints(both.here)
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
    rows, names, both, vendor_graph, engine, tmp_path, monkeypatch
):
    monkeypatch.setattr(blocks, "BLOCK_ROWS", rows)
    pieces, cut = {}, blocks.cut

    def counted(transform, *arguments):
        found = cut(transform, *arguments)
        pieces[transform.table] = len(found)
        return found

    monkeypatch.setattr("stocks_ai_assets.engines.spark.engine.cut", counted)
    lake = Lake(shutil.copytree(both.here.root, tmp_path / "lake"))
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


def test_the_history_says_who_wrote_whichever_engine_committed(both):
    here, spark = (lake.history("signals.technical")[0] for lake in (both.here, both.spark))
    assert (spark.run_id, spark.code_version, spark.first, spark.last) == (
        here.run_id,
        here.code_version,
        here.first,
        here.last,
    )
    assert here.engine.startswith("delta-rs:")
    assert spark.engine.startswith("Apache-Spark/")


@pytest.mark.parametrize("name", ["signals.technical", "meta.synthesized_predictions"])
def test_a_session_is_read_without_its_year_whichever_engine_wrote_it(both, name):
    found = DeltaTable(both.spark.location(name)).get_add_actions(flatten=True)
    files = pl.DataFrame(found)
    partition = TABLES[name].partition
    assert files[f"min.{partition}"].null_count() == 0
    assert both.spark.n_rows(name) == both.here.n_rows(name)
