"""`demo`: the whole road on the simulated market, from facts to report."""

import typer

from stocks_ai_assets.cli.backfill import run_with_progress
from stocks_ai_assets.cli.inspect import print_ranking
from stocks_ai_assets.cli.opening import deployment
from stocks_ai_assets.errors import UsageError


def demo() -> None:
    """Backfill the simulated market, show the newest ranking, write the report."""
    from stocks_ai_assets.backfill import plan
    from stocks_ai_assets.cli.report import write

    opened = deployment()
    if not opened.settings.simulated:
        raise UsageError(
            f"The demo runs on the simulated market, but STOCKS_AI_SOURCE is "
            f"{opened.settings.source}. Unset it, or use `stocks-ai backfill`."
        )
    first, last = opened.settings.first_session, opened.source.last_session()
    typer.echo(f"SIMULATED market, {len(opened.source.symbols())} companies, {first}..{last}.")
    run_with_progress(opened, first, last, plan(opened, first, last))
    print_ranking(opened, last, top=5, as_json=False)
    written = write(opened)
    for line in written.verdict:
        typer.echo(line)
    typer.echo(f"Report: {written.path}")
