"""How results look in a terminal and as JSON."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any


def print_json(value: object) -> None:
    """Print `value` as JSON with dates in ISO form."""
    print(json.dumps(value, default=_plain, indent=2, ensure_ascii=False))  # noqa: T201  # output


def print_table(
    title: str, rows: Sequence[Mapping[str, Any]], *, caption: str | None = None
) -> None:
    """Print rows as a table; numbers to the right, missing values as a dash."""
    from rich.console import Console  # keeps --help quick
    from rich.table import Table

    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left")
    for name in rows[0] if rows else ():
        numeric = any(isinstance(row[name], int | float) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(shown(value) for value in row.values()))
    Console().print(table)


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
        case _:
            return str(value)


def _plain(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)
