"""Sessions and model quarters as Dagster partitions, and which partition depends on which.

Only what must run first is declared here: the same partition, or the sessions before a quarter.
How far a computation looks back is declared by its transform and read by the lake itself.

A session's partition exists once its day is over in New York: hours before the next open.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from functools import cache

import dagster as dg

from stocks_ai_assets.domain.calendar import (
    CALENDAR_END,
    NEW_YORK,
    Calendar,
    nyse,
    quarter_start,
    quarters_between,
)
from stocks_ai_assets.domain.transform import Parameters, Window
from stocks_ai_assets.errors import CalendarEndError, UsageError
from stocks_ai_assets.tables.spec import PartitionedBy

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
PARTITION = "dagster/partition"

CALENDAR_MARGIN = timedelta(days=180)
"""A warning is due when the pinned calendar ends sooner than this."""

KEY_FORMAT = "%Y-%m-%d"


@cache
def sessions_definition(first_session: date) -> dg.TimeWindowPartitionsDefinition:
    """Return the partitions by session, from `first_session` to the end of the pinned calendar.

    Weekends are excluded by a cron expression and holidays as moments: thousands of moments would
    make every look-up of the definition slow.
    """
    return dg.TimeWindowPartitionsDefinition(
        start=_midnight(nyse().require(first_session)),
        end=_midnight(CALENDAR_END + timedelta(days=1)),
        fmt=KEY_FORMAT,
        cron_schedule="0 0 * * *",
        timezone=NEW_YORK.key,
        exclusions=["0 0 * * 0,6", *_holidays(first_session, CALENDAR_END)],
    )


@cache
def quarters_definition(first_session: date) -> dg.TimeWindowPartitionsDefinition:
    """Return the model quarters, labelled by the first day of the quarter of use.

    `end_offset` lets the running quarter exist: its model is needed from its first session on.
    """
    return dg.TimeWindowPartitionsDefinition(
        start=_midnight(quarter_start(first_session)),
        fmt=KEY_FORMAT,
        cron_schedule="0 0 1 1,4,7,10 *",
        timezone=NEW_YORK.key,
        end_offset=1,
    )


def definition_of(kind: PartitionedBy, first_session: date) -> dg.PartitionsDefinition | None:
    """Return the partitions of a table that is partitioned by `kind`."""
    match kind:
        case "session":
            return sessions_definition(first_session)
        case "quarter":
            return quarters_definition(first_session)
        case "none":
            return None


def definition_start(kind: PartitionedBy, first_session: date) -> date:
    """Return the first partition."""
    return quarter_start(first_session) if kind == "quarter" else first_session


def mapping_between(
    upstream: PartitionedBy, downstream: PartitionedBy
) -> dg.PartitionMapping | None:
    """Return which upstream partitions must exist before a downstream partition can be computed.

    A session needs its own quarter's model. A quarter needs the sessions before it: offsets count
    windows of the downstream definition, so -1 is the quarter before.
    """
    match upstream, downstream:
        case "session", "quarter":
            return dg.TimeWindowPartitionMapping(
                start_offset=-1, end_offset=-1, allow_nonexistent_upstream_partitions=True
            )
        case ("session", "session") | ("quarter", "quarter") | ("quarter", "session"):
            return dg.TimeWindowPartitionMapping()
        case _:
            return None


def partition_range(kind: PartitionedBy, first: date, last: date, parameters: Parameters) -> Window:
    """Return the window of partitions `first`..`last`, or an error that names the wrong end.

    Dagster rolls an end that is no partition forward, into the future; here it is an error.
    """
    calendar = nyse()
    if first > last:
        raise UsageError(f"The range starts on {first}, after its end {last}. Swap them.")
    within_calendar(last)
    if kind == "quarter":
        partitions = _quarters(first, last, parameters)
    else:
        partitions = _sessions(first, last, parameters, calendar)
    return Window(partitions=partitions, calendar=calendar, parameters=parameters)


def window_of(kind: PartitionedBy, sessions: Window) -> Window:
    """Return the partitions of `kind` that a range of sessions touches."""
    if kind != "quarter":
        return sessions
    quarters = quarters_between(sessions.first, sessions.last)
    return Window(partitions=quarters, calendar=sessions.calendar, parameters=sessions.parameters)


def requested_window(
    tags: Mapping[str, str], kind: PartitionedBy, parameters: Parameters
) -> Window:
    """Return the partitions a run asks for by its tags, one partition or a range."""
    first, last = requested_keys(tags)
    return partition_range(kind, _day(first), _day(last), parameters)


def names_partitions(tags: Mapping[str, str]) -> bool:
    """Whether a run's tags ask for a partition or a range."""
    return PARTITION in tags or (RANGE_START in tags and RANGE_END in tags)


def requested_keys(tags: Mapping[str, str]) -> tuple[str, str]:
    """Return first and last partition key of a run's tags."""
    if RANGE_START in tags and RANGE_END in tags:
        return tags[RANGE_START], tags[RANGE_END]
    if PARTITION in tags:
        return tags[PARTITION], tags[PARTITION]
    raise UsageError("The run names no partition. Choose a session, or a range of sessions.")


def within_calendar(day: date) -> None:
    """Raise `CalendarEndError` when `day` lies beyond the pinned calendar."""
    if day > CALENDAR_END:
        raise CalendarEndError(
            f"{day} lies beyond the pinned exchange calendar, which ends on {CALENDAR_END}. "
            "Raise CALENDAR_END in stocks_ai_assets/domain/calendar.py, run `make calendar`, "
            "release."
        )


def _sessions(
    first: date, last: date, parameters: Parameters, calendar: Calendar
) -> tuple[date, ...]:
    for end in (first, last):
        if end < parameters.first_session:
            raise UsageError(
                f"{end} lies before the first partition, {parameters.first_session}. "
                "STOCKS_AI_FIRST_SESSION sets it, before the lake is first written."
            )
        calendar.require(end)
    return calendar.between(first, last)


def _quarters(first: date, last: date, parameters: Parameters) -> tuple[date, ...]:
    earliest = definition_start("quarter", parameters.first_session)
    for end in (first, last):
        if end != quarter_start(end):
            raise UsageError(
                f"{end} is not a model quarter. Quarters are named by their first day: "
                f"{quarter_start(end)}."
            )
        if end < earliest:
            raise UsageError(f"{end} lies before the first model quarter, {earliest}.")
    return quarters_between(first, last)


def _holidays(first: date, last: date) -> list[datetime]:
    open_days = set(nyse().between(first, last))
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [_midnight(day) for day in days if day.weekday() < 5 and day not in open_days]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), NEW_YORK)


def _day(key: str) -> date:
    try:
        return date.fromisoformat(key)
    except ValueError:
        raise UsageError(f"Partition `{key}` is not a date of the form YYYY-MM-DD.") from None
