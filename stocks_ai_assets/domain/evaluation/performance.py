"""What the strategies earned, and how much of it luck and search would explain."""

import math
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from stocks_ai_assets.domain.calendar import SESSIONS_PER_YEAR
from stocks_ai_assets.domain.evaluation.deflated_sharpe import (
    expected_maximum,
    probabilistic_sharpe,
)
from stocks_ai_assets.domain.evaluation.newey_west import automatic_lags, standard_error
from stocks_ai_assets.domain.panel import Floats
from stocks_ai_assets.domain.portfolio.weights import STRATEGIES
from stocks_ai_assets.domain.transform import (
    ALL,
    Frames,
    Input,
    Parameters,
    Transform,
    Window,
    first_session_of,
)
from stocks_ai_assets.tables import TABLES

MIN_SESSIONS = 63
"""Below a quarter of returns only their number is reported."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Moments:
    """Figures of one series of returns; NaN where a series is too short or constant."""

    n: int
    annual_return: float
    volatility: float
    sharpe: float
    skewness: float
    kurtosis: float
    max_drawdown: float


def moments(returns: Floats) -> Moments:
    """Describe a series of simple returns.

    Parameters
    ----------
    returns
        One fraction per session, oldest first.

    Returns
    -------
    Moments
        `annual_return` compound, a fraction a year; `volatility` and `sharpe` per session (no
        riskless rate is deducted); `max_drawdown` from the highest level so far, 0 or negative.
    """
    n = len(returns)
    if n < MIN_SESSIONS:
        nan = math.nan
        return Moments(
            n=n,
            annual_return=nan,
            volatility=nan,
            sharpe=nan,
            skewness=nan,
            kurtosis=nan,
            max_drawdown=nan,
        )
    levels = np.cumprod(1.0 + returns)
    highs = np.maximum.accumulate(np.maximum(levels, 1.0))
    mean = float(returns.sum()) / n
    deviation = returns - mean
    squares = deviation * deviation
    second = float(squares.sum()) / n
    # A constant series leaves rounding errors of this size.
    varies = second > (1e-12 * max(abs(mean), 1e-12)) ** 2
    volatility = math.sqrt(second * n / (n - 1)) if varies else 0.0
    return Moments(
        n=n,
        annual_return=max(float(levels[-1]), 0.0) ** (SESSIONS_PER_YEAR / n) - 1.0,
        volatility=volatility,
        sharpe=mean / volatility if varies else math.nan,
        skewness=float((squares * deviation).sum()) / n / second**1.5 if varies else math.nan,
        kurtosis=float((squares * squares).sum()) / n / second**2 if varies else math.nan,
        max_drawdown=min(float((levels / highs).min()) - 1.0, 0.0),
    )


def performance(frames: Frames, window: Window) -> pl.DataFrame:
    """Figures of every strategy from its first position to the eve of each quarter.

    Parameters
    ----------
    frames
        `returns`: portfolio.returns; `skill`: evaluation.agent_skill; `trials`: the ledger.
    window
        Quarters.

    Returns
    -------
    pl.DataFrame
        Content of evaluation.performance; no row for a strategy before its first position.

    Notes
    -----
    The deflated Sharpe ratio takes N from the ledger and the variance of Sharpe ratios from what
    was known at the quarter: the strategies that follow a score (net) and the agents' staggered
    residual quintile spreads (gross). It is null for `market` and `equal_weight`, which nobody
    chose by their result.
    """
    n_trials = max(frames["trials"].get_column("trial_id").n_unique(), 1)
    returns = (
        frames["returns"]
        .sort("strategy", "session")
        .filter(pl.col("n_long").add(pl.col("n_short")).cum_sum().over("strategy") > 0)
    )
    strategies = returns.partition_by("strategy", maintain_order=True, as_dict=True)
    rows = []
    for quarter in window.partitions:
        first = first_session_of(quarter, window)
        past = {
            str(key[0]): rows_of.filter(pl.col("session") < first)
            for key, rows_of in strategies.items()
        }
        figures = {
            strategy: moments(rows_of.get_column("net_return").to_numpy())
            for strategy, rows_of in past.items()
            if not rows_of.is_empty()
        }
        followed = [figures[s].sharpe for s in STRATEGIES if s in figures]
        variance = _variance([*followed, *_spread_sharpes(frames["skill"], quarter)])
        threshold = expected_maximum(n_trials, variance)
        rows += [
            _row(quarter, strategy, past[strategy], figure, n_trials, threshold)
            for strategy, figure in figures.items()
        ]
    return pl.DataFrame(rows, schema=TABLES["evaluation.performance"].schema).with_columns(
        pl.col(pl.Float64).fill_nan(None)
    )


def _row(  # one row of the contract
    quarter: date,
    strategy: str,
    returns: pl.DataFrame,
    figure: Moments,
    n_trials: int,
    threshold: float,
) -> dict[str, object]:
    net = returns.get_column("net_return").to_numpy()
    error = standard_error(net, automatic_lags(figure.n)) if figure.volatility > 0.0 else math.nan
    year = math.sqrt(SESSIONS_PER_YEAR)
    followed = strategy in STRATEGIES
    deflated = probabilistic_sharpe(
        figure.sharpe, threshold, n=figure.n, skewness=figure.skewness, kurtosis=figure.kurtosis
    )
    return {
        "quarter": quarter,
        "strategy": strategy,
        "horizon": returns.item(0, "horizon"),
        "n_sessions": figure.n,
        "annual_return": figure.annual_return,
        "annual_volatility": figure.volatility * year,
        "sharpe": figure.sharpe * year,
        "sharpe_t": float(net.sum()) / figure.n / error if error > 0.0 else math.nan,
        "deflated_sharpe": deflated if followed else math.nan,
        "expected_max_sharpe": threshold if followed else math.nan,
        "n_trials": n_trials,
        "max_drawdown": figure.max_drawdown,
        "mean_turnover": float(returns.get_column("turnover").to_numpy().sum()) / figure.n,
        "cost": float(returns.get_column("cost").to_numpy().sum()) / figure.n * SESSIONS_PER_YEAR,
    }


def _spread_sharpes(skill: pl.DataFrame, quarter: date) -> list[float]:
    """Sharpe ratios per session of the agents' spreads, as known at `quarter`."""
    known = skill.filter(
        (pl.col("quarter") == quarter)
        & (pl.col("window") == "all")
        & (pl.col("label") == "residual")
        & ~pl.col("agent").is_in(["supervisor", "equal_weight"])
    ).sort("agent")
    yearly = known.get_column("spread_sharpe").drop_nulls()
    return [value / math.sqrt(SESSIONS_PER_YEAR) for value in yearly]


def _variance(ratios: list[float]) -> float:
    known = [ratio for ratio in ratios if not math.isnan(ratio)]
    if len(known) <= 1:
        return 0.0
    mean = math.fsum(known) / len(known)
    return math.fsum((ratio - mean) ** 2 for ratio in known) / (len(known) - 1)


def transform(parameters: Parameters) -> Transform:
    """Declaration of `evaluation/performance`."""
    del parameters
    return Transform(
        name="evaluation/performance",
        table="evaluation.performance",
        inputs={
            "returns": Input(table="portfolio.returns", lookback=ALL),
            "skill": Input(
                table="evaluation.agent_skill",
                columns=("quarter", "agent", "label", "window", "spread_sharpe"),
            ),
            "trials": Input(table="evaluation.trials", lookback=ALL, columns=("trial_id",)),
        },
        by="quarter",
        function=performance,
        description=(
            "Return, risk, drawdown, turnover and cost of every strategy before the quarter, with "
            "the deflated Sharpe ratio for the number of configurations ever tried."
        ),
    )
