"""Prices and actions are as traded, whichever download they come from."""

from datetime import date

import polars as pl
import pytest

from stocks_ai_assets.sources.splits import is_real_split

SPLIT = date(2024, 6, 5)


def row(frame, symbol, day, column="session"):
    return frame.row(
        by_predicate=(pl.col("symbol") == symbol) & (pl.col(column) == day), named=True
    )


def test_prices_are_as_traded_on_both_sides_of_a_split(read, raw):
    prices = read(raw, "market.prices")
    before, after = row(prices, "AAA", date(2024, 6, 4)), row(prices, "AAA", SPLIT)
    assert before["close"] == 602.02
    assert after["close"] == 301.07
    assert (before["volume"], after["volume"]) == (1001.0, 1001.0)
    assert row(prices, "BBB", SPLIT)["close"] == 20.77


def test_prices_are_known_at_the_close_of_their_session(read, raw, calendar):
    prices = read(raw, "market.prices")
    assert (prices["known_on"] == prices["session"]).all()
    assert row(prices, "AAA", SPLIT)["available_at"] == calendar.cutoff(SPLIT)


@pytest.mark.parametrize("until", [date(2024, 6, 4), date(2024, 6, 5), date(2024, 6, 11)])
@pytest.mark.parametrize("table", ["market.prices", "market.corporate_actions"])
def test_an_earlier_download_gives_the_same_bits(read, raw, vendor, calendar, until, table):
    earlier = {**raw, "prices_daily": vendor(calendar, until)}
    then, now = read(earlier, table, last=until), read(raw, table, last=until)
    assert then.height > 0
    assert then.sort(then.columns).equals(now.sort(now.columns))


def test_half_cents_survive(read, raw):
    assert row(read(raw, "market.prices"), "CCC", date(2024, 5, 28))["close"] in {42.0, 42.01}
    finer = pl.col("close") + 0.005 * (pl.col("symbol") == "CCC")
    exact = {**raw, "prices_daily": raw["prices_daily"].with_columns(close=finer)}
    assert row(read(exact, "market.prices"), "CCC", date(2024, 5, 29))["close"] == 42.145


def test_dividends_and_splits_are_per_share_of_their_day(read, raw):
    actions = read(raw, "market.corporate_actions")
    paid = row(actions, "AAA", date(2024, 6, 3), "ex_date")
    split = row(actions, "AAA", SPLIT, "ex_date")
    assert (paid["dividend"], paid["split_ratio"], paid["shares_ratio"]) == (0.25, 1.0, 1.0)
    assert (split["dividend"], split["split_ratio"], split["shares_ratio"]) == (0.0, 2.0, 2.0)
    assert (actions["known_on"] == actions["ex_date"]).all()
    assert actions.height == 4


def with_action(raw, dividend, ratio, day=date(2024, 6, 7)):
    """BBB, at about 21 USD, pays a dividend beside a split ratio."""
    here = (pl.col("symbol") == "BBB") & (pl.col("date") == day)
    prices = raw["prices_daily"].with_columns(
        dividends=pl.when(here).then(dividend).otherwise("dividends"),
        stock_splits=pl.when(here).then(ratio).otherwise("stock_splits"),
    )
    return {**raw, "prices_daily": prices}


@pytest.mark.parametrize(
    ("dividend", "ratio", "kept"),
    [
        pytest.param(6.0, 1.319, 0.0, id="a spin-off coded twice counts once"),
        pytest.param(6.0, 0.5, 6.0, id="a special dividend beside a real reverse split stays"),
        pytest.param(6.0, 0.0, 6.0, id="a special dividend alone stays"),
        pytest.param(0.1, 1.319, 0.1, id="an ordinary dividend beside a spin-off stays"),
    ],
)
def test_trap_1_a_spin_off_coded_twice_counts_once(read, raw, dividend, ratio, kept):
    actions = read(with_action(raw, dividend, ratio), "market.corporate_actions")
    assert row(actions, "BBB", date(2024, 6, 7), "ex_date")["dividend"] == kept


@pytest.mark.parametrize(
    ("ratio", "real"),
    [
        (2.0, True), (1.5, True), (1.333333, True), (0.333333, True), (0.125, True), (20.0, True),
        (1.319, False), (1.04, False), (1.25, False), (1.0027455, False),
        (2.084202, False), (0.9434, False), (1.0, False),
    ],
)  # fmt: skip
def test_trap_2_share_counts_change_only_on_real_splits(read, raw, ratio, real):
    assert pl.select(is_real_split(pl.lit(ratio))).item() is real
    if ratio != 1.0:
        actions = read(with_action(raw, 0.0, ratio), "market.corporate_actions")
        found = row(actions, "BBB", date(2024, 6, 7), "ex_date")
        assert (found["split_ratio"], found["shares_ratio"]) == (ratio, ratio if real else 1.0)


def test_a_spin_off_ratio_undoes_earlier_prices_too(read, raw):
    spun = read(with_action(raw, 0.0, 1.25), "market.prices")
    plain = read(raw, "market.prices")
    before, after = date(2024, 6, 6), date(2024, 6, 7)
    assert row(spun, "BBB", before)["close"] == round(row(plain, "BBB", before)["close"] * 1.25, 3)
    assert row(spun, "BBB", after) == row(plain, "BBB", after)


def test_a_bad_ratio_spoils_no_price(read, raw):
    prices = read(with_action(raw, 0.0, -4.0), "market.prices")
    assert prices["close"].min() > 0
    assert read(with_action(raw, 0.0, -4.0), "market.corporate_actions")["split_ratio"].min() == -4
