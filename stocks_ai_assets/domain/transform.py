"""What a computed table declares: its inputs, how far it looks, by which key it may be split.

Asset factories, engines, replay and the look-ahead proof read the same declaration. A transform
holds no Dagster, no path and no clock; its function sees frames and a `Window`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import polars as pl

from stocks_ai_assets.domain.calendar import Calendar, quarter_start

ALL = None
"""Lookback that means: everything known before."""

By = Literal["symbol", "session", "quarter"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameters:
    """Settings that change results. They are part of every trial's configuration.

    Parameters
    ----------
    horizon
        Holding period in sessions, from the next open.
    cost_bp
        One-way trading cost in basis points of traded value.
    first_session
        First partition; expanding statistics start here.
    borrow_bp
        Yearly cost of a short position in basis points of its value.
    """

    first_session: date
    horizon: int = 21
    cost_bp: float = 5.0
    borrow_bp: float = 50.0

    @property
    def label(self) -> str:
        """Settings that may change while a lake grows, in short."""
        return f"h{self.horizon}c{self.cost_bp:g}b{self.borrow_bp:g}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The partitions to produce, in ascending order, and what surrounds them.

    For tables by session `partitions` are sessions; for tables by quarter they are the first
    calendar days of quarters.
    """

    partitions: tuple[date, ...]
    calendar: Calendar
    parameters: Parameters

    @property
    def first(self) -> date:
        """First partition to produce."""
        return self.partitions[0]

    @property
    def last(self) -> date:
        """Last partition to produce."""
        return self.partitions[-1]

    @property
    def frame(self) -> pl.DataFrame:
        """The partitions as one Date column `session`."""
        return pl.DataFrame({"session": self.partitions}, schema={"session": pl.Date})

    def only(self, frame: pl.DataFrame, column: str) -> pl.DataFrame:
        """Rows of `frame` whose `column` is one of the partitions."""
        return frame.filter(pl.col(column).is_between(self.first, self.last))


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """One table that a transform reads.

    What arrives depends on the partitions of both tables:

    ==========  ==========  ================================================================
    output by   input by    rows that arrive
    ==========  ==========  ================================================================
    session     session     `lookback` sessions before the first partition .. last partition
    session     quarter     quarters of the partitions; with any lookback all quarters before, too
    quarter     session     strictly before the **last** quarter's first session; the function
                            itself must cut at each quarter
    quarter     quarter     up to the last quarter, its own included
    ==========  ==========  ================================================================

    `lookback=ALL` reaches back to the beginning of the table, and so does a lookback that reaches
    the first partition: it carries every fact known before it. Facts are cut by known_on, so a fact
    about a long past event arrives only when it became known inside the lookback.
    """

    table: str
    lookback: int | None = 0
    slices: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None


Frames = Mapping[str, pl.DataFrame]


@dataclass(frozen=True, kw_only=True, slots=True)
class Transform:
    """A pure function from declared inputs to rows of one table.

    Parameters
    ----------
    name
        Asset key, for instance `signals/technical` or `agents/predictions/risk`.
    table
        Table written, for instance `signals.technical`.
    inputs
        Frames passed to `function`, by the name it uses for them.
    by
        Key along which the work may be split without changing a bit: `symbol` (frames without a
        symbol column are broadcast), `session` (a block of sessions with its lookback), `quarter`.
    function
        `(frames, window) -> frame` with the content columns of the contract, any row order.
    slice
        Value of the table's slice column that this transform writes, if it has one.
    code_version
        Raised by hand when the function's results change.
    description
        One paragraph for people: what it computes and from what.
    """

    name: str
    table: str
    inputs: Mapping[str, Input]
    by: By
    function: Callable[[Frames, Window], pl.DataFrame]
    slice: str | None = None
    code_version: str = "1"
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


def first_session_of(quarter: date, window: Window) -> date:
    """First session in or after `quarter`; models of the quarter know only what is before it."""
    start = max(quarter_start(quarter), window.calendar.sessions[0])
    return window.calendar.next_or_same(start)
