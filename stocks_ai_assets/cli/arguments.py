"""Arguments that several commands take, checked at the edge."""

from datetime import date
from typing import Annotated

import typer

from stocks_ai_assets.errors import UsageError

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
SessionArgument = Annotated[str, typer.Argument(help="Trading session, YYYY-MM-DD.")]


def parse_day(text: str, name: str) -> date:
    """Return the date in `text` (YYYY-MM-DD), or raise `UsageError` naming the argument."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{name}: `{text}` is not a date. Write it as YYYY-MM-DD.") from None


def parse_session(text: str, name: str) -> date:
    """Return the session in `text`, or raise an error that names its neighbours."""
    from stocks_ai_assets.domain.calendar import nyse  # keeps --help quick

    return nyse().require(parse_day(text, name))


def parse_range(first: str, last: str) -> tuple[date, date]:
    """Return both ends as sessions, in order."""
    start, end = parse_session(first, "--from"), parse_session(last, "--to")
    if start > end:
        raise UsageError(f"--from {start} lies after --to {end}. Swap them.")
    return start, end
