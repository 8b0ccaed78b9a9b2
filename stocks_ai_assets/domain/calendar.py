"""When the exchange is open, and from when a fact may be used.

The calendar is pinned: it ends on `CALENDAR_END`, so that partition definitions do not change from
day to day. Extend it by raising that constant and running `make calendar` (exchange_calendars knows
about a year ahead).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cache, cached_property
from zoneinfo import ZoneInfo

import polars as pl

from stocks_ai_assets.domain.pinned_calendar import sessions_and_closes
from stocks_ai_assets.errors import CalendarEndError, NotASessionError

NEW_YORK = ZoneInfo("America/New_York")
CALENDAR_START = date(1998, 1, 2)
CALENDAR_END = date(2027, 12, 31)
SESSIONS_PER_YEAR = 252
REMEDY = "Widen CALENDAR_START..CALENDAR_END in stocks_ai_assets/domain/calendar.py and release."


class Calendar:
    """Sessions of one exchange in ascending order, with their cutoffs.

    Parameters
    ----------
    sessions
        Trading days, ascending.
    closes
        Close of each session in UTC (early closes too), same length.
    """

    def __init__(self, sessions: Sequence[date], closes: Sequence[datetime]) -> None:
        self.sessions = tuple(sessions)
        self.closes = tuple(closes)
        self._position = {day: i for i, day in enumerate(self.sessions)}

    def __contains__(self, day: date) -> bool:
        """Whether the exchange trades on `day`."""
        return day in self._position

    def require(self, day: date) -> date:
        """Return `day`, or raise `NotASessionError` naming its neighbours."""
        if day in self._position:
            return day
        self._within(day)
        before, after = self.previous_or_same(day), self.next_or_same(day)
        raise NotASessionError(
            f"{day} is not a trading session of the New York Stock Exchange. "
            f"Nearest sessions: {before} and {after}."
        )

    def _within(self, day: date) -> None:
        if not self.sessions[0] <= day <= self.sessions[-1]:
            raise CalendarEndError(
                f"{day} lies outside the pinned calendar {self.sessions[0]}..{self.sessions[-1]}. "
                f"{REMEDY}"
            )

    def cutoff(self, session: date) -> datetime:
        """Close of `session` in UTC: facts available until then may be used at `session`."""
        return self.closes[self._position[self.require(session)]]

    def previous_or_same(self, day: date) -> date:
        """Last session on or before `day`."""
        self._within(day)
        return self.sessions[bisect_right(self.sessions, day) - 1]

    def next_or_same(self, day: date) -> date:
        """First session on or after `day`."""
        if day > self.sessions[-1]:
            self._within(day)
        return self.sessions[bisect_left(self.sessions, day)]

    def offset(self, session: date, n: int) -> date:
        """Session `n` sessions after `session` (before it when negative)."""
        position = self._position[self.require(session)] + n
        if not 0 <= position < len(self.sessions):
            raise CalendarEndError(
                f"{n} sessions from {session} lies outside the pinned calendar "
                f"{self.sessions[0]}..{self.sessions[-1]}. {REMEDY}"
            )
        return self.sessions[position]

    def between(self, first: date, last: date) -> tuple[date, ...]:
        """Sessions from `first` to `last`, both inclusive; empty when there is none."""
        return self.sessions[bisect_left(self.sessions, first) : bisect_right(self.sessions, last)]

    def position(self, session: date) -> int:
        """Number of sessions of the calendar before `session`."""
        return self._position[self.require(session)]

    def known_on(self, available_at: datetime) -> date:
        """First session whose cutoff is at or after `available_at` (aware)."""
        position = bisect_left(self.closes, available_at)
        if position == len(self.closes):
            raise CalendarEndError(
                f"{available_at} lies after the last cutoff {self.closes[-1]} of the pinned "
                f"calendar. {REMEDY}"
            )
        return self.sessions[position]

    def known_on_frame(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add `known_on` to a frame with `available_at` (UTC); other columns and order kept.

        Null where `available_at` is null or after the last cutoff of the calendar: one absurd
        moment in a vendor's data is that row's problem.
        """
        cutoffs = self.frame.select("known_on", cutoff="cutoff")
        return (
            frame.with_row_index("_row")
            .sort("available_at")
            .join_asof(cutoffs, left_on="available_at", right_on="cutoff", strategy="forward")
            .sort("_row")
            .drop("_row", "cutoff")
        )

    @cached_property
    def frame(self) -> pl.DataFrame:
        """Columns `known_on` (Date), `cutoff` (UTC), `position` (Int32), one row a session."""
        return pl.DataFrame(
            {"known_on": self.sessions, "cutoff": self.closes},
            schema={"known_on": pl.Date, "cutoff": pl.Datetime("us", "UTC")},
        ).with_columns(position=pl.int_range(pl.len(), dtype=pl.Int32))


@cache
def nyse() -> Calendar:
    """Return the pinned calendar of the New York Stock Exchange."""
    return Calendar(*sessions_and_closes(NEW_YORK))


def quarter_start(day: date) -> date:
    """First calendar day of the quarter of `day`: the key of its model quarter."""
    return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)


def next_quarter(quarter: date) -> date:
    """First calendar day of the quarter after `quarter`."""
    return quarter_start(quarter_start(quarter) + timedelta(days=95))


def quarters_between(first: date, last: date) -> tuple[date, ...]:
    """Model quarters (first calendar days) that contain `first`..`last`, ascending."""
    quarter, found = quarter_start(first), []
    while quarter <= last:
        found.append(quarter)
        quarter = next_quarter(quarter)
    return tuple(found)
