"""`prove look-ahead`: cut and poison the future, compare every table up to the session."""

from typing import Annotated

import typer

from stocks_ai_assets.cli.arguments import AsJson, parse_session
from stocks_ai_assets.cli.opening import deployment
from stocks_ai_assets.cli.printing import print_json, print_table


def look_ahead(
    sessions: Annotated[
        list[str] | None,
        typer.Option("--session", help="Session after which the future is taken away; repeatable."),
    ] = None,
    plant: Annotated[
        str | None,
        typer.Option("--plant", help="Plant this leak; done when the proof catches it."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Prove that nothing computed up to a session depends on what came after it."""
    raise NotImplementedError


__all__ = ["AsJson", "deployment", "look_ahead", "parse_session", "print_json", "print_table"]
