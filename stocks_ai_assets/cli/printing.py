"""How results look in a terminal and as JSON."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

PIPE_WIDTH = 160


def print_json(value: object) -> None:
    """Print `value` as JSON with dates in ISO form."""
    print(json.dumps(value, default=_plain, indent=2, ensure_ascii=False))  # noqa: T201  # output


def print_table(
    title: str, rows: Sequence[Mapping[str, Any]], *, caption: str | None = None
) -> None:
    """Print rows as a table; numbers to the right, missing values as a dash."""
    from rich.console import Console  # keeps --help quick
    from rich.table import Table
    from rich.text import Text

    # A pipe has no width: nothing is wrapped there.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
    console.print(title, style="bold", markup=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="underline")
    for place, name in enumerate(rows[0] if rows else ()):
        numeric = any(isinstance(row[name], int | float) for row in rows)
        table.add_column(
            name, justify="right" if numeric else "left", overflow="fold", no_wrap=place == 0
        )
    for row in rows:
        table.add_row(*(Text(shown(value)) for value in row.values()))
    console.print(table)
    if caption:
        console.print(caption, style="dim", markup=False)
    console.print()


def percent(value: float, decimals: int = 1) -> str:
    """Return a fraction as a signed percentage."""
    return f"{value:+.{decimals}%}"


def shown(value: object) -> str:
    """Return `value` as people read it: four significant digits, thousands separated."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}" if abs(value) < 1e5 else f"{value:,.0f}"
        case int():
            return f"{value:,}"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case _:
            return str(value)


def _plain(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)
