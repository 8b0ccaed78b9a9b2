"""The source keeps its port: scope, ranges, placement, label."""

from datetime import date

import polars as pl
import pytest

from stocks_ai_assets.errors import UnknownSymbolError
from stocks_ai_assets.settings import load_settings
from stocks_ai_assets.sources.folder import FAMILIES, FolderSource
from stocks_ai_assets.sources.intake import intake
from stocks_ai_assets.sources.ports import FACT_TABLES
from stocks_ai_assets.sources.registry import open_source
from stocks_ai_assets.tables import table

FIRST, LAST = date(2024, 5, 28), date(2024, 6, 14)


def test_there_is_a_family_for_every_fact_table():
    assert tuple(FAMILIES) == FACT_TABLES


@pytest.mark.parametrize("name", FACT_TABLES)
def test_a_range_is_its_days_one_by_one(source, calendar, name):
    whole = source.read(name, FIRST, LAST)
    days = [source.read(name, day, day) for day in calendar.between(FIRST, LAST)]
    assert whole.height > 0
    key = table(name).key
    assert pl.concat(days).sort(key).equals(whole.sort(key))
    earlier = source.read(name, None, calendar.offset(FIRST, -1))
    everything = source.read(name, None, LAST)
    assert pl.concat([earlier, whole]).sort(key).equals(everything.sort(key))


@pytest.mark.parametrize("name", FACT_TABLES)
def test_no_row_is_known_before_it_was_public(source, calendar, name):
    rows = source.read(name, None, LAST).join(calendar.frame, on="known_on")
    assert (rows["available_at"] <= rows["cutoff"]).all()
    assert intake(name, source.read(name, None, LAST)).quarantined.is_empty()


@pytest.mark.parametrize("name", FACT_TABLES)
def test_the_order_of_raw_rows_does_not_matter(raw, calendar, name):
    reversed_ = {stem: frame.reverse() for stem, frame in raw.items()}
    key = table(name).key
    one, other = (
        FolderSource(r, calendar).read(name, None, LAST).sort(key) for r in (raw, reversed_)
    )
    assert one.equals(other)


def test_rows_without_a_date_are_set_aside_from_the_first_partition(raw, calendar):
    prices = raw["prices_daily"].with_columns(
        date=pl.when(pl.int_range(pl.len()) == 4).then(None).otherwise("date")
    )
    source = FolderSource({**raw, "prices_daily": prices}, calendar)
    everything = intake("market.prices", source.read("market.prices", None, LAST))
    assert everything.valid.height == prices.height - 1
    assert "session is missing" in everything.quarantined["reason"].item()
    later = source.read("market.prices", FIRST, LAST)
    assert later.height == prices.height - 1


def test_a_price_on_a_day_without_trading_is_set_aside_on_the_next_session(raw, calendar):
    saturday = (
        raw["prices_daily"]
        .filter(symbol="BBB", date=date(2024, 6, 7))
        .with_columns(date=pl.lit(date(2024, 6, 8)))
    )
    source = FolderSource(
        {**raw, "prices_daily": pl.concat([raw["prices_daily"], saturday])}, calendar
    )
    taken = intake("market.prices", source.read("market.prices", None, LAST))
    assert taken.valid.height == raw["prices_daily"].height
    assert taken.quarantined["reason"].to_list() == ["session is not a trading session"]
    assert taken.quarantined["known_on"].to_list() == [date(2024, 6, 10)]


def test_a_badly_spelled_symbol_is_set_aside_wherever_it_occurs(raw, calendar):
    bad = {
        name: raw[name].with_columns(
            symbol=pl.when(pl.col("symbol") == "BBB").then(pl.lit("b b")).otherwise("symbol")
        )
        for name in ("prices_daily", "fundamentals_pit", "events_earnings")
    }
    source = FolderSource({**raw, **bad}, calendar)
    assert source.symbols() == ("AAA", "CCC")
    for name, n in {"market.prices": 14, "market.company_facts": 1, "market.earnings": 1}.items():
        taken = intake(name, source.read(name, None, LAST))
        assert taken.quarantined.height == n, name
        assert "b b" not in taken.valid["symbol"], name


def test_the_universe_limits_the_symbols_but_not_the_index(raw, calendar):
    source = FolderSource(raw, calendar, universe=("BBB",))
    assert source.symbols() == ("BBB",)
    assert source.read("market.prices", None, LAST)["symbol"].unique().to_list() == ["BBB"]
    assert source.read("market.esg_ratings", None, LAST).is_empty()
    assert source.read("market.index_members", None, LAST)["symbol"].n_unique() == 2


def test_an_unknown_symbol_is_named_with_its_neighbours(raw, calendar):
    with pytest.raises(
        UnknownSymbolError, match=r"no prices of: AAB \(did you mean AAA.* 3 symbols"
    ):
        FolderSource(raw, calendar, universe=("AAB", "BBB"))
    meta = raw["prices_daily"].with_columns(pl.col("symbol").replace("AAA", "META"))
    with pytest.raises(UnknownSymbolError, match=r"FB \(did you mean META"):
        FolderSource({**raw, "prices_daily": meta}, calendar, universe=("FB",))


def test_the_last_session_is_that_of_the_last_price(raw, calendar):
    assert FolderSource(raw, calendar).last_session() == LAST
    until = raw["prices_daily"].filter(pl.col("date") <= date(2024, 6, 9))
    assert FolderSource({**raw, "prices_daily": until}, calendar).last_session() == date(2024, 6, 7)


def test_simulated_facts_say_so_in_every_row(raw, calendar):
    source = FolderSource(raw, calendar, name="sample", simulated=True)
    for name in FACT_TABLES:
        assert source.read(name, None, LAST)["source"].unique().to_list() == ["SIMULATED"]


def test_the_settings_name_the_source(raw, tmp_path):
    for name, frame in raw.items():
        frame.write_parquet(tmp_path / f"{name}.parquet")
    source = open_source(load_settings(source="folder", source_folder=tmp_path, universe="AAA"))
    assert (source.name, source.simulated, source.symbols()) == ("folder", False, ("AAA",))
