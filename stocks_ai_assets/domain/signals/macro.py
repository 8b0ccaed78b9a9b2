"""Predictors of the market's return, from the vintage of each series known at each session.

Series by FRED's names. Yields, Moody's yields (AAA, BAA), the high-yield spread and the VIX are
never revised; what is revised (INDPRO, UNRATE, CPIAUCSL, claims) is compared within one vintage.
"""

from collections.abc import Sequence
from datetime import date
from typing import cast

import numpy as np
import polars as pl

from stocks_ai_assets.domain.signals.returns import MARKET, YEAR
from stocks_ai_assets.domain.signals.vintages import (
    Newest,
    known_values,
    newest,
    row_mean,
    row_sum,
)
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

DAILY_AGE, MONTHLY_AGE = 31, 200
"""Days after which the newest observation of a daily, of a monthly series says nothing: a series
that ended falls silent. Monthly figures come up to two months late, after a shutdown later."""

MONTH = 21
WEEKS = 52
BENCHMARK_COLUMNS = ("benchmark", "session", "close_return", "known_on")


def macro(frames: Frames, window: Window) -> pl.DataFrame:
    """Predictors of the market's return at every session of the window.

    Parameters
    ----------
    frames
        `macro_observations` from the beginning, `benchmarks` with 20 sessions before the window.
    window
        Sessions to produce.

    Returns
    -------
    pl.DataFrame
        Content of signals.macro; see `predictors`.
    """
    observations, benchmarks = frames["macro_observations"], frames["benchmarks"]
    return predictors(observations, benchmarks, window.partitions, window)


def macro_predictors(
    macro_observations: pl.DataFrame, benchmarks: pl.DataFrame, window: Window
) -> pl.DataFrame:
    """Predictors at every session from the first fact on to the window's last day.

    The first partition does not limit them: regressions need the years before it. For parameters
    and columns see `predictors`.
    """
    known_on = pl.concat(f.get_column("known_on") for f in (macro_observations, benchmarks))
    first = cast("date | None", known_on.min())
    sessions = window.calendar.between(first, window.last) if first else ()
    return predictors(macro_observations, benchmarks, sessions, window)


def predictors(
    macro_observations: pl.DataFrame,
    benchmarks: pl.DataFrame,
    sessions: Sequence[date],
    window: Window,
) -> pl.DataFrame:
    """Predictors as known at the close of each of consecutive sessions.

    Parameters
    ----------
    macro_observations
        Rows of market.macro_observations, from the first on, any order.
    benchmarks
        Rows of market.benchmarks of the sessions and the 20 before them, any order.
    sessions
        Sessions to produce, ascending, without holes.
    window
        For its calendar.

    Returns
    -------
    pl.DataFrame
        Columns of signals.macro, one row a session, ascending; null where an input was not known
        or too old.

    Notes
    -----
    "Newest" is the newest observation known at the session, at most `DAILY_AGE` or `MONTHLY_AGE`
    days old.

    - term_spread: newest DGS10 less newest DGS2; credit_spread: newest BAA less newest AAA;
      high_yield_spread: newest BAMLH0A0HYM2.
    - variance_premium: (newest VIXCLS / 100)^2 / 12 less the sum of the market's squared
      close_return over the last 21 sessions (Bollerslev, Tauchen & Zhou 2009).
    - yield_change: newest DGS10 less the mean of what was its newest at the last 252 sessions.
    - industrial_production, inflation: newest INDPRO, CPIAUCSL over the observation 12 months
      before, less 1; unemployment_change: newest UNRATE less the one 12 months before.
    - claims: mean of the observations of the last 28 days up to the newest over that of the last
      364 days, less 1; weekly ICSA or, where a source has none, CLAIMSx, FRED-MD's monthly means
      of the same figures.
    """
    days = _with_sessions_before(sessions, 0, window)

    def daily(series_id: str) -> Newest:
        return newest(macro_observations, series_id, days, DAILY_AGE)

    def monthly(series_id: str) -> Newest:
        return newest(macro_observations, series_id, days, MONTHLY_AGE)

    ten_year = daily("DGS10").value
    production, unemployment, prices = (monthly(id_) for id_ in ("INDPRO", "UNRATE", "CPIAUCSL"))
    weekly, by_month = _claims(monthly("ICSA")), _claims(monthly("CLAIMSx"))
    variance = _realised_variance(benchmarks, sessions, window)
    return days.with_columns(
        term_spread=ten_year - daily("DGS2").value,
        credit_spread=monthly("BAA").value - monthly("AAA").value,
        high_yield_spread=daily("BAMLH0A0HYM2").value,
        variance_premium=(daily("VIXCLS").value / 100.0) ** 2 / 12.0 - variance,
        yield_change=ten_year - _mean_of_year(macro_observations, "DGS10", sessions, window),
        industrial_production=production.value / production.before("12mo") - 1.0,
        unemployment_change=unemployment.value - unemployment.before("12mo"),
        inflation=prices.value / prices.before("12mo") - 1.0,
        claims=weekly.zip_with(weekly.is_not_null(), by_month),
    ).select(TABLES["signals.macro"].columns)


