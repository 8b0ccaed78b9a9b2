"""The replay data is there and is what the tests expect."""

import polars as pl
import pytest


@pytest.mark.real
def test_the_replay_prices_cover_108_symbols_to_august_2024(replay_folder):
    prices = pl.read_parquet(replay_folder / "prices_daily.parquet", columns=["symbol", "date"])
    assert prices["symbol"].n_unique() == 108
    assert str(prices["date"].max()) == "2024-08-23"
