"""`prove look-ahead`: take away and poison the future, compare every table up to the session."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from stocks_ai_assets.cli.arguments import AsJson, parse_session
from stocks_ai_assets.cli.opening import deployment
from stocks_ai_assets.cli.printing import print_json, print_table

if TYPE_CHECKING:
    from stocks_ai_assets.deployment import Deployment
    from stocks_ai_assets.proofs.graph import Step
    from stocks_ai_assets.proofs.look_ahead import Claim, Proof


def look_ahead(
    sessions: Annotated[
        list[str] | None,
        typer.Option("--session", help="Session to prove; repeatable. Default: three by rule."),
    ] = None,
    plant_name: Annotated[
        str | None,
        typer.Option("--plant", metavar="NAME", help="Plant this leak: it must be caught."),
    ] = None,
    *,
    list_plants: Annotated[
        bool, typer.Option("--list-plants", help="Name the leaks that can be planted.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Prove that nothing stored for a session depends on anything that came after it.

    The whole graph is materialized from all facts, from the facts as they were at the session's
    close, and from a future of absurd values. Every table must be the same until the session, bit
    for bit. The lake itself is not touched.
    """
    from stocks_ai_assets.proofs.look_ahead import prove_look_ahead
    from stocks_ai_assets.proofs.plants import PLANTS, plant

    if list_plants:
        rows = [{"plant": name, "leak": each.title} for name, each in PLANTS.items()]
        print_json(rows) if as_json else print_table("Leaks that can be planted", rows)
        return
    chosen = plant(plant_name) if plant_name else None
    days = [parse_session(text, "--session") for text in sessions or ()]
    opened = deployment()
    proof = prove_look_ahead(_claim(opened, chosen), days, progress=_progress())
    if as_json:
        print_json(_as_json(proof))
    else:
        _print(proof)
    proof.require()


def _claim(opened: "Deployment", chosen: object) -> "Claim":
    from stocks_ai_assets.errors import UsageError
    from stocks_ai_assets.proofs.look_ahead import Claim
    from stocks_ai_assets.proofs.plants import Plant
    from stocks_ai_assets.sources.folder import FolderSource

    source = opened.source
    if not isinstance(source, FolderSource):
        raise UsageError(
            f"Source `{source.name}` cannot be proved: its raw rows are not at hand. "
            "Set STOCKS_AI_SOURCE to folder or sample."
        )
    return Claim(
        source=source,
        parameters=opened.parameters,
        universe=opened.settings.universe,
        plant=chosen if isinstance(chosen, Plant) else None,
    )


def _progress() -> "Callable[[str, Step], None]":
    """Say on standard error which lake is being filled."""
    seen: list[str] = []

    def progress(lake: str, step: "Step") -> None:
        _ = step
        if lake not in seen:
            seen.append(lake)
            typer.secho(f"Materializing {lake} ...", err=True, dim=True)

    return progress


def _print(proof: "Proof") -> None:
    print_table(
        "Tables up to the session, with other futures",
        [
            {
                "session": session,
                "future": future,
                "tables": len(found),
                "rows": sum(each.tables.baseline.rows for each in found),
                "changed": ", ".join(each.tables.table for each in found if not each.tables.equal)
                or None,
            }
            for session in proof.sessions
            for future in ("cut", "poisoned")
            if (
                found := [
                    each
                    for each in proof.comparisons
                    if (each.session, each.future) == (session, future)
                ]
            )
        ],
    )
    empty = dict.fromkeys(
        each.tables.table for each in proof.comparisons if not each.tables.baseline.rows
    )
    if empty:
        typer.echo(f"Nothing to compare in {', '.join(empty)}: no rows until the session.")
    if proof.plant is None and proof.holds:
        typer.echo(
            f"No look-ahead found: {proof.rows:,} rows are the same, bit for bit "
            f"({proof.seconds:.0f} s)."
        )
    elif proof.plant is not None and proof.holds:
        first = proof.differences[0]
        typer.echo(f"Caught: {proof.plant.title}")
        typer.echo(
            f"First seen in {first.tables.table} at {first.session} ({first.future}): "
            f"{first.tables.difference} ({proof.seconds:.0f} s)."
        )


def _as_json(proof: "Proof") -> dict[str, object]:
    return {
        "holds": proof.holds,
        "plant": proof.plant.name if proof.plant else None,
        "seconds": round(proof.seconds, 3),
        "rows": proof.rows,
        "comparisons": [
            {
                "session": each.session,
                "future": each.future,
                "table": each.tables.table,
                "equal": each.tables.equal,
                "rows": each.tables.baseline.rows,
                "content_hash": each.tables.baseline.content_hash,
                "other_content_hash": each.tables.other.content_hash,
                "difference": None if each.tables.equal else str(each.tables.difference),
            }
            for each in proof.comparisons
        ],
    }
