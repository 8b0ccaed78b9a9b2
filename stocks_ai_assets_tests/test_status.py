"""Status: partitions done, missing and stale, versions, and rows that were set aside."""

import json
import shutil
from datetime import date

import dagster as dg
import polars as pl

from stocks_ai_assets.backfill import plan, run
from stocks_ai_assets.deployment import open_deployment
from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.settings import Settings
from stocks_ai_assets.status import status
from stocks_ai_assets_tests.conftest import FIRST, LAST, START, variables, vendor_settings


def test_everything_is_there_after_a_backfill(deployed):
    opened = open_deployment(deployed)
    found = status(opened)
    assert (found.first_session, found.newest_session) == (FIRST, LAST)
    assert found.source_session == opened.source.last_session()
    assert [each.name for each in found.assets] == list(opened.registry.nodes)
    n = {"session": len(nyse().between(FIRST, LAST)), "quarter": 2, "none": 1}
    for each in found.assets:
        table = opened.registry.nodes[each.name].table
        assert (each.missing, each.stale) == (0, 0), each
        assert each.materialized == n[table.partitioned_by], each
        assert each.version == opened.lake.version(table.name)
    assert found.quarantined.is_empty()


def test_an_empty_lake_misses_the_first_session(tmp_path, stocks_ai):
    opened = open_deployment(Settings(home=tmp_path / "home", sample_symbols=25))
    found = status(opened)
    assert found.newest_session is None
    for each in found.assets:
        assert (each.first, each.last, each.materialized, each.version) == (None, None, 0, None)
        assert each.missing == 1
    shown = stocks_ai("status")
    assert (shown.code, shown.err) == (0, "")
    assert "The lake is empty. Run: stocks-ai backfill" in shown.out
    assert not (tmp_path / "home").exists(), "looking makes nothing"


def test_rows_that_broke_the_contract_are_counted_with_the_reason(
    vendor, tmp_path, environment, stocks_ai
):
    folder = tmp_path / "broken"
    shutil.copytree(vendor, folder)
    file = folder / "prices_daily.parquet"
    prices = pl.read_parquet(file)
    day = pl.col("date") == date(2021, 3, 26)
    negative = day & (pl.col("symbol") == "SIM001")
    twice = prices.filter(day, pl.col("symbol") == "SIM002").with_columns(pl.col("close") * 1.01)
    pl.concat(
        [prices.with_columns(close=pl.when(negative).then(-1.0).otherwise("close")), twice],
        how="vertical_relaxed",
    ).write_parquet(file)
    settings = vendor_settings(tmp_path / "home", folder)
    opened = open_deployment(settings)
    last = nyse().offset(START, 2)
    with dg.DagsterInstance.ephemeral() as instance:
        run(
            opened,
            START,
            last,
            instance=instance,
            steps=plan(opened, START, last, ["market/prices"]),
        )
    found = status(opened).quarantined
    assert found.get_column("source_table").unique().to_list() == ["market.prices"]
    assert found.get_column("rows").sum() == 3, "the negative price, and both rows of the pair"
    stored = opened.lake.read("market.prices", date(2021, 3, 26), date(2021, 3, 26))
    assert {"SIM001", "SIM002"}.isdisjoint(stored.get_column("symbol"))
    shown = stocks_ai("status", **variables(settings))
    for reason in found.get_column("reason"):
        assert reason in shown.out
    again = json.loads(stocks_ai("status", "--json", **variables(settings)).out)
    assert sum(row["rows"] for row in again["quarantined"]) == 3
    by_name = {row["name"]: row for row in again["assets"]}
    assert by_name["market/prices"]["materialized"] == 3
    assert by_name["signals/risk"]["missing"] == 3
