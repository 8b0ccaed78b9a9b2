"""Which partitions of its inputs a transform reads to produce a window. The only place that knows.

The IO manager, the Spark engine, `explain` and the look-ahead proof all ask here.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from stocks_ai_assets.domain.calendar import quarter_start
from stocks_ai_assets.domain.transform import ALL, Input, Transform, Window, first_session_of
from stocks_ai_assets.tables import TABLES


@dataclass(frozen=True, slots=True)
class Range:
    """Partitions `first`..`last`, both inclusive; `first` None: from the beginning."""

    first: date | None
    last: date


def input_range(transform: Transform, name: str, window: Window) -> Range | None:
    """Range of input `name` that `transform` reads for `window`; None: the whole table.

    A lookback that reaches the first partition or beyond takes all that is there: that partition
    carries every fact known before it.
    """
    declared = transform.inputs[name]
    source, target = TABLES[declared.table], TABLES[transform.table]
    if source.partitioned_by == "none":
        return None
    last = _last(source.partitioned_by, target.partitioned_by, window)
    return Range(_first(declared, source.partitioned_by, target.partitioned_by, window), last)


def _last(source: str, target: str, window: Window) -> date:
    if target == "session":
        return quarter_start(window.last) if source == "quarter" else window.last
    if source == "quarter":
        return window.last
    first_session = first_session_of(window.last, window)
    return window.calendar.previous_or_same(first_session - timedelta(days=1))


def _first(declared: Input, source: str, target: str, window: Window) -> date | None:
    if declared.lookback is ALL or target != "session":
        return None
    if source == "quarter":
        return quarter_start(window.first) if declared.lookback == 0 else None
    position = max(window.calendar.position(window.first) - declared.lookback, 0)
    first = window.calendar.sessions[position]
    # The first partition carries everything known before it, under its true known_on.
    return first if first > window.parameters.first_session else None
