"""`backfill` and `predict`: run what is due, show how it goes."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from stocks_ai_assets.cli.arguments import AsJson, parse_session
from stocks_ai_assets.cli.opening import dagster_instance, deployment
from stocks_ai_assets.cli.printing import print_json, print_table
from stocks_ai_assets.errors import UsageError

if TYPE_CHECKING:
    from stocks_ai_assets.assets.io_manager import Report
    from stocks_ai_assets.backfill import Result, Step
    from stocks_ai_assets.databricks.runs import RemoteRun
    from stocks_ai_assets.deployment import Deployment


def backfill(
    first: Annotated[
        str | None, typer.Option("--from", help="First session; default: the first partition.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="Last session; default: the source's newest.")
    ] = None,
    selection: Annotated[
        str | None,
        typer.Option("--select", help="Assets, in Dagster's selection syntax. Default: all."),
    ] = None,
    *,
    refresh: Annotated[bool, typer.Option("--refresh", help="Run what is up to date too.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would run, and run nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Materialize a range of sessions: all stages in order, only what is due.

    An interrupted backfill goes on where it stopped: run the same command again.
    """
    from stocks_ai_assets.backfill import plan, select

    opened = deployment()
    start, end = _range(opened, first, last)
    steps = plan(opened, start, end, select(opened, selection), refresh=refresh)
    if dry_run:
        _print_plan(steps, start, end, as_json=as_json)
        return
    result = run_with_progress(opened, start, end, steps)
    _print_result(result, start, end, as_json=as_json)


def predict(
    session: Annotated[
        str | None, typer.Option("--session", help="Session; default: the next one due.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Predict after the close of one session: the next one due, or the one named."""
    from stocks_ai_assets.backfill import due_sessions, plan
    from stocks_ai_assets.cli.inspect import print_ranking

    opened = deployment()
    if session is not None:
        day = parse_session(session, "--session")
    else:
        sessions = due_sessions(opened)
        if sessions is None:
            _print_nothing_due(opened, as_json=as_json)
            return
        day = sessions[0]
    run_with_progress(opened, day, day, plan(opened, day, day))
    print_ranking(opened, day, top=5, as_json=as_json)


def _print_nothing_due(opened: "Deployment", *, as_json: bool) -> None:
    newest = opened.source.last_session()
    if as_json:
        print_json(
            {
                "session": None,
                "simulated": opened.settings.simulated,
                "source_session": newest,
                "ranking": [],
            }
        )
    else:
        typer.echo(f"Nothing is due: {newest}, the source's newest session, is predicted.")


def _range(opened: "Deployment", first: str | None, last: str | None) -> tuple[date, date]:
    start = parse_session(first, "--from") if first else opened.settings.first_session
    end = parse_session(last, "--to") if last else opened.source.last_session()
    if start > end:
        raise UsageError(f"--from {start} lies after --to {end}. Swap them.")
    return start, end


def run_with_progress(
    opened: "Deployment", first: date, last: date, steps: "tuple[Step, ...]"
) -> "Result":
    """Run the steps with a progress bar and a line per asset on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from stocks_ai_assets.backfill import run

    console = Console(stderr=True)
    total = sum(len(step.names) for step in steps)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with (
        dagster_instance(opened) as instance,
        Progress(
            *columns, console=console, transient=True, disable=not console.is_terminal
        ) as progress,
    ):
        task = progress.add_task(f"{first}..{last}", total=total)

        def on_step(step: "Step") -> None:
            progress.update(task, description=f"{step.stage.name} {step.first}..{step.last}")

        def on_launched(name: str, remote: "RemoteRun") -> None:
            console.print(f"{name:<36} {remote.link}", highlight=False, soft_wrap=True)

        def on_written(report: "Report") -> None:
            progress.advance(task)
            console.print(_line(report), highlight=False)

        return run(
            opened,
            first,
            last,
            instance=instance,
            steps=steps,
            on_written=on_written,
            on_step=on_step,
            on_launched=on_launched,
        )


def _line(report: "Report") -> str:
    state = "" if report.changed else "  unchanged"
    seconds = report.seconds_reading + report.seconds_computing + report.seconds_writing
    return f"{report.name:<36} {report.rows:>10,} rows {seconds:>7.2f} s{state}"


def _print_plan(steps: "tuple[Step, ...]", first: date, last: date, *, as_json: bool) -> None:
    rows = [
        {
            "run": step.stage.name,
            "first": step.first,
            "last": step.last,
            "missing": step.missing,
            "stale": step.stale,
            "assets": list(step.names) if as_json else ", ".join(step.names),
        }
        for step in steps
    ]
    if as_json:
        print_json({"first": first, "last": last, "runs": rows})
    elif rows:
        print_table(f"What would run for {first}..{last}", rows)
    else:
        typer.echo(f"Nothing is due for {first}..{last}.")


def _of_asset(report: "Report") -> dict[str, object]:
    return {
        "asset": report.name,
        "rows": report.rows,
        "changed": report.changed,
        "seconds_reading": round(report.seconds_reading, 3),
        "seconds_computing": round(report.seconds_computing, 3),
        "seconds_writing": round(report.seconds_writing, 3),
    }


def _print_result(result: "Result", first: date, last: date, *, as_json: bool) -> None:
    other = result.seconds - (
        result.seconds_reading + result.seconds_computing + result.seconds_writing
    )
    if as_json:
        print_json(
            {
                "first": first,
                "last": last,
                "assets": result.written,
                "assets_changed": result.changed,
                "rows": result.rows,
                "runs": result.runs,
                "seconds": round(result.seconds, 3),
                "seconds_reading": round(result.seconds_reading, 3),
                "seconds_computing": round(result.seconds_computing, 3),
                "seconds_writing": round(result.seconds_writing, 3),
                "seconds_dagster": round(other, 3),
                "by_asset": [_of_asset(report) for report in result.reports],
            }
        )
        return
    if not result.written:
        typer.echo(f"{first}..{last} is up to date.")
        return
    split = {
        "reading": result.seconds_reading,
        "computing": result.seconds_computing,
        "writing": result.seconds_writing,
        "Dagster": other,
    }
    typer.echo(
        f"{first}..{last}: {result.written} assets, {result.rows:,} rows, {result.changed} "
        f"changed, {result.seconds:.1f} s "
        f"({', '.join(f'{name} {seconds:.1f}' for name, seconds in split.items())})."
    )
