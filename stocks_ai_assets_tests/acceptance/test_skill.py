"""Rank correlation and its t once more, in plain Python, from stored predictions and outcomes."""

from datetime import date
from math import sqrt

import polars as pl
import pytest

pytestmark = pytest.mark.real

AGENT = "technical"
HORIZON = 21


def ranks(values):
    """Average-tie ranks, from 0."""
    order = sorted(range(len(values)), key=values.__getitem__)
    result, start = [0.0] * len(values), 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for place in order[start : end + 1]:
            result[place] = (start + end) / 2
        start = end + 1
    return result


def rank_correlation(x, y):
    x, y = ranks(x), ranks(y)
    middle = (len(x) - 1) / 2
    covariance = sum((a - middle) * (b - middle) for a, b in zip(x, y, strict=True))
    spread = sum((a - middle) ** 2 for a in x) * sum((b - middle) ** 2 for b in y)
    return covariance / sqrt(spread)


def newey_west_t(series, lags):
    n, middle = len(series), sum(series) / len(series)
    d = [value - middle for value in series]
    variance = sum(a * a for a in d)
    for lag in range(1, lags + 1):
        weight = 1 - lag / (lags + 1)
        variance += 2 * weight * sum(a * b for a, b in zip(d[lag:], d[:-lag], strict=True))
    return middle / (sqrt(variance) / n)


def shrunk(betas):
    """Vasicek's betas of (beta, squared standard error): drawn to the mean of the session."""
    values = [beta for beta, _ in betas.values()]
    middle = sum(values) / len(values)
    spread = sum((beta - middle) ** 2 for beta in values) / (len(values) - 1)
    return {
        name: (spread * beta + error * middle) / (spread + error)
        for name, (beta, error) in betas.items()
    }


@pytest.fixture(scope="module")
def correlations(table):
    """By prediction date: session of maturity, rank correlation with raw and residual returns."""
    scores = table("agents.predictions", "symbol", "prediction_date", "score", only=AGENT)
    risk = table("signals.risk", "symbol", "session", "beta_raw", "beta_variance").drop_nulls()
    outcomes = table("evaluation.outcomes").drop_nulls("total_return")
    joined = (
        outcomes.join(scores, on=["symbol", "prediction_date"])
        .filter(pl.col("symbol") != "GOOGL")  # one issuer, one vote: that of GOOG
        .sort("prediction_date", "symbol")
    )
    betas = {
        day: shrunk({name: (beta, error) for name, beta, error in zip(*rows, strict=True)})
        for day, *rows in risk.filter(pl.col("symbol") != "GOOGL")
        .group_by("session")
        .agg("symbol", "beta_raw", "beta_variance")
        .iter_rows()
    }
    result = {}
    columns = ("symbol", "score", "total_return", "market_return", "matured_on")
    for day, names, score, total, market, matured in (
        joined.group_by("prediction_date", maintain_order=True).agg(columns).iter_rows()
    ):
        beta = betas[day]
        residual = [r - beta[s] * m for s, r, m in zip(names, total, market, strict=True)]
        result[day] = (
            matured[0],
            rank_correlation(score, total),
            rank_correlation(score, residual),
        )
    return result


@pytest.mark.parametrize(("label", "column"), [("raw", 1), ("residual", 2)])
def test_rank_correlation_and_t_of_an_agent_are_those_of_its_predictions(
    label, column, correlations, table, last_quarter
):
    series = [each[column] for each in correlations.values() if each[0] < last_quarter]
    stored = table("evaluation.agent_skill").filter(
        pl.col("quarter") == last_quarter,
        pl.col("agent") == AGENT,
        pl.col("label") == label,
        pl.col("window") == "all",
    )
    row = stored.row(0, named=True)
    assert row["n_sessions"] == len(series)
    assert row["rank_ic"] == pytest.approx(sum(series) / len(series), abs=1e-9)
    assert row["t_newey_west"] == pytest.approx(newey_west_t(series, 31), abs=1e-6)


# Later models have scores without a prediction: trading in BIIB was halted all of 2020-11-06, and a
# session without a range has no volatility forecast.
@pytest.mark.parametrize("quarter", [date(2016, 1, 1), date(2019, 10, 1)])
def test_a_models_skill_is_the_shrunk_mean_of_what_had_matured_before_its_quarter(
    quarter, correlations, table
):
    known = [each for each in correlations.values() if each[0] < quarter]
    periods = len(known) / HORIZON
    expected = {
        "rank_ic_raw": sum(each[1] for each in known) / len(known),
        "rank_ic": sum(each[2] for each in known) / len(known),
    }
    expected["ic"] = max(0.0, periods * expected["rank_ic"] / (periods + 60))
    model = table("agents.models").filter(pl.col("model") == AGENT, pl.col("quarter") == quarter)
    stored = {pair["key"]: pair["value"] for pair in model.item(0, "parameters")}
    assert {name: stored[name] for name in expected} == pytest.approx(expected, abs=1e-9)
    assert model.item(0, "n_sessions") == len(known)
