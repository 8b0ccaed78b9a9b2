"""`report`: one HTML file that opens offline."""

from typing import Annotated

import typer


def report(
    output: Annotated[str | None, typer.Option("--output", help="File to write.")] = None,
) -> None:
    """Write the report."""
    _ = output
