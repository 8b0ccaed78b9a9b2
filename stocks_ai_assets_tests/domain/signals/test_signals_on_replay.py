"""Signals on the replay data, against what its vendor computed."""

from datetime import date

import polars as pl
import pytest

from stocks_ai_assets.domain import signals
from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.signals.returns import returns
from stocks_ai_assets.domain.transform import Parameters, Window
from stocks_ai_assets.sources.folder import FolderSource
from stocks_ai_assets.sources.raw import read_folder
from stocks_ai_assets.tables import TABLES

pytestmark = pytest.mark.real

LAST = date(2024, 8, 23)
FACTS = ("prices", "corporate_actions", "benchmarks", "companies", "macro_observations")


@pytest.fixture(scope="module")
def replayed(replay_folder):
    """Fact tables of the replay data."""
    source = FolderSource(read_folder(replay_folder), nyse())
    return {f"market.{name}": source.read(f"market.{name}", None, LAST) for name in FACTS}


def test_returns_rebuilt_from_traded_prices_agree_with_the_vendors_adjusted_closes(
    replayed, replay_folder
):
    adjusted = pl.col("adj_close").cast(pl.Float64)
    vendor = (
        pl.read_parquet(replay_folder / "prices_daily.parquet")
        .sort("symbol", "date")
        .select("symbol", session="date", vendor=adjusted / adjusted.shift(1).over("symbol") - 1.0)
    )
    ours = returns(replayed["market.prices"], replayed["market.corporate_actions"], nyse())
    gap = (
        ours.filter(pl.col("total_return").is_not_null())
        .join(vendor, on=["symbol", "session"])
        .with_columns(gap=(pl.col("total_return") - pl.col("vendor")).abs())
    )
    assert gap.height > 460_000
    # The vendor takes dividends off as a factor, which differs by return times yield.
    assert gap["gap"].quantile(0.999) < 3e-4
    # The vendor counts a spin-off twice, and pays a dividend on the shares after a reverse split.
    wrong = pl.DataFrame(
        {"symbol": ["DHR", "TMUS"], "session": [date(2016, 7, 5), date(2013, 5, 1)]}
    )
    assert gap.join(wrong, on=["symbol", "session"], how="anti")["gap"].max() < 0.05


def test_real_days_equal_their_range_to_the_last_bit(replayed, produce):
    parameters = Parameters(first_session=date(2015, 1, 2))
    facts = dict(replayed)

    def window_of(first: date, last: date) -> Window:
        partitions = nyse().between(first, last)
        return Window(partitions=partitions, calendar=nyse(), parameters=parameters)

    days = nyse().between(date(2018, 9, 20), date(2018, 10, 3))
    for declared in signals.transforms(parameters)[:4]:
        key = TABLES[declared.table].key
        facts[declared.table] = produce(declared, facts, window_of(days[0], days[-1]))
        singles = [produce(declared, facts, window_of(day, day)) for day in days]
        assert pl.concat(singles).sort(key).equals(facts[declared.table]), declared.name
