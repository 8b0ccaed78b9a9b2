"""`stocks-ai`: the commands and what happens when one fails.

Exit codes: 0 done, 1 failed, 2 wrong use. Errors of ours print as one or two lines that name the
thing and the remedy; `--traceback` shows where they came from.
"""

import sys
from traceback import print_exc
from typing import Annotated

import typer

from stocks_ai_assets import __version__
from stocks_ai_assets.cli import (
    backfill,
    databricks,
    demo,
    explain,
    governance,
    inspect,
    prove,
    report,
    share,
    spark,
    ui,
)
from stocks_ai_assets.errors import StocksAiError, UsageError

app = typer.Typer(
    name="stocks-ai",
    help="Point-in-time stock predictions. Materializing a past session is a backtest.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
prove_app = typer.Typer(help="Prove a promise on this lake's source.", no_args_is_help=True)
app.add_typer(prove_app, name="prove")
app.add_typer(databricks.app, name="databricks")
app.add_typer(governance.app, name="governance")
app.add_typer(share.app, name="share")
app.add_typer(spark.app, name="spark")

app.command("backfill")(backfill.backfill)
app.command("predict")(backfill.predict)
app.command("status")(inspect.status)
app.command("show")(inspect.show)
app.command("explain")(explain.explain)
app.command("report")(report.report)
app.command("fingerprint")(inspect.fingerprint)
app.command("ui")(ui.ui)
app.command("demo")(demo.demo)
prove_app.command("look-ahead")(prove.look_ahead)

_TRACEBACK = "--traceback"
_INTERRUPTED = 130
"""Exit code into which typer turns Ctrl-C."""


def _print_version(value: bool) -> None:  # noqa: FBT001  # typer passes it by position
    if value:
        typer.echo(f"stocks-ai {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Version.")
    ] = False,
    traceback: Annotated[
        bool, typer.Option(_TRACEBACK, help="Show where an error came from.")
    ] = False,
) -> None:
    """Options before the command."""
    _ = version, traceback


def main() -> None:
    """Run the command line and turn errors into messages and exit codes."""
    show_traceback = _TRACEBACK in sys.argv
    try:
        app(standalone_mode=True)
    except StocksAiError as error:
        if show_traceback:
            print_exc()
        typer.secho(f"{type(error).__name__}: {error}", fg="red", err=True)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except Exception as error:  # noqa: BLE001  # nothing a person typed should end in a stack trace
        if show_traceback:
            print_exc()
        first_line = (str(error).strip() or "no message").splitlines()[0]
        typer.secho(
            f"Unexpected {type(error).__name__}: {first_line}\n"
            f"Run `stocks-ai {_TRACEBACK} ...` to see where it came from, and report it.",
            fg="red",
            err=True,
        )
        sys.exit(1)
    except SystemExit as end:
        if end.code != _INTERRUPTED:
            raise
        typer.secho(
            "Interrupted. What was written is whole; run the same command to go on.",
            fg="yellow",
            err=True,
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
