"""`governance`: plan and apply the policy of a catalog, its SQL, and lineage."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stocks_ai_assets.cli.arguments import AsJson
from stocks_ai_assets.cli.printing import print_json, print_table
from stocks_ai_assets.errors import GovernanceError, UsageError

if TYPE_CHECKING:
    from stocks_ai_assets.governance.actions import Action
    from stocks_ai_assets.governance.calls import Dialect
    from stocks_ai_assets.governance.planning import Plan
    from stocks_ai_assets.governance.policy import Policy
    from stocks_ai_assets.settings import Settings

CHANGES = 3
"""Exit code of `plan --detailed-exitcode` when there is something to do; 1 and 2 are failures."""

SPARKS_OWN = "spark_catalog"
"""Catalog of local Spark: no server has it, so the policy's name stays."""

SERVERS = ("auto", "databricks", "oss")

PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", help="Policy file; default: STOCKS_AI_POLICY, else the packaged one."),
]
ServerOption = Annotated[
    str, typer.Option("--server", help="auto, databricks or oss (open-source Unity Catalog).")
]
Prune = Annotated[
    bool, typer.Option("--prune", help="Also drop and revoke what the policy does not know.")
]

app = typer.Typer(
    help="Bring a catalog to what its policy says: plan, apply, SQL, lineage.",
    no_args_is_help=True,
)


