"""Two quarters of real prices and filings: every table has the same bits from both engines."""

from dataclasses import replace
from datetime import date

import pytest

from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.proofs.graph import Graph, materialize
from stocks_ai_assets.settings import Settings
from stocks_ai_assets.sources.registry import open_source
from stocks_ai_assets.tables import TABLES
from stocks_ai_assets_tests.integration.spark.conftest import prints

pytestmark = [pytest.mark.spark, pytest.mark.real]

FIRST, LAST = date(2023, 10, 2), date(2024, 3, 28)


def test_two_quarters_have_the_same_fingerprints_from_both_engines(replay_folder, engine, tmp_path):
    settings = Settings(
        home=tmp_path, source="folder", source_folder=replay_folder, first_session=FIRST
    )
    parameters = Parameters(first_session=FIRST)
    graph = Graph(source=open_source(settings), parameters=parameters)
    here, spark = Lake(tmp_path / "here"), Lake(tmp_path / "spark")
    materialize(graph, here, FIRST, LAST)
    materialize(replace(graph, engine=engine), spark, FIRST, LAST)
    found = prints(spark)
    assert found == prints(here)
    computed = {name for name in found if TABLES[name].kind == "computed" and found[name][0]}
    assert len(computed) >= 17
