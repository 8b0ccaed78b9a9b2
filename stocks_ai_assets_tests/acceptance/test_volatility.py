"""The volatility forecast beats the two simplest ones in hindsight, and value at risk was kept."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import chi2

pytestmark = pytest.mark.real

MONTH = 21


@pytest.fixture(scope="module")
def history(vendor, symbols, sessions):
    """Squared returns from 2007 on, days x symbols, and the row of the first session."""
    wide = vendor.pivot("symbol", index="date", values="close_return").sort("date")
    squares = wide.select(symbols).to_numpy() ** 2
    return squares, wide["date"].to_list().index(sessions[0])


def qlike(forecast, realized):
    """Mean of realized / forecast - ln(realized / forecast) - 1 (Patton 2011)."""
    ratio = realized / forecast
    return float(np.mean(ratio - np.log(ratio) - 1.0))


def following(squares):
    """Mean square of the 21 sessions after each one; NaN where one is missing."""
    result = np.full(squares.shape, np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(squares[1:], MONTH, axis=0)
    result[: len(windows)] = windows.mean(axis=-1)
    return result


def smoothed(squares):
    """RiskMetrics: .94 of the variance before, .06 of the newest square."""
    result = np.full(squares.shape, np.nan)
    variance = np.full(squares.shape[1], np.nan)
    for day, square in enumerate(squares):
        moved = np.where(np.isnan(variance), square, 0.94 * variance + 0.06 * square)
        variance = np.where(np.isnan(square), variance, moved)
        result[day] = variance
    return result


def of_the_last_year(squares):
    """Mean square of the 252 sessions up to each one."""
    result = np.full(squares.shape, np.nan)
    result[251:] = np.lib.stride_tricks.sliding_window_view(squares, 252, axis=0).mean(axis=-1)
    return result


def test_the_forecast_of_next_months_variance_beats_ewma_and_last_years_variance(
    history, table, matrix
):
    squares, start = history
    rows = table("agents.predictions", "symbol", "prediction_date", "volatility", only="risk")
    forecasts = {
        "har": matrix(rows, "volatility", "prediction_date") ** 2,
        "ewma": smoothed(squares)[start:],
        "year": of_the_last_year(squares)[start:],
    }
    realized = following(squares)[start:]
    use = realized > 0.0
    for forecast in forecasts.values():
        use &= forecast > 0.0
    assert use.sum() > 245_000
    losses = {name: qlike(each[use], realized[use]) for name, each in forecasts.items()}
    assert losses["har"] < min(losses["ewma"], losses["year"]), losses  # .347, .449, .480


def test_every_prediction_of_a_session_states_the_same_volatility(table):
    rows = table("agents.predictions", "symbol", "prediction_date", "volatility")
    different = rows.group_by("symbol", "prediction_date").agg(pl.col("volatility").n_unique())
    assert different["volatility"].max() == 1


def test_value_at_risk_tests_are_those_of_the_stored_breaches(table, last_quarter):
    stored = table("evaluation.var_backtests").filter(pl.col("quarter") == last_quarter)
    assert stored.height == 10
    risk = table("portfolio.risk").filter(pl.col("session") < last_quarter).sort("session")
    for row in stored.iter_rows(named=True):
        name = f"{row['level']:.2f}"[2:]
        of = risk.filter(pl.col("strategy") == row["strategy"], pl.col(f"var_{name}").is_not_null())
        breach = (of["net_return"] < -of[f"var_{name}"]).to_numpy()
        kupiec, independence, conditional = coverage_tests(breach, 1.0 - row["level"])
        assert (row["n_sessions"], row["n_breaches"]) == (len(breach), breach.sum())
        assert row["kupiec_p"] == pytest.approx(kupiec, rel=1e-9)
        assert row["christoffersen_p"] == pytest.approx(independence, rel=1e-9)
        assert row["conditional_p"] == pytest.approx(conditional, rel=1e-9)


def coverage_tests(breach, promised):
    """p of Kupiec 1995 and of Christoffersen 1998, likelihoods summed session by session."""
    before, after = breach[:-1], breach[1:]
    rate = np.where(before, after[before].mean(), after[~before].mean())
    kupiec = 2.0 * (log_likelihood(breach, breach.mean()) - log_likelihood(breach, promised))
    independence = 2.0 * (log_likelihood(after, rate) - log_likelihood(after, after.mean()))
    return chi2.sf(kupiec, 1), chi2.sf(independence, 1), chi2.sf(kupiec + independence, 2)


def log_likelihood(happened, probability):
    return np.log(np.where(happened, probability, 1.0 - probability)).sum()
