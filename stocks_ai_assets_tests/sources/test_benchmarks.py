"""The market is kept as returns."""

from datetime import date

import polars as pl

from stocks_ai_assets.sources.intake import intake


def test_market_returns_do_not_depend_on_the_basis_of_adjustment(read, raw):
    rescaled = raw["benchmarks_daily"].with_columns(pl.col("open", "close") * 0.9731)
    now = read(raw, "market.benchmarks")
    later = read({**raw, "benchmarks_daily": rescaled}, "market.benchmarks")
    assert now["benchmark"].unique().to_list() == ["market"]
    assert now["close_return"][0] == round(501.5 / 500.5 - 1, 10)
    assert now["open_return"][0] == round(501.0 / 500.0 - 1, 10)
    assert now.equals(later)


def test_the_first_price_has_no_return_and_a_gap_is_set_aside(read, raw):
    gap = date(2024, 6, 5)
    holed = raw["benchmarks_daily"].filter(pl.col("date") != gap)
    taken = intake(
        "market.benchmarks", read({**raw, "benchmarks_daily": holed}, "market.benchmarks")
    )
    sessions = taken.valid["session"].to_list()
    assert date(2024, 5, 28) not in sessions
    assert date(2024, 6, 6) not in sessions
    assert date(2024, 6, 7) in sessions
    assert taken.quarantined["known_on"].to_list() == [date(2024, 6, 6)]
