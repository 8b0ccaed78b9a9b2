"""Total returns from as-traded prices and the actions known by then."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.signals import returns as module
from stocks_ai_assets.domain.signals import risk, technical
from stocks_ai_assets.domain.signals.returns import histories, returns

N = 12
SESSIONS = nyse().between(date(2020, 1, 2), date(2020, 1, 31))[:N]
levels = st.lists(st.floats(5.0, 500.0), min_size=2 * N, max_size=2 * N)
days = st.integers(1, N - 1)


def prices_of(opens, closes, sessions=SESSIONS) -> pl.DataFrame:
    return pl.DataFrame({"session": sessions, "open": opens, "close": closes}).with_columns(
        symbol=pl.lit("AAA"), known_on="session"
    )


def actions_of(*rows: tuple[int, float, float]) -> pl.DataFrame:
    schema = {"ex_date": pl.Date, "dividend": pl.Float64, "split_ratio": pl.Float64}
    listed = [(SESSIONS[at], dividend, ratio) for at, dividend, ratio in rows]
    frame = pl.DataFrame(listed, schema=schema, orient="row")
    return frame.with_columns(symbol=pl.lit("AAA"), known_on="ex_date")


@settings(deadline=None, max_examples=25)
@given(levels=levels, at=days, ratio=st.sampled_from([0.1, 0.5, 1.5, 2.0, 3.0, 7.0, 20.0]))
def test_a_split_changes_prices_but_no_return(levels, at, ratio):
    level = np.array(levels).reshape(2, N)
    traded = level / np.where(np.arange(N) >= at, ratio, 1.0)
    plain = returns(prices_of(*level), actions_of(), nyse())
    split = returns(prices_of(*traded), actions_of((at, 0.0, ratio)), nyse())
    for name in ("total_return", "open_return"):
        gap = (1 + split[name]) / (1 + plain[name]) - 1
        assert gap.drop_nulls().abs().max() < 1e-12
    assert split["close"].to_list() == traded[1].tolist()


@settings(deadline=None, max_examples=25)
@given(levels=levels, payments=st.dictionaries(days, st.floats(0.01, 4.0), max_size=5))
def test_total_return_is_what_a_holder_earns_who_reinvests_dividends(levels, payments):
    level = np.array(levels).reshape(2, N)
    actions = actions_of(*((at, paid, 1.0) for at, paid in payments.items()))
    history = returns(prices_of(*level), actions, nyse())
    for name, price in (("open_return", level[0]), ("total_return", level[1])):
        shares = np.cumprod([1.0 + payments.get(at, 0.0) / price[at] for at in range(N)])
        growth = (1.0 + history[name].fill_null(0.0)).to_numpy().cumprod()
        np.testing.assert_allclose(growth, shares * price / price[0], rtol=1e-12)


def test_a_special_dividend_beside_a_reverse_split_is_paid_on_the_old_shares():
    # One old share of 12 becomes half a share of 16 and 4 in cash.
    history = returns(
        prices_of([12.0] * 5 + [16.0] * 7, [12.0] * 5 + [16.0] * 7),
        actions_of((5, 4.0, 0.5)),
        nyse(),
    )
    assert history["total_return"].drop_nulls().to_list() == [0.0] * 11


def test_a_hole_leaves_no_return_on_its_session_or_the_next():
    closes = np.linspace(10.0, 20.0, N)
    prices = prices_of(closes, closes).filter(pl.col("session") != SESSIONS[4])
    history = returns(prices, actions_of(), nyse())
    missing = history.filter(pl.col("total_return").is_null())["session"].to_list()
    assert missing == [SESSIONS[0], SESSIONS[4], SESSIONS[5]]
    assert history["open_return"].null_count() == 3
    assert history["produced"].sum() == N - 1


def test_one_symbol_does_not_return_from_the_price_of_another():
    closes = np.full(N, 10.0)
    other = prices_of(closes, closes * 2).with_columns(symbol=pl.lit("AAB"))
    both = pl.concat([other, prices_of(closes, closes)])
    history = returns(both, actions_of(), nyse())
    first = history.filter(pl.col("session") == SESSIONS[0])
    assert first["total_return"].null_count() == 2


def test_nothing_comes_from_nothing():
    assert returns(prices_of([1.0] * N, [1.0] * N).clear(), actions_of(), nyse()).is_empty()


def test_every_price_known_at_its_close_is_produced_once(corrected, window_of):
    window = window_of(SESSIONS[0], date(2020, 6, 30))
    prices, actions = corrected["market.prices"], corrected["market.corporate_actions"]
    produced = pl.concat(
        history.filter("produced").select("symbol", "session")
        for history in histories(prices, actions, window, 252, corrected["market.benchmarks"])
    )
    on_time = window.only(prices.filter(pl.col("known_on") == pl.col("session")), "session")
    key = ["symbol", "session"]
    assert produced.sort(key).equals(on_time.select(key).sort(key))


def test_a_dividend_announced_years_before_its_ex_date_is_not_forgotten(
    facts, window_of, produce, signal_parameters
):
    actions = facts["market.corporate_actions"]
    early = actions.with_columns(known_on=pl.lit(date(2019, 1, 2)))
    window = window_of(date(2020, 6, 1), date(2020, 6, 30))
    declared = technical.transform(signal_parameters)
    announced = produce(declared, {**facts, "market.corporate_actions": early}, window)
    assert announced.equals(produce(declared, facts, window))


@pytest.mark.parametrize("module_", [technical, risk])
def test_with_corrections_a_range_still_equals_its_days(
    module_, corrected, window_of, produce, signal_parameters
):
    declared = module_.transform(signal_parameters)
    window = window_of(date(2020, 6, 12), date(2020, 6, 30))
    whole = produce(declared, corrected, window)
    days = [produce(declared, corrected, window_of(day, day)) for day in window.partitions]
    assert whole.equals(pl.concat(days).sort("symbol", "session"))


@pytest.mark.parametrize("module_", [technical, risk])
def test_a_correction_changes_nothing_before_it_was_known(
    module_, facts, corrected, window_of, produce, signal_parameters
):
    declared = module_.transform(signal_parameters)
    window = window_of(date(2020, 6, 1), date(2020, 6, 30))
    before, after = produce(declared, facts, window), produce(declared, corrected, window)
    unaware = pl.col("session") < window.partitions[-8]
    assert after.filter(unaware).equals(before.filter(unaware))
    for symbol in ("AAA", "BBB", "CCC"):
        rows = pl.col("symbol") == symbol
        assert not after.filter(rows).equals(before.filter(rows)), symbol


def test_a_late_price_closes_the_hole_from_the_day_it_is_known(
    corrected, window_of, produce, signal_parameters
):
    window = window_of(date(2020, 6, 12), date(2020, 6, 30))
    rows = produce(technical.transform(signal_parameters), corrected, window).filter(
        pl.col("symbol") == "DDD"
    )
    known = rows["momentum_126_21"].is_not_null().to_list()
    assert known == [False] * (len(known) - 4) + [True] * 4


def test_batches_change_no_bit(corrected, window_of, produce, signal_parameters, monkeypatch):
    window = window_of(date(2020, 6, 1), date(2020, 6, 30))
    declared = risk.transform(signal_parameters)
    whole = produce(declared, corrected, window)
    monkeypatch.setattr(module, "BATCH_ROWS", 500)
    assert produce(declared, corrected, window).equals(whole)
