"""Two quarters of real prices and filings: every table has the same bits from both engines."""

import shutil
from dataclasses import dataclass, replace
from datetime import date

import polars as pl
import pytest
from deltalake import DeltaTable

from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.proofs.graph import Graph, materialize
from stocks_ai_assets.settings import Settings
from stocks_ai_assets.sources.registry import open_source
from stocks_ai_assets.tables import TABLES
from stocks_ai_assets_tests.integration.spark.conftest import prints

pytestmark = [pytest.mark.spark, pytest.mark.real]

FIRST, LAST = date(2023, 10, 2), date(2024, 3, 28)
NEXT, UNTIL = date(2024, 4, 1), date(2024, 4, 5)
"""The sessions after these, with the first of a quarter: models are fitted anew."""


@dataclass(frozen=True)
class Both:
    """The same market computed by each engine."""

    here: Lake
    spark: Lake


@pytest.fixture(scope="module")
def replay_graph(replay_folder, tmp_path_factory) -> Graph:
    """All tables of the replay data, computed here."""
    settings = Settings(
        home=tmp_path_factory.mktemp("home"),
        source="folder",
        source_folder=replay_folder,
        first_session=FIRST,
    )
    return Graph(source=open_source(settings), parameters=Parameters(first_session=FIRST))


@pytest.fixture(scope="module")
def replayed(replay_graph, engine, tmp_path_factory) -> Both:
    """Two quarters computed by each engine; read only."""
    here, spark = (Lake(tmp_path_factory.mktemp(name)) for name in ("here", "spark"))
    materialize(replay_graph, here, FIRST, LAST)
    materialize(replace(replay_graph, engine=engine), spark, FIRST, LAST)
    return Both(here, spark)


def test_two_quarters_have_the_same_fingerprints_from_both_engines(replayed):
    found = prints(replayed.spark)
    assert found == prints(replayed.here)
    assert set(found) == set(TABLES)
    computed = {name for name in found if TABLES[name].kind == "computed" and found[name][0]}
    assert len(computed) >= 17


def test_tables_written_by_spark_stay_open_to_both_engines(replayed):
    for name in replayed.spark.tables():
        delta = DeltaTable(replayed.spark.location(name))
        assert tuple(delta.protocol()) == (1, 4, None, None), name
        assert delta.schema() == DeltaTable(replayed.here.location(name)).schema(), name


def test_coverage_and_stamps_are_the_same_whichever_engine_computed(replayed):
    lakes = replayed.here, replayed.spark
    for name in replayed.here.tables():
        here, spark = (lake.read(name, with_stamps=True) for lake in lakes)
        column = TABLES[name].slice
        for value in here[column].unique() if column else [None]:
            covered = [[plain(each) for each in lake.coverage(name, value)] for lake in lakes]
            assert covered[0] == covered[1] != [], (name, value)
        stamps = ["code_version", "run_id", "created_timestamp"]
        assert spark.select(stamps).equals(here.select(stamps)), name
        inputs = pl.col("input_versions").explode().struct.field("key").unique().sort()
        assert spark.select(inputs).equals(here.select(inputs)), name


def plain(segment):
    tables = [identity.split("@")[0] for identity in segment.input_versions]
    moments = segment.computed_at, segment.changed_at, segment.changed_version
    return segment.first, segment.last, segment.code_version, tables, *moments


def test_the_history_says_who_wrote_whichever_engine_committed(replayed):
    here, spark = (lake.history("signals.technical")[0] for lake in (replayed.here, replayed.spark))
    assert (spark.run_id, spark.code_version, spark.first, spark.last) == (
        here.run_id,
        here.code_version,
        here.first,
        here.last,
    )
    assert here.engine.startswith("delta-rs:")
    assert spark.engine.startswith("Apache-Spark/")


@pytest.mark.parametrize("name", ["signals.technical", "meta.synthesized_predictions"])
def test_a_session_is_read_without_its_year_whichever_engine_wrote_it(replayed, name):
    found = DeltaTable(replayed.spark.location(name)).get_add_actions(flatten=True)
    files = pl.DataFrame(found)
    partition = TABLES[name].partition
    assert files[f"min.{partition}"].null_count() == 0
    assert replayed.spark.n_rows(name) == replayed.here.n_rows(name)


def test_the_process_goes_on_with_a_lake_that_spark_began(replayed, replay_graph, tmp_path):
    lakes = {}
    for began in ("here", "spark"):
        lakes[began] = Lake(shutil.copytree(getattr(replayed, began).root, tmp_path / began))
        materialize(replay_graph, lakes[began], NEXT, UNTIL)
    found = prints(lakes["spark"])
    assert found == prints(lakes["here"])
    for name, (rows, _) in found.items():
        if TABLES[name].kind == "computed" and rows and name != "evaluation.trials":
            newest, *older = [commit.engine for commit in lakes["spark"].history(name)]
            assert newest.startswith("delta-rs:"), name
            assert any(each.startswith("Apache-Spark/") for each in older), name
