"""Maturity: the cut at each quarter, and the market's mean before it."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.labels import market_returns
from stocks_ai_assets.domain.models.maturity import (
    known_sessions,
    market_means,
    matured_before,
    model_quarters,
    outcomes,
)
from stocks_ai_assets.domain.transform import Parameters, Window

FIRST = date(2020, 2, 10)


def window(*quarters, first=FIRST, horizon=5):
    return Window(
        partitions=quarters,
        calendar=nyse(),
        parameters=Parameters(first_session=first, horizon=horizon),
    )


def benchmark(first, last, seed=0):
    sessions = nyse().between(first, last)
    returns = np.random.default_rng(seed).normal(0.001, 0.01, len(sessions))
    return pl.DataFrame({"session": sessions, "known_on": sessions}).with_columns(
        benchmark=pl.lit("market"), open_return=pl.Series(returns)
    )


@given(
    st.lists(st.sampled_from(nyse().between(FIRST, date(2020, 12, 31))), min_size=1, max_size=30)
)
def test_only_what_matured_strictly_before_the_first_session_of_a_quarter_counts(matured):
    quarters = [date(2020, 4, 1), date(2020, 7, 1), date(2021, 1, 1)]
    found = matured_before(quarters, sorted(matured), window(*quarters))
    starts = [date(2020, 4, 1), date(2020, 7, 1), date(2021, 1, 4)]
    assert found == [sum(day < start for day in matured) for start in starts]


def test_an_outcome_that_matures_on_the_quarters_first_session_comes_too_late():
    days = [date(2020, 12, 31), date(2021, 1, 4)]
    assert matured_before([date(2021, 1, 1)], days, window(date(2021, 1, 1))) == [1]


def test_models_begin_with_the_quarter_of_the_first_session():
    assert model_quarters(window(date(2020, 7, 1)))[0] == date(2020, 1, 1)
    assert model_quarters(window(date(2020, 7, 1)))[-1] == date(2020, 7, 1)


def test_sessions_known_to_a_quarter_end_on_its_eve():
    found = known_sessions(window(date(2020, 4, 1), date(2020, 7, 1)))
    assert (found[0], found[-1]) == (FIRST, date(2020, 6, 30))
    assert known_sessions(window(date(2020, 1, 1))) == ()


def test_outcomes_lie_at_their_prediction_date_with_the_session_of_their_maturity(section_of):
    sessions = nyse().between(FIRST, date(2020, 2, 14))
    rows = pl.DataFrame(
        {
            "symbol": ["S001", "S000", "S001"],
            "prediction_date": [sessions[2], sessions[0], date(2019, 1, 2)],
            "total_return": [0.2, None, 9.0],
            "market_return": [0.1, 0.05, 9.0],
        }
    )
    found = outcomes(rows, section_of(2, sessions=sessions), window(date(2020, 4, 1)))
    nan = float("nan")
    np.testing.assert_array_equal(found.total_return, [[nan] * 5, [nan, nan, 0.2, nan, nan]])
    np.testing.assert_array_equal(found.market_return, [0.05, nan, 0.1, nan, nan])
    assert found.matured_on[0] == nyse().offset(sessions[0], 6)


def test_the_markets_mean_expands_over_all_periods_that_matured_before_the_quarter():
    rows = benchmark(date(2015, 1, 2), date(2020, 12, 31))
    quarters = [date(2020, 1, 1), date(2020, 4, 1), date(2020, 10, 1)]
    found = market_means(rows, quarters, window(*quarters))
    labels = market_returns(rows, nyse(), 5)
    for quarter in quarters:
        plain = labels.filter(pl.col("matured_on") < quarter)["market_return"].mean()
        assert found[quarter] == pytest.approx(plain, rel=1e-12)


def test_the_markets_mean_keeps_its_bits_whatever_is_known_later():
    rows = benchmark(date(2015, 1, 2), date(2020, 12, 31))
    quarter = date(2020, 4, 1)
    alone = market_means(
        rows.filter(pl.col("known_on") < quarter).reverse(), [quarter], window(quarter)
    )
    among = market_means(rows, [quarter, date(2020, 10, 1)], window(quarter, date(2020, 10, 1)))
    assert alone[quarter] == among[quarter]


def test_before_the_first_matured_period_the_markets_mean_is_unknown():
    rows = benchmark(date(2020, 3, 27), date(2020, 3, 31))
    assert np.isnan(market_means(rows, [date(2020, 4, 1)], window(date(2020, 4, 1))).popitem()[1])