@app.command("plan")
def plan(
    policy: PolicyFile = None,
    server: ServerOption = "auto",
    *,
    prune: Prune = False,
    with_sql: Annotated[bool, typer.Option("--sql", help="Show each statement.")] = False,
    detailed: Annotated[
        bool,
        typer.Option("--detailed-exitcode", help="Exit with 3 if anything differs, else 0."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare the catalog with policy and contracts; change nothing."""
    _, planned, _ = _planned(policy, server, prune=prune)
    if as_json:
        print_json(planned.as_dict())
    else:
        _print_plan(planned, with_sql=with_sql)
    if detailed and (planned.actions or planned.drift):
        raise typer.Exit(CHANGES)


@app.command("apply")
def apply(
    policy: PolicyFile = None,
    server: ServerOption = "auto",
    *,
    prune: Prune = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Plan only.")] = False,
    as_json: AsJson = False,
) -> None:
    """Carry out the plan. A second time there is nothing to do."""
    from stocks_ai_assets.governance.applying import apply_plan

    opened, planned, _ = _planned(policy, server, prune=prune)
    if dry_run:
        print_json(planned.as_dict()) if as_json else _print_plan(planned, with_sql=False)
        return
    total = len(planned.actions)
    done: list[Action] = []

    def tell(action: "Action") -> None:
        done.append(action)
        if not as_json:
            typer.echo(f"{len(done):>4}/{total} {action.title}")

    try:
        applied = apply_plan(planned, opened, told=tell)
    except KeyboardInterrupt:
        typer.echo(f"Interrupted after {len(done)} of {total} changes.", err=True)
        raise
    if as_json:
        print_json({**planned.as_dict(), **applied.as_dict()})
    if applied.failed:
        raise GovernanceError(applied.summary)
    if not as_json:
        _print_findings(planned)
        typer.echo(applied.summary if total else f"Catalog {planned.catalog}: nothing to do.")


@app.command("sql")
def sql(policy: PolicyFile = None) -> None:
    """Print the policy as SQL of Databricks, in order, for review. No server is asked."""
    from stocks_ai_assets.governance.governing import lake_location, script

    settings, checked = _policy(policy)
    for action in script(checked, lake_location(settings)).actions:
        end = "" if action.sql.startswith("--") else ";"
        typer.echo(f"{action.sql}{end}\n")


@app.command("lineage")
def lineage(
    policy: PolicyFile = None,
    server: ServerOption = "auto",
    *,
    prune: Prune = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show, change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Push the lineage of tables that Databricks did not write, from the assets' declarations."""
    from stocks_ai_assets.domain.graph import transforms
    from stocks_ai_assets.governance.governing import lake_of, server_of
    from stocks_ai_assets.governance.lineage import (
        plan_lineage,
        push_lineage,
        require_lineage,
        steps_of,
    )
    from stocks_ai_assets.governance.writers import written_on_databricks

    settings, checked = _policy(policy)
    steps = steps_of(checked.catalog, transforms(settings.parameters), settings.source)
    opened = server_of(settings, _dialect(server))
    require_lineage(opened)
    parts = [(each, step.slice) for step in steps for each in step.outputs]
    left = written_on_databricks(lake_of(checked, settings), parts)
    found = plan_lineage(opened, checked.catalog, steps, left)
    told = [
        f"{checked.catalog}.{table} ({part})" if part else f"{checked.catalog}.{table}"
        for table, part in sorted(left)
    ]
    changes = [each for each in found if prune or not each.prune]
    stale = [each for each in found if each.prune and not prune]
    done = 0 if dry_run else push_lineage(opened, changes)
    if as_json:
        print_json(
            {
                "changes": [each.as_dict() for each in changes],
                "stale": [each.as_dict() for each in stale],
                "left": told,
                "done": done,
            }
        )
        return
    for each in changes:
        typer.echo(each.title)
    for each in stale:
        typer.echo(f"With --prune: {each.title}")
    if left:
        typer.echo(f"Left to Databricks, which wrote them and records that: {', '.join(told)}.")
    verb = "would be" if dry_run else "were"
    typer.echo(f"{len(changes)} changes of the lineage of {checked.catalog} {verb} made.")


def _policy(file: Path | None) -> "tuple[Settings, Policy]":
    from stocks_ai_assets.governance.policy import load_policy
    from stocks_ai_assets.settings import load_settings

    settings = load_settings()
    catalog = None if settings.catalog == SPARKS_OWN else settings.catalog
    return settings, load_policy(file or settings.policy, catalog=catalog)


def _dialect(name: str) -> "Dialect | None":
    match name:
        case "auto":
            return None
        case "databricks" | "oss":
            return name
    raise UsageError(f"--server: `{name}` is none of {', '.join(SERVERS)}.")


def _planned(file: Path | None, server: str, *, prune: bool) -> "tuple[Any, Plan, Policy]":
    from stocks_ai_assets.governance.governing import lake_location, plan_for, server_of

    dialect = _dialect(server)
    settings, checked = _policy(file)
    opened = server_of(settings, dialect)
    return opened, plan_for(checked, opened, lake_location(settings), prune=prune), checked


def _print_plan(planned: "Plan", *, with_sql: bool) -> None:
    where = "Databricks" if planned.dialect == "databricks" else "open-source Unity Catalog"
    if planned.actions:
        _print_actions(f"Catalog {planned.catalog} on {where}", planned.actions)
    if with_sql:
        for each in planned.actions:
            typer.echo(each.sql)
        typer.echo()
    _print_findings(planned)
    typer.echo(
        f"{len(planned.actions)} changes. Run: stocks-ai governance apply"
        if planned.actions
        else f"Catalog {planned.catalog} on {where}: nothing to do."
    )


def _print_findings(planned: "Plan") -> None:
    prunable = [each for each in planned.drift if each.fate == "prune"]
    by_hand = [each for each in planned.drift if each.fate == "by hand"]
    for title, found in (
        ("There and not in the policy; changed only with --prune", prunable),
        ("There and not in the policy; to be settled by hand", by_hand),
    ):
        if found:
            _print_actions(title, found)
    if planned.cannot:
        print_table("This server cannot", _obstacles(planned.cannot))


def _obstacles(actions: "tuple[Action, ...]") -> list[dict[str, Any]]:
    """Return one row per obstacle: a server without tags lacks hundreds of them."""
    found: dict[tuple[str, str], list[Action]] = {}
    for each in actions:
        found.setdefault((each.verb, each.obstacle), []).append(each)
    return [
        {"change": verb, "times": len(group), "first": group[0].title, "why": obstacle}
        for (verb, obstacle), group in found.items()
    ]


def _print_actions(title: str, actions: "tuple[Action, ...] | list[Action]") -> None:
    print_table(
        title,
        [
            {
                "change": each.verb,
                "of": f"{each.kind} {each.name}",
                "detail": each.detail or None,
                "why": each.reason,
            }
            for each in actions
        ],
    )
