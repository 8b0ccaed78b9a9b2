"""Risk: a forecast from the past alone, against a plain recursion."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from stocks_ai_assets.domain.portfolio.risk import REACH, portfolio_risk, risk_forecasts
from stocks_ai_assets.tables import TABLES

KEY = ["strategy", "session"]


@pytest.fixture(scope="module")
def returns(sessions):
    """Two strategies with clustered volatility; the second starts 30 sessions late."""
    rng = np.random.default_rng(8)
    n = len(sessions) - 2
    frames = []
    for name, start in (("long_only", 0), ("market", 30)):
        volatility = 0.01 * np.exp(np.sin(np.arange(n) / 40))
        frames.append(
            pl.DataFrame(
                {
                    "strategy": [name] * n,
                    "session": sessions[2:],
                    "horizon": [5] * n,
                    "net_return": np.where(
                        np.arange(n) < start, 0.0, rng.standard_normal(n) * volatility
                    ),
                    "n_long": np.where(np.arange(n) < start, 0, 3),
                    "n_short": [0] * n,
                },
                schema_overrides={"horizon": pl.Int32, "n_long": pl.Int32, "n_short": pl.Int32},
            )
        )
    return pl.concat(frames)


@pytest.fixture(scope="module")
def table(returns, window, sessions):
    return portfolio_risk({"returns": returns}, window(0, len(sessions) - 1))


def plain_forecast(past):
    """The recursion, one step after the other."""
    variance = np.mean(np.square(past[:63]))
    standardized = []
    for r in past[63:]:
        standardized.append(r / np.sqrt(variance))
        variance = 0.94 * variance + 0.06 * r**2
    sample = np.array(standardized[-504:])
    result = {"volatility": np.sqrt(variance)}
    for name, p in (("95", 0.05), ("99", 0.01)):
        quantile = np.quantile(sample, p)
        result[f"var_{name}"] = -quantile * np.sqrt(variance)
        result[f"es_{name}"] = -sample[sample <= quantile].mean() * np.sqrt(variance)
    return result


def test_it_keeps_its_contract(table, returns):
    TABLES["portfolio.risk"].contract.validate(table)
    assert table.height == returns.height


@pytest.mark.parametrize("at", [252, 400, 620])
def test_forecasts_follow_the_recursion_over_the_returns_before(table, returns, at):
    net = returns.filter(strategy="long_only")["net_return"].to_numpy()
    row = table.filter(strategy="long_only").sort("session").row(at, named=True)
    for name, expected in plain_forecast(net[:at]).items():
        assert row[name] == pytest.approx(expected), name
    assert row["breach_95"] == (net[at] < -row["var_95"])


def test_a_forecast_sees_at_most_its_lookback():
    rng = np.random.default_rng(1)
    past = rng.normal(0, 0.01, 900)
    got = risk_forecasts(past[None, -REACH:])
    assert got["var_99"][0] == pytest.approx(plain_forecast(past[-REACH:])["var_99"])


def test_there_is_no_forecast_before_252_returns_and_cash_does_not_count(table):
    for strategy, start in (("long_only", 0), ("market", 30)):
        rows = table.filter(strategy=strategy).sort("session")
        assert rows["var_95"].null_count() == 252 + start
        assert rows["var_95"][: 252 + start].null_count() == 252 + start
        assert rows["breach_99"].null_count() == 252 + start


def test_a_session_does_not_move_its_own_forecast(table, returns, window, sessions):
    last = sessions[-1]
    crash = returns.with_columns(
        net_return=pl.when(pl.col("session") == last).then(-0.5).otherwise("net_return")
    )
    got = portfolio_risk({"returns": crash}, window(len(sessions) - 1, len(sessions) - 1))
    expected = table.filter(pl.col("session") == last)
    columns = ["strategy", "volatility", "var_95", "es_95", "var_99", "es_99"]
    assert_frame_equal(
        got.select(columns).sort("strategy"),
        expected.select(columns).sort("strategy"),
        check_exact=True,
    )
    assert got["breach_99"].all()


def test_shortfall_is_beyond_value_at_risk_and_99_beyond_95(table):
    known = table.drop_nulls("var_95")
    assert (known["es_95"] >= known["var_95"]).all()
    assert (known["es_99"] >= known["var_99"]).all()
    assert (known["var_99"] >= known["var_95"]).all()


def test_breaches_come_about_as_often_as_promised(table):
    assert table["breach_95"].mean() == pytest.approx(0.05, abs=0.02)
    assert table["breach_99"].mean() == pytest.approx(0.01, abs=0.012)


def test_a_strategy_that_never_moved_has_no_forecast(window, sessions, returns):
    still = returns.with_columns(net_return=pl.lit(0.0))
    got = portfolio_risk({"returns": still}, window(600, 610))
    assert got["volatility"].null_count() == got.height
    assert got["breach_95"].null_count() == got.height


def test_a_day_alone_with_its_lookback_gives_the_bits_of_the_range(
    table, returns, window, sessions
):
    for i in (2, 253, 254, 300, len(sessions) - 1):
        known = returns.filter(pl.col("session") <= sessions[i])
        known = known.sample(fraction=1.0, shuffle=True, seed=1)
        alone = portfolio_risk({"returns": known}, window(i, i))
        expected = table.filter(pl.col("session") == sessions[i])
        assert expected.height == 2
        assert_frame_equal(alone.sort(KEY), expected.sort(KEY), check_exact=True)
