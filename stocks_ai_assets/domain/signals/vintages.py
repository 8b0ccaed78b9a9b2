"""One series of observations as known at each session: its newest value, and values before it.

A revision is a further row under a later known_on, so what a session compares comes from one
vintage: a revised past is never set against an unrevised present.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from stocks_ai_assets.domain.panel import Floats
from stocks_ai_assets.domain.signals.as_known import known_at

Days = npt.NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Newest:
    """Newest observation of a series by session.

    Parameters
    ----------
    series
        All rows of the series: `observation_date`, `value`, `known_on`.
    rows
        `session`, `observation_date`, `value`; null where nothing was known or it was too old.
    """

    series: pl.DataFrame
    rows: pl.DataFrame

    @property
    def value(self) -> pl.Series:
        """Value by session, in the unit of the series."""
        return self.rows.get_column("value")

    def before(self, offset: str) -> pl.Series:
        """Value of the observation `offset` (such as 12mo) before the newest, as then known."""
        date = pl.col("observation_date").dt.offset_by(f"-{offset}")
        rows = self.rows.select("session", date)
        return known_at(rows, self.series, ["observation_date"]).get_column("value")

    def recent(self, n: int) -> tuple[Floats, Floats]:
        """Values of the `n` observations up to the newest, and their ages.

        Returns
        -------
        tuple
            Sessions x observations, oldest first: values as known at the session, and days from
            the observation to the newest one; NaN where there is none.
        """
        if self.series.is_empty() or self.rows.is_empty():
            empty = np.full((self.rows.height, n), np.nan)
            return empty, empty
        dates = self.series.get_column("observation_date").unique().sort().to_numpy()
        newest = self.rows.get_column("observation_date").to_numpy()[:, None]
        position = np.searchsorted(dates, newest) - np.arange(n)[::-1]
        there = (position >= 0) & ~np.isnat(newest)
        days = np.where(there, dates[np.clip(position, 0, len(dates) - 1)], np.datetime64("NaT"))
        age = (newest - days) / np.timedelta64(1, "D")
        sessions = self.rows.get_column("session").to_numpy()
        return known_values(self.series, "observation_date", sessions, days), age


def newest(observations: pl.DataFrame, series_id: str, days: pl.DataFrame, max_age: int) -> Newest:
    """Find the newest observation of a series at each session.

    Parameters
    ----------
    observations
        Rows of market.macro_observations, any order.
    series_id
        Which series.
    days
        `session`, ascending.
    max_age
        Days from an observation to the session after which it says nothing any more.

    Notes
    -----
    An observation counts once it has had a value; withdrawn again it is null, and nothing older
    takes its place.
    """
    series = observations.filter(pl.col("series_id") == series_id).select(
        "observation_date", "value", "known_on"
    )
    reached = (
        series.drop_nulls("value")
        .group_by("known_on")
        .agg(pl.col("observation_date").max())
        .sort("known_on")
        .with_columns(pl.col("observation_date").cum_max())
    )
    age = (pl.col("session") - pl.col("observation_date")).dt.total_days()
    rows = known_at(days, reached).select(
        "session", pl.when(age <= max_age).then("observation_date").alias("observation_date")
    )
    return Newest(series, known_at(rows, series, ["observation_date"]).drop("known_on"))


def known_values(facts: pl.DataFrame, day: str, sessions: Days, described: Days) -> Floats:
    """Values of several days as known at each session.

    Parameters
    ----------
    facts
        `value`, `known_on` and the Date column `day`, any order.
    day
        Name of the column that says which day a value describes.
    sessions
        At whose close one looks, one for each row of `described`.
    described
        Days asked for, sessions x days; NaT: none.

    Returns
    -------
    Floats
        Sessions x days; NaN where nothing was known.
    """
    rows = pl.DataFrame(
        {"session": np.repeat(sessions, described.shape[1]), "day": described.ravel()},
        schema={"session": pl.Date, "day": pl.Date},
    )
    named = facts.select("value", "known_on", day=day)
    found = known_at(rows, named, ["day"]).get_column("value")
    return found.fill_null(float("nan")).to_numpy().reshape(described.shape)


def row_mean(values: Floats) -> Floats:
    """Mean of each row's numbers, added from left to right; NaN where there is none."""
    count = (~np.isnan(values)).sum(axis=1)
    return np.where(count > 0, row_sum(values) / np.maximum(count, 1), np.nan)


def row_sum(values: Floats) -> Floats:
    """Sum of each row's numbers, added from left to right; missing ones count as 0."""
    total = np.zeros(len(values))
    for column in values.T:
        total += np.where(np.isnan(column), 0.0, column)
    return total
