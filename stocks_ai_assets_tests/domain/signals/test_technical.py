"""Momentum, volatility and traded value from prices alone."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.signals import risk, technical

LATE = date(2020, 6, 1), date(2020, 6, 30)
EVERYTHING = date(2019, 1, 2), date(2020, 6, 30)


def test_the_signals_are_what_their_names_say(facts, window_of, produce, signal_parameters):
    window = window_of(*LATE)
    row = produce(technical.transform(signal_parameters), facts, window).filter(
        pl.col("symbol") == "BBB", pl.col("session") == window.last
    )
    prices = facts["market.prices"].filter(pl.col("symbol") == "BBB").sort("session")
    actions = facts["market.corporate_actions"].filter(pl.col("symbol") == "BBB")
    paid = prices.join(actions, left_on="session", right_on="ex_date", how="left")
    close = paid["close"].to_numpy()
    worth = close * paid["split_ratio"].fill_null(1.0) + paid["dividend"].fill_null(0.0)
    daily = worth.to_numpy()[1:] / close[:-1] - 1.0
    assert row["total_return"].item() == pytest.approx(daily[-1], rel=1e-12)
    for window_ in (21, 63, 126):
        expected = np.std(daily[-window_:], ddof=1)
        assert row[f"volatility_{window_}"].item() == pytest.approx(expected, rel=1e-12)
    for reach in (126, 252):
        expected = np.prod(1.0 + daily[-reach:-21]) - 1.0
        assert row[f"momentum_{reach}_21"].item() == pytest.approx(expected, rel=1e-12)
    traded = np.mean((close * prices["volume"].to_numpy())[-21:])
    assert row["dollar_volume_21"].item() == pytest.approx(traded, rel=1e-12)


def test_trap_10_a_short_history_is_unknown_not_a_miss(
    facts, window_of, produce, signal_parameters
):
    rows = produce(technical.transform(signal_parameters), facts, window_of(*EVERYTHING))
    listed = rows.filter(pl.col("symbol") == "CCC").sort("session")
    known = listed["momentum_252_21"].is_not_null().to_list()
    assert known == [False] * 252 + [True] * (len(known) - 252)
    assert listed["total_return"].null_count() == 1
    assert listed["volatility_21"][:16].null_count() == 16


def test_trap_11_prices_stay_as_traded_on_both_sides_of_a_split(
    facts, window_of, produce, signal_parameters
):
    rows = produce(technical.transform(signal_parameters), facts, window_of(*EVERYTHING))
    day = nyse().between(*EVERYTHING)[300]
    around = rows.filter(
        pl.col("symbol") == "AAA",
        pl.col("session").is_between(nyse().offset(day, -3), nyse().offset(day, 3)),
    )
    assert around["close"][3] / around["close"][2] == pytest.approx(0.25, abs=0.03)
    assert around["total_return"].abs().max() < 0.1
    assert around["open_return"].abs().max() < 0.1


@pytest.mark.parametrize("module", [technical, risk])
def test_a_range_equals_its_days_to_the_last_bit(
    module, facts, window_of, produce, signal_parameters
):
    declared = module.transform(signal_parameters)
    window = window_of(date(2020, 6, 15), date(2020, 6, 30))
    days = [produce(declared, facts, window_of(day, day)) for day in window.partitions]
    assert produce(declared, facts, window).equals(pl.concat(days).sort("symbol", "session"))


@pytest.mark.parametrize("module", [technical, risk])
def test_longer_history_other_symbols_and_the_order_of_rows_change_no_bit(
    module, facts, window_of, produce, signal_parameters
):
    declared, window = module.transform(signal_parameters), window_of(*LATE)
    exact = produce(declared, facts, window)
    everything = {name: facts[read.table] for name, read in declared.inputs.items()}
    shuffled = {
        name: frame.sample(fraction=1.0, shuffle=True, seed=3) for name, frame in everything.items()
    }
    whole = declared.function(shuffled, window_of(*EVERYTHING)).sort("symbol", "session")
    assert window.only(whole, "session").equals(exact)
    alone = {
        name: frame.filter(pl.col("symbol") == "BBB") if "symbol" in frame.columns else frame
        for name, frame in shuffled.items()
    }
    one = declared.function(alone, window).sort("session")
    assert one.equals(exact.filter(pl.col("symbol") == "BBB"))


@pytest.mark.parametrize("module", [technical, risk])
def test_without_prices_there_are_no_rows(module, facts, window_of, produce, signal_parameters):
    nothing = {name: frame.clear() for name, frame in facts.items()}
    assert produce(module.transform(signal_parameters), nothing, window_of(*LATE)).is_empty()
