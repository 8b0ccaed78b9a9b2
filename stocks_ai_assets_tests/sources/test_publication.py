"""What was public when, independent of the code that places facts."""

from datetime import date

import polars as pl
import pytest

from stocks_ai_assets.sources.folder import FolderSource
from stocks_ai_assets.sources.layout import RAW_FILES
from stocks_ai_assets.sources.ports import FACT_TABLES
from stocks_ai_assets.sources.publication import as_downloaded, public_rows
from stocks_ai_assets.tables import table

CUTS = [date(2024, 5, 29), date(2024, 6, 4), date(2024, 6, 5), date(2024, 6, 7), date(2024, 6, 11)]


@pytest.mark.parametrize("session", CUTS)
def test_a_download_of_that_day_gives_the_facts_known_then_bit_for_bit(raw, calendar, session):
    then = FolderSource(as_downloaded(raw, session, calendar), calendar)
    now = FolderSource(raw, calendar)
    for name in FACT_TABLES:
        key = table(name).key
        known, expected = (s.read(name, None, session).sort(key) for s in (then, now))
        assert known.equals(expected), name


@pytest.mark.parametrize("session", CUTS)
def test_a_download_shows_prices_on_the_basis_of_its_day(raw, vendor, calendar, session):
    found = as_downloaded(raw, session, calendar)["prices_daily"]
    expected = vendor(calendar, session)
    assert found["close"].equals(expected["close"])
    assert found["stock_splits"].equals(expected["stock_splits"])
    assert found["volume"].round(0).to_list() == expected["volume"].to_list()


def test_rows_that_a_day_dates_are_not_public_at_its_close(raw, calendar):
    public = public_rows(raw, date(2024, 6, 6), calendar)
    assert set(public) == set(RAW_FILES)
    assert public["prices_daily"]["date"].max() == date(2024, 6, 6)
    assert public["macro_latest"].filter(series_id="DGS10").is_empty()
    assert public["macro_vintages_fredmd"]["available_date"].to_list() == [date(2024, 5, 31)]
    assert public["esg_snapshot"]["available_date"].to_list() == [date(2024, 5, 30)]
    assert public["events_earnings"]["session"].to_list() == ["amc", "bmo"]
    assert public["instruments"].height == 2


def test_the_day_of_an_announcement_decides_and_not_its_reaction(raw, calendar):
    before = public_rows(raw, date(2024, 6, 10), calendar)["events_earnings"]
    after = public_rows(raw, date(2024, 6, 11), calendar)["events_earnings"]
    assert "BBB" not in before["symbol"]
    assert "BBB" in after["symbol"]


def test_an_end_of_membership_is_hidden_until_it_has_come(raw, calendar):
    for session, end in ((date(2024, 6, 10), None), (date(2024, 6, 11), date(2024, 6, 10))):
        members = public_rows(raw, session, calendar)["sp500_membership"].filter(symbol="AAA")
        assert members["end_date"].to_list() == [end]


def test_an_invented_future_with_splits_changes_no_fact_of_the_past(raw, calendar):
    session, split_day = date(2024, 6, 6), date(2024, 6, 7)
    split = pl.DataFrame({"symbol": ["AAA"], "ex_date": [split_day], "ratio": [7.0]})
    frames = as_downloaded(raw, session, calendar, later_splits=split)
    invented = (
        frames["prices_daily"]
        .filter(pl.col("date") == session)
        .with_columns(
            pl.col("open", "high", "low", "close") * 1000,
            date=pl.lit(split_day),
            stock_splits=pl.when(pl.col("symbol") == "AAA").then(7.0).otherwise(0.0),
        )
    )
    frames["prices_daily"] = pl.concat([frames["prices_daily"], invented])
    other, now = FolderSource(frames, calendar), FolderSource(raw, calendar)
    for name in ("market.prices", "market.corporate_actions", "market.earnings"):
        key = table(name).key
        found, expected = (s.read(name, None, session).sort(key) for s in (other, now))
        assert found.equals(expected), name
