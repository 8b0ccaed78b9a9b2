"""`status`, `show`, `fingerprint`: what the lake holds."""

from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stocks_ai_assets.cli.arguments import AsJson, SessionArgument, parse_day, parse_session
from stocks_ai_assets.cli.opening import deployment
from stocks_ai_assets.cli.printing import percent, print_json, print_table
from stocks_ai_assets.errors import TableMissingError, UsageError

if TYPE_CHECKING:
    from stocks_ai_assets.deployment import Deployment

SYNTHESIZED = "meta.synthesized_predictions"
RANKING = (
    "symbol",
    "score",
    "predicted_return",
    "predicted_alpha",
    "return_low",
    "return_high",
    "confidence_score",
    "disagreement",
    "n_agents",
)


def simulated_note(opened: "Deployment") -> str:
    """Return the label of simulated results; empty for real ones."""
    return " [SIMULATED]" if opened.settings.simulated else ""


def status(*, as_json: AsJson = False) -> None:
    """Show what is materialized, missing and stale, versions, and rows in quarantine."""
    from stocks_ai_assets.status import status as read_status

    opened = deployment()
    found = read_status(opened)
    rows = [asdict(each) for each in found.assets]
    aside = found.quarantined.to_dicts()
    if as_json:
        print_json(
            {
                "source": opened.source.name,
                "simulated": opened.settings.simulated,
                "first_session": found.first_session,
                "newest_session": found.newest_session,
                "source_session": found.source_session,
                "assets": rows,
                "quarantined": aside,
            }
        )
        return
    shown = [
        {
            "asset": each.name,
            "partitions": f"{each.first}..{each.last}" if each.first else None,
            "done": each.materialized,
            "missing": each.missing,
            "stale": each.stale,
            "version": each.version,
        }
        for each in found.assets
    ]
    print_table(f"Lake {opened.settings.lake}{simulated_note(opened)}", shown)
    typer.echo(
        f"Source {opened.source.name}: sessions until {found.source_session}. "
        f"Lake: {found.first_session}..{found.newest_session or 'empty'}."
    )
    if aside:
        print_table("Rows in quarantine", aside)
    else:
        typer.echo("No rows in quarantine.")
    if found.newest_session is None:
        typer.echo("The lake is empty. Run: stocks-ai backfill")


def show(
    session: SessionArgument,
    top: Annotated[int, typer.Option("--top", min=1, help="Symbols at each end.")] = 10,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All symbols.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the ranking predicted after the close of a session."""
    opened = deployment()
    day = parse_session(session, "SESSION")
    print_ranking(opened, day, top=None if everything else top, as_json=as_json)


def print_ranking(opened: "Deployment", day: date, *, top: int | None, as_json: bool) -> None:
    """Print the synthesized predictions of one session, best first."""
    import polars as pl

    _require_session(opened, day)
    rows = opened.lake.read(SYNTHESIZED, first=day, last=day, columns=("target_date", *RANKING))
    ranked = rows.sort(["score", "symbol"], descending=[True, False]).with_row_index("rank", 1)
    if as_json:
        print_json(
            {"session": day, "simulated": opened.settings.simulated, "ranking": ranked.to_dicts()}
        )
        return
    if ranked.is_empty():
        typer.echo(
            f"{day} is materialized, and the supervisor abstained: fewer than 3 agents had an "
            "opinion and a model."
        )
        return
    shown = ranked
    if top is not None and ranked.height > 2 * top:
        shown = pl.concat([ranked.head(top), ranked.tail(top)])
    target = ranked.item(0, "target_date")
    low, high = ranked.select(pl.min("confidence_score"), max=pl.max("confidence_score")).row(0)
    print_table(
        f"After the close of {day}, until the open of {target}{simulated_note(opened)}",
        [
            {
                "rank": row["rank"],
                "symbol": row["symbol"],
                "score": f"{row['score']:+.2f}",
                "expected": percent(row["predicted_return"], 2),
                "alpha": percent(row["predicted_alpha"], 2),
                "80 % interval": f"{percent(row['return_low'])} {percent(row['return_high'])}",
                "confidence": f"{row['confidence_score']:.3f}",
                "disagreement": f"{row['disagreement']:.2f}",
                "agents": row["n_agents"],
            }
            for row in shown.to_dicts()
        ],
        caption=(
            f"{ranked.height} symbols. Returns over the horizon. Confidence is the calibrated "
            f"probability of the right side of the median, here {low:.3f}..{high:.3f}: .5 is a "
            "coin toss."
        ),
    )


def _require_session(opened: "Deployment", day: date) -> None:
    covered = opened.lake.materialized(SYNTHESIZED, None)
    if not any(first <= day <= last for first, last in covered):
        raise TableMissingError(
            f"{SYNTHESIZED} of {day} is not materialized. "
            f"Run: stocks-ai backfill --from {opened.settings.first_session} --to {day}"
        )


def fingerprint(
    tables: Annotated[
        list[str] | None, typer.Argument(help="Tables, for instance signals.risk. Default: all.")
    ] = None,
    first: Annotated[str | None, typer.Option("--from", help="First partition.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last partition.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Print table, rows and content hash, one table a line.

    The same hash means the same content, bit for bit, whoever computed it and in which order.
    """
    from stocks_ai_assets.tables import TABLES, table

    opened = deployment()
    start = parse_day(first, "--from") if first else None
    end = parse_day(last, "--to") if last else None
    if start and end and start > end:
        raise UsageError(f"--from {start} lies after --to {end}. Swap them.")
    names = [table(name).name for name in tables] if tables else list(TABLES)
    rows: list[dict[str, Any]] = []
    for name in names:
        if opened.lake.version(name) is None:
            if tables:
                raise TableMissingError(f"{name} was never written. Run: stocks-ai backfill")
            continue
        whole = TABLES[name].partitioned_by == "none"
        found = opened.lake.fingerprint(
            name, first=None if whole else start, last=None if whole else end
        )
        rows.append({"table": name, "rows": found.rows, "content_hash": found.content_hash})
    if as_json:
        print_json(rows)
        return
    for row in rows:
        typer.echo(f"{row['table']:<32} {row['rows']:>10} {row['content_hash']}")
