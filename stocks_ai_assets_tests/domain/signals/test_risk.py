"""Inputs of the volatility model, and beta."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from stocks_ai_assets.domain.agents.exposure import VOLATILITY_FEATURES
from stocks_ai_assets.domain.signals import risk
from stocks_ai_assets.domain.signals.returns import enough

WINDOW = date(2020, 6, 1), date(2020, 6, 30)


@pytest.fixture(scope="module")
def rows(facts, window_of, produce, signal_parameters):
    return produce(risk.transform(signal_parameters), facts, window_of(*WINDOW))


@pytest.fixture(scope="module")
def history(facts):
    """Features of all sessions, as the volatility model sees them."""
    tables = ("market.prices", "market.corporate_actions", "market.benchmarks")
    return risk.risk_features(*(facts[name] for name in tables))


def test_beta_is_least_squares_on_the_sessions_that_have_both_returns(
    history, facts, window_of, produce, signal_parameters
):
    missing = window_of(date(2020, 2, 3), date(2020, 3, 6)).partitions
    market = facts["market.benchmarks"].filter(~pl.col("session").is_in(missing))
    window = window_of(WINDOW[1], WINDOW[1])
    known = {**facts, "market.benchmarks": market}
    row = produce(risk.transform(signal_parameters), known, window).filter(
        pl.col("symbol") == "BBB"
    )
    year = history.filter(pl.col("symbol") == "BBB").sort("session").tail(252)
    pairs = year.join(market.select("session", "close_return"), on="session").sort("session")
    n = pairs.height
    assert n == 252 - len(missing)
    design = np.column_stack([np.ones(n), pairs["close_return"].to_numpy()])
    line, squares, *_ = np.linalg.lstsq(design, pairs["total_return"].to_numpy(), rcond=None)
    residual = squares[0] / (n - 2)
    assert row["beta_raw"].item() == pytest.approx(line[1], rel=1e-9)
    error = residual * np.linalg.inv(design.T @ design)[1, 1]
    assert row["beta_variance"].item() == pytest.approx(error, rel=1e-9)
    assert row["residual_volatility"].item() == pytest.approx(np.sqrt(residual), rel=1e-9)


def test_beta_needs_200_sessions_with_both_returns(facts, window_of, produce, signal_parameters):
    benchmarks = facts["market.benchmarks"].sort("session")
    declared, window = risk.transform(signal_parameters), window_of(WINDOW[1], WINDOW[1])

    def beta(sessions: int) -> float | None:
        known = {**facts, "market.benchmarks": benchmarks.tail(sessions)}
        found = produce(declared, known, window).filter(pl.col("symbol") == "BBB")
        return found["beta_raw"].item()

    assert beta(199) is None
    assert beta(200) is not None


def test_the_features_are_logs_of_mean_variances(rows, history, facts):
    last = rows.filter(pl.col("symbol") == "BBB", pl.col("session") == WINDOW[1])
    prices = facts["market.prices"].filter(pl.col("symbol") == "BBB").sort("session")
    variance = np.log((prices["high"] / prices["low"]).to_numpy()) ** 2 / (4.0 * np.log(2.0))
    squared = history.filter(pl.col("symbol") == "BBB")["total_return"].to_numpy() ** 2
    expected = {
        "log_parkinson_1": variance[-1:],
        "log_parkinson_5": variance[-5:],
        "log_parkinson_22": variance[-22:],
        "log_squared_return_63": squared[-63:],
        "log_squared_return_252": squared[-252:],
    }
    for name, values in expected.items():
        assert last[name].item() == pytest.approx(np.log(values.mean()), rel=1e-12), name


def test_a_session_without_any_range_has_no_log_but_counts_as_calm(
    facts, window_of, produce, signal_parameters
):
    window = window_of(WINDOW[1], WINDOW[1])
    flat = (pl.col("symbol") == "BBB") & (pl.col("session") == WINDOW[1])
    price = pl.when(flat).then("close")
    prices = facts["market.prices"].with_columns(
        price.otherwise(name).alias(name) for name in ("open", "high", "low")
    )
    declared = risk.transform(signal_parameters)
    calm = produce(declared, {**facts, "market.prices": prices}, window)
    usual = produce(declared, facts, window)
    calm, usual = (f.filter(pl.col("symbol") == "BBB") for f in (calm, usual))
    assert calm["log_parkinson_1"].item() is None
    share = 1.0 - np.exp(usual["log_parkinson_1"] - usual["log_parkinson_5"]).item() / 5.0
    change = calm["log_parkinson_5"].item() - usual["log_parkinson_5"].item()
    assert change == pytest.approx(np.log(share), rel=1e-9)


def test_a_hole_does_not_silence_the_features_and_a_short_history_does(history):
    holed = history.filter(pl.col("symbol") == "DDD").sort("session")
    assert holed["total_return"].tail(60).null_count() == 1
    assert holed.tail(60).select(risk.FEATURES).null_count().sum_horizontal().item() == 0
    young = history.filter(pl.col("symbol") == "CCC").sort("session")
    known = young["log_squared_return_252"].is_not_null().to_list()
    assert known.index(True) == enough(252) == 200


def test_what_the_volatility_model_learns_from_is_what_it_is_applied_to(rows, history):
    assert risk.FEATURES == VOLATILITY_FEATURES
    key = ["symbol", "session"]
    same = rows.select(*key, *risk.FEATURES)
    assert (
        history.select(*key, *risk.FEATURES).join(same, on=key, how="semi").sort(key).equals(same)
    )
