"""The exchange's sessions as written down by `make calendar` from exchange_calendars.

A file in the package instead of the library: a past session can never change with an upgrade, and
reading it costs milliseconds instead of two seconds. A test compares the two.
"""

import json
import sys
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

FILE = "nyse.json"
FULL_CLOSE = time(16)


def pinned() -> dict[str, Any]:
    """Return `start`, `end`, `holidays` (weekdays without a session), `early_closes`."""
    text = files("stocks_ai_assets.domain").joinpath(FILE).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def sessions_and_closes(zone: ZoneInfo) -> tuple[list[date], list[datetime]]:
    """Return all pinned sessions, ascending, and their closes in UTC."""
    found = pinned()
    first, last = date.fromisoformat(found["start"]), date.fromisoformat(found["end"])
    holidays = {date.fromisoformat(day) for day in found["holidays"]}
    early = {
        date.fromisoformat(day): time.fromisoformat(close)
        for day, close in found["early_closes"].items()
    }
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    sessions = [day for day in days if day.weekday() < 5 and day not in holidays]
    closes = [
        datetime.combine(day, early.get(day, FULL_CLOSE), zone).astimezone(UTC) for day in sessions
    ]
    return sessions, closes


def from_library(first: date, last: date, zone: ZoneInfo) -> dict[str, Any]:
    """Return what `pinned` should hold, as exchange_calendars knows it now."""
    import exchange_calendars  # a development dependency

    calendar = exchange_calendars.get_calendar(
        "XNYS", start=first.isoformat(), end=last.isoformat()
    )
    closes = {
        stamp.date(): close.tz_convert(zone.key).time()
        for stamp, close in calendar.closes.dt.tz_localize(None).dt.tz_localize("UTC").items()
    }
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return {
        "start": first.isoformat(),
        "end": last.isoformat(),
        "holidays": [d.isoformat() for d in days if d.weekday() < 5 and d not in closes],
        "early_closes": {
            day.isoformat(): close.isoformat("minutes")
            for day, close in closes.items()
            if close != FULL_CLOSE
        },
    }


def main() -> None:
    """Write the file for the range that `domain.calendar` names."""
    from stocks_ai_assets.domain.calendar import CALENDAR_END, CALENDAR_START, NEW_YORK

    found = from_library(CALENDAR_START, CALENDAR_END, NEW_YORK)
    Path(sys.argv[1]).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
