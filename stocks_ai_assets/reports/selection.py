"""Which stored rows the report shows, and in which order."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from stocks_ai_assets.domain.calendar import SESSIONS_PER_YEAR
from stocks_ai_assets.domain.evaluation.newey_west import automatic_lags, standard_error
from stocks_ai_assets.domain.evaluation.performance import MIN_SESSIONS, moments
from stocks_ai_assets.reports.data import ALL_WINDOW, ALL_YEARS, ReportData, as_of, newest_quarter
from stocks_ai_assets.reports.wording import ALL_STRATEGIES, SCORES, own_label

Row = Mapping[str, Any]
Rows = Sequence[Row]

PAIRS = (("long_only", "market"), ("long_only", "equal_weight"), ("long_short", "equal_agents"))
"""Which strategies are set against which; long-short has no market in it to be compared with."""


def in_order(frame: pl.DataFrame, column: str, order: Sequence[str]) -> pl.DataFrame:
    """Sort rows by the place of `column` in `order`; names that are not in it come last."""
    rank = pl.col(column).replace_strict(
        {name: i for i, name in enumerate(order)}, default=len(order), return_dtype=pl.Int32
    )
    return frame.sort(rank, column, maintain_order=True)


def own_skill(skill: pl.DataFrame, window: str = ALL_WINDOW) -> pl.DataFrame:
    """Skill on the label each score is judged on, in one window, by score and quarter."""
    labels = {name: own_label(name) for name in skill.get_column("agent").unique()}
    own = pl.col("agent").replace_strict(labels, default="residual", return_dtype=pl.String)
    rows = skill.filter((pl.col("window") == window) & (pl.col("label") == own))
    return in_order(rows.sort("quarter"), "agent", SCORES)


def known_skill(data: ReportData) -> Rows:
    """Skill of every score as known now, each on its own label, with `raw_ic` beside it."""
    now = as_of(data.skill)
    raw = now.filter((pl.col("label") == "raw") & (pl.col("window") == ALL_WINDOW))
    rows = own_skill(now).join(
        raw.select(
            "agent",
            raw_ic="rank_ic",
            raw_t="t_newey_west",
            raw_low="ic_low",
            raw_high="ic_high",
        ),
        on="agent",
        how="left",
        maintain_order="left",
    )
    return rows.to_dicts()


def known_calibration(data: ReportData) -> Rows:
    """Calibration of every score as known now, all years together."""
    rows = as_of(data.calibration).filter(pl.col("year") == ALL_YEARS)
    return in_order(rows, "agent", SCORES).to_dicts()


def calibration_by_year(data: ReportData) -> pl.DataFrame:
    """Calibration as known now by score and year."""
    rows = as_of(data.calibration).filter(pl.col("year") != ALL_YEARS)
    return in_order(rows.sort("year"), "agent", SCORES)


def known_performance(data: ReportData) -> Rows:
    """Performance of every strategy as known now."""
    return in_order(as_of(data.performance), "strategy", ALL_STRATEGIES).to_dicts()


def known_backtests(data: ReportData) -> Rows:
    """Tests of value at risk as known now, by strategy and level."""
    rows = as_of(data.var_backtests).sort("level")
    return in_order(rows, "strategy", ALL_STRATEGIES).to_dicts()


def invested(returns: pl.DataFrame, strategy: str) -> pl.DataFrame:
    """Returns of one strategy by session, from its first position on."""
    rows = returns.filter(pl.col("strategy") == strategy).sort("session")
    held = rows.filter(pl.col("n_long") + pl.col("n_short") > 0)
    first = held.get_column("session").min()
    return rows.clear() if first is None else rows.filter(pl.col("session") >= first)


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One strategy against another over the sessions both have, net of costs.

    Parameters
    ----------
    strategy, benchmark
        Names.
    n_sessions
        Sessions both have, from the first position of the strategy on.
    annual_return, benchmark_return
        Compound, fraction a year; NaN below 63 sessions.
    difference
        Mean difference of the sessions' returns, a year.
    t
        Newey-West t of the mean difference.
    information_ratio
        Mean difference over its standard deviation, a year.
    """

    strategy: str
    benchmark: str
    n_sessions: int
    annual_return: float
    benchmark_return: float
    difference: float
    t: float
    information_ratio: float


def comparisons(data: ReportData) -> list[Comparison]:
    """Compare the strategies up to the eve of the quarter as of which performance is known."""
    end = newest_quarter(data.performance)
    return [found for pair in PAIRS if (found := _compare(data.returns, *pair, end)) is not None]


def _compare(
    returns: pl.DataFrame, strategy: str, benchmark: str, end: date | None
) -> Comparison | None:
    both = invested(returns, strategy).join(
        invested(returns, benchmark).select("session", other="net_return"),
        on="session",
        how="inner",
        maintain_order="left",
    )
    if end is not None:
        both = both.filter(pl.col("session") < end)
    if both.height < MIN_SESSIONS:
        return None
    own, other = both.get_column("net_return").to_numpy(), both.get_column("other").to_numpy()
    difference = own - other
    error = standard_error(difference, automatic_lags(len(difference)))
    mean = float(difference.sum()) / len(difference)
    return Comparison(
        strategy=strategy,
        benchmark=benchmark,
        n_sessions=both.height,
        annual_return=moments(own).annual_return,
        benchmark_return=moments(other).annual_return,
        difference=mean * SESSIONS_PER_YEAR,
        t=mean / error if error > 0.0 else math.nan,
        information_ratio=moments(difference).sharpe * math.sqrt(SESSIONS_PER_YEAR),
    )