def _mean_of_year(
    observations: pl.DataFrame, series_id: str, sessions: Sequence[date], window: Window
) -> pl.Series:
    """Mean over 252 sessions of what was the newest observation at each of them."""
    days = _with_sessions_before(sessions, YEAR - 1, window)
    value = newest(observations, series_id, days, DAILY_AGE).value
    windows = Windows(days.with_columns(series=pl.lit(series_id)), key="series")
    return windows.mean(value, YEAR).tail(len(sessions))


def _claims(series: Newest) -> pl.Series:
    """Mean of four weeks over that of a year, less 1; null until the series reaches back a year."""
    values, age = series.recent(WEEKS)
    year = np.where(age < 7 * WEEKS, values, np.nan)
    month = np.where(age < 7 * 4, values, np.nan)
    # The oldest of 52 weeks is 357 days old, of 12 months at least 334.
    whole = (~np.isnan(year) & (age >= 330)).any(axis=1)
    return pl.Series(np.where(whole, row_mean(month) / row_mean(year) - 1.0, np.nan)).fill_nan(None)


def _realised_variance(
    benchmarks: pl.DataFrame, sessions: Sequence[date], window: Window
) -> pl.Series:
    """Sum of the market's squared returns over 21 sessions; null unless all are known."""
    days = _with_sessions_before(sessions, MONTH - 1, window).get_column("session").to_numpy()
    position = np.arange(len(days) - len(sessions), len(days))[:, None] - np.arange(MONTH)[::-1]
    described = np.where(position >= 0, days[np.maximum(position, 0)], np.datetime64("NaT"))
    market = benchmarks.filter(pl.col("benchmark") == MARKET).rename({"close_return": "value"})
    values = known_values(market, "session", np.array(sessions, "datetime64[D]"), described)
    return pl.Series(np.where(np.isnan(values).any(axis=1), np.nan, row_sum(values**2))).fill_nan(
        None
    )


def _with_sessions_before(sessions: Sequence[date], n: int, window: Window) -> pl.DataFrame:
    """The sessions and the `n` before them, as far as the calendar reaches."""
    if sessions:
        first = max(window.calendar.position(sessions[0]) - n, 0)
        sessions = window.calendar.between(window.calendar.sessions[first], sessions[-1])
    return pl.DataFrame({"session": sessions}, schema={"session": pl.Date})


def transform(parameters: Parameters) -> Transform:  # noqa: ARG001  # one signature
    """Declaration of `signals/macro`."""
    return Transform(
        name="signals/macro",
        table="signals.macro",
        inputs={
            "macro_observations": Input(table="market.macro_observations", lookback=ALL),
            "benchmarks": Input(
                table="market.benchmarks", lookback=MONTH - 1, columns=BENCHMARK_COLUMNS
            ),
        },
        by="session",
        function=macro,
        description=(
            "Yields, spreads, variance premium and the economy's growth as known at each session, "
            "every comparison within one vintage."
        ),
    )
