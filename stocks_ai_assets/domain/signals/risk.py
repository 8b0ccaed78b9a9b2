"""Risk signals: what the shared volatility model and beta are made of, for one symbol."""

import math

import polars as pl

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.signals.returns import YEAR, enough, histories, returns
from stocks_ai_assets.domain.transform import (
    ALL,
    Frames,
    Input,
    Parameters,
    Transform,
    Window,
)
from stocks_ai_assets.domain.windows import Windows
from stocks_ai_assets.tables import TABLES

FEATURES = (
    "log_parkinson_1",
    "log_parkinson_5",
    "log_parkinson_22",
    "log_squared_return_63",
    "log_squared_return_252",
)
"""Heterogeneous autoregressive features (Corsi 2009) of the shared volatility model."""

PARKINSON = 1.0 / (4.0 * math.log(2.0))
"""Variance of a session per squared log range (Parkinson 1980)."""

PRICE_COLUMNS = ("symbol", "session", "open", "high", "low", "close", "known_on")
BENCHMARK_COLUMNS = ("benchmark", "session", "close_return", "known_on")


def risk(frames: Frames, window: Window) -> pl.DataFrame:
    """Features of the volatility model and beta of every symbol with a price.

    Parameters
    ----------
    frames
        `prices` and `benchmarks` with 252 sessions before the window, `corporate_actions` from
        the beginning.
    window
        Sessions to produce.

    Returns
    -------
    pl.DataFrame
        Content of signals.risk; for nulls see `risk_features`.

    Notes
    -----
    Ordinary least squares of total_return on the market's close_return over the sessions of the
    last 252 that have both: beta_raw = S_xy / S_xx, residual variance = (S_yy - beta_raw * S_xy) /
    (n - 2), beta_variance = residual variance / S_xx. Null below 200 sessions.
    """
    batches = histories(
        frames["prices"], frames["corporate_actions"], window, YEAR, frames["benchmarks"]
    )
    return pl.concat([_signals(history) for history in batches])


def risk_features(
    prices: pl.DataFrame,
    corporate_actions: pl.DataFrame,
    benchmarks: pl.DataFrame,  # noqa: ARG001  # callers pass all that signals.risk is made of
) -> pl.DataFrame:
    """Features of the volatility model over the whole history, as known after the facts given.

    Parameters
    ----------
    prices, corporate_actions
        Rows of market.prices and market.corporate_actions, any order.
    benchmarks
        Not needed by the features; callers pass all that signals.risk is made of.

    Returns
    -------
    pl.DataFrame
        `symbol`, `session`, `total_return` and the features, one row for each symbol and session
        with a price, sorted by both.

    Notes
    -----
    Parkinson (1980): the variance of a session is ln(high / low)^2 / (4 ln 2). It is 0 in a session
    without any range, whose log is null; means over 5 and 22 sessions count it as 0. Logs of means
    are null where the mean is 0 or too few sessions have a value (`returns.enough`).
    """
    history = returns(prices, corporate_actions, nyse())
    return (
        _with_features(history)
        .filter("produced")
        .select("symbol", "session", "total_return", *FEATURES)
    )


def _with_features(history: pl.DataFrame) -> pl.DataFrame:
    """Add the features to a history; logs are polars', whose bits do not depend on the row."""
    windows = Windows(history, key="view")
    variance = history.select((pl.col("high") / pl.col("low")).log() ** 2 * PARKINSON).to_series()
    squared = history.get_column("total_return") ** 2
    means = {
        "log_parkinson_1": variance,
        **{f"log_parkinson_{n}": windows.mean(variance, n, min_samples=enough(n)) for n in (5, 22)},
        **{
            f"log_squared_return_{n}": windows.mean(squared, n, min_samples=enough(n))
            for n in (63, 252)
        },
    }
    return history.with_columns(
        pl.when(mean > 0.0).then(mean.log()).alias(name) for name, mean in means.items()
    )


def _with_beta(history: pl.DataFrame) -> pl.DataFrame:
    """Add the regression on the market, from sums: a return's mean is small beside its sd."""
    windows = Windows(history, key="view")
    x, y = pl.col("market_return"), pl.col("total_return")
    pair = x.is_not_null() & y.is_not_null()
    terms = history.select(
        pl.when(pair).then(term).alias(name)
        for name, term in (
            ("n", 1.0),
            ("x", x),
            ("y", y),
            ("xx", x * x),
            ("xy", x * y),
            ("yy", y * y),
        )
    )
    sums = pl.DataFrame(
        windows.total(term, YEAR, min_samples=enough(YEAR)).alias(term.name) for term in terms
    )
    n, sx, sy = pl.col("n"), pl.col("x"), pl.col("y")
    xx, xy = pl.col("xx") - sx * sx / n, pl.col("xy") - sx * sy / n
    beta = pl.when(xx > 0.0).then(xy / xx)
    residual = (pl.col("yy") - sy * sy / n - beta * xy).clip(lower_bound=0.0) / (n - 2.0)
    return history.with_columns(
        sums.select(beta_raw=beta, beta_variance=residual / xx, residual_volatility=residual.sqrt())
    )


def _signals(history: pl.DataFrame) -> pl.DataFrame:
    return (
        _with_beta(_with_features(history))
        .filter("produced")
        .select(TABLES["signals.risk"].columns)
    )


def transform(parameters: Parameters) -> Transform:  # noqa: ARG001  # one signature
    """Declaration of `signals/risk`."""
    return Transform(
        name="signals/risk",
        table="signals.risk",
        inputs={
            "prices": Input(table="market.prices", lookback=YEAR, columns=PRICE_COLUMNS),
            "corporate_actions": Input(table="market.corporate_actions", lookback=ALL),
            "benchmarks": Input(
                table="market.benchmarks", lookback=YEAR, columns=BENCHMARK_COLUMNS
            ),
        },
        by="symbol",
        function=risk,
        description=(
            "Range-based and squared-return variances for the shared volatility model, and the "
            "regression on the market over 252 sessions."
        ),
    )
