"""Two quarters of real prices and filings: every table has the same bits from both engines."""

import shutil
from dataclasses import replace
from datetime import date

import pytest

from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.proofs.graph import Graph, materialize
from stocks_ai_assets.settings import Settings
from stocks_ai_assets.sources.registry import open_source
from stocks_ai_assets.tables import TABLES
from stocks_ai_assets_tests.integration.spark.conftest import Both, prints

pytestmark = [pytest.mark.spark, pytest.mark.real]

FIRST, LAST = date(2023, 10, 2), date(2024, 3, 28)
NEXT, UNTIL = date(2024, 4, 1), date(2024, 4, 5)
"""The sessions after these, with the first of a quarter: models are fitted anew."""


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
    computed = {name for name in found if TABLES[name].kind == "computed" and found[name][0]}
    assert len(computed) >= 17


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
