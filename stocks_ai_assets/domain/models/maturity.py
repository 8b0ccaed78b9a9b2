"""Which outcomes a quarter's model may see: those that matured before its first session.

A range of quarters gets the outcomes of all of them at once; the cut at each quarter happens here
and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from stocks_ai_assets.domain.calendar import quarters_between
from stocks_ai_assets.domain.cross_section import CrossSection
from stocks_ai_assets.domain.labels import market_returns
from stocks_ai_assets.domain.panel import Floats
from stocks_ai_assets.domain.transform import Window, first_session_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcomes:
    """What came of the predictions, placed at the session on which they were made.

    Parameters
    ----------
    total_return
        Symbols x sessions, fraction over the horizon; NaN: not matured or not known.
    market_return
        The market's, by session.
    matured_on
        Session on which each session's outcomes matured.
    """

    total_return: Floats
    market_return: Floats
    matured_on: tuple[date, ...]


def model_quarters(window: Window) -> tuple[date, ...]:
    """Quarters from the first partition's to the window's last: models build on each other."""
    return quarters_between(window.parameters.first_session, window.last)


def known_sessions(window: Window) -> tuple[date, ...]:
    """Sessions from the first partition to the last before the window's last quarter."""
    before = first_session_of(window.last, window) - timedelta(days=1)
    first = window.parameters.first_session
    return window.calendar.between(first, before) if first <= before else ()


def outcomes(frame: pl.DataFrame, section: CrossSection, window: Window) -> Outcomes:
    """Place rows of evaluation.outcomes (`symbol`, `prediction_date`, returns) on the grid."""
    reach = window.parameters.horizon + 1
    market = frame.select("prediction_date", "market_return").drop_nulls()
    market_return = np.full(section.panel.shape[1], np.nan)
    at = section.panel.columns_of(market.get_column("prediction_date"))
    market_return[at[at >= 0]] = market.get_column("market_return").to_numpy()[at >= 0]
    return Outcomes(
        total_return=section.place(frame, "total_return", "prediction_date"),
        market_return=market_return,
        matured_on=tuple(window.calendar.offset(s, reach) for s in section.panel.sessions),
    )


def matured_before(
    quarters: Sequence[date], matured_on: Sequence[date], window: Window
) -> list[int]:
    """Number of sessions whose outcomes matured before each quarter's first session."""
    days = np.array(matured_on, dtype="datetime64[D]")
    cuts = np.array([first_session_of(q, window) for q in quarters], dtype="datetime64[D]")
    return [int(n) for n in np.searchsorted(days, cuts, side="left")]


def market_means(
    benchmarks: pl.DataFrame, quarters: Sequence[date], window: Window
) -> dict[date, float]:
    """Mean return of the market over the horizon, by quarter; NaN before the first one matured.

    The mean of all overlapping open-to-open periods from the first fact of market.benchmarks to
    the last that matured before the quarter, added in the order of time; fraction.
    """
    labels = market_returns(benchmarks, window.calendar, window.parameters.horizon).drop_nulls()
    sums = np.cumsum(labels.get_column("market_return").to_numpy())
    cuts = matured_before(quarters, labels.get_column("matured_on").to_list(), window)
    return {
        quarter: float(sums[cut - 1]) / cut if cut else float("nan")
        for quarter, cut in zip(quarters, cuts, strict=True)
    }
