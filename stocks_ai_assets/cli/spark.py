"""`stocks-ai spark`: fetch Delta's jars once, and see whether Spark is ready."""

from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from stocks_ai_assets.cli.printing import print_json

app = typer.Typer(help="Spark: Delta's jars, and whether it is ready.", no_args_is_help=True)


@app.command()
def jars(
    *,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Where to keep them; default: STOCKS_AI_SPARK_JARS, else this Python environment."
        ),
    ] = None,
) -> None:
    """Fetch Delta's two jars (10 MB) with the Ivy that pyspark ships; quick when they are there."""
    from stocks_ai_assets.engines.spark.java import JARS, fetch_jars
    from stocks_ai_assets.settings import load_settings

    where = fetch_jars(folder or load_settings().spark_jars)
    typer.echo(f"{len(JARS)} jars in {where}, as pinned.")


@app.command()
def libraries() -> None:
    """Print what the workers behind Spark Connect must have, as requirements for pip."""
    from stocks_ai_assets.engines.spark.versions import requirements

    for line in requirements():
        typer.echo(line)


@app.command()
def check(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Start Spark as the settings say, and tell versions and time."""
    from stocks_ai_assets.engines.spark.connect import without_token
    from stocks_ai_assets.engines.spark.session import open_session, options_of
    from stocks_ai_assets.engines.spark.stored import Names
    from stocks_ai_assets.settings import load_settings

    settings = load_settings()
    start = perf_counter()
    session = open_session(options_of(settings))
    Names(settings.catalog).require(session)
    found = {
        "spark": session.version,
        "where": without_token(settings.spark_remote or "")
        or session.conf.get("spark.master", "cluster"),
        "catalog": settings.catalog or "none, tables by their path",
        "seconds": round(perf_counter() - start, 1),
    }
    session.stop()
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        typer.echo(f"{name:<8} {value}")
