"""`databricks deploy`, `run` and `status`: the bundle's jobs in a workspace, and what they need."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stocks_ai_assets.cli.arguments import AsJson
from stocks_ai_assets.cli.printing import print_json, print_table
from stocks_ai_assets.errors import UsageError, WorkspaceError

if TYPE_CHECKING:
    from stocks_ai_assets.databricks.deploy import Change, Deployment

app = typer.Typer(
    help="Jobs in a Databricks workspace, as databricks.yml describes them.", no_args_is_help=True
)

Target = Annotated[
    str | None, typer.Option("--target", "-t", help="Target of the bundle; default: dev.")
]
BundleFile = Annotated[Path, typer.Option("--file", help="The bundle.")]
Variables = Annotated[
    list[str] | None, typer.Option("--var", help="NAME=VALUE of a variable; may be repeated.")
]
DEFAULT_FILE = Path("databricks.yml")


@app.command()
def deploy(
    target: Target = None,
    file: BundleFile = DEFAULT_FILE,
    var: Variables = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")
    ] = False,
    delete: Annotated[
        bool,
        typer.Option("--delete", help="Delete jobs and policies that the bundle has no more."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the workspace like the bundle. Doing it again does nothing."""
    opened = _open(target, file, var)
    if dry_run:
        changes = opened.plan(delete=delete)
    else:
        changes = opened.apply(delete=delete, on_change=None if as_json else _tell)
    if as_json:
        print_json({"target": opened.bundle.target, "dry_run": dry_run, "changes": _rows(changes)})
        return
    wanted = [change for change in changes if change.action != "none"]
    if dry_run and wanted:
        print_table(f"What would change in target {opened.bundle.target}", _rows(wanted))
    elif not wanted:
        typer.echo(f"Target {opened.bundle.target} is up to date: {len(changes)} resources.")


@app.command()
def run(
    job: Annotated[str, typer.Argument(help="Job of the bundle: daily, stream or backfill.")],
    target: Target = None,
    file: BundleFile = DEFAULT_FILE,
    var: Variables = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", help="NAME=VALUE of a job parameter; may be repeated."),
    ] = None,
    *,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until the run has ended.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Run a deployed job and wait for its end; Ctrl-C cancels the run."""
    from stocks_ai_assets.databricks.deploy_runs import begun, starting, wait_for, watched

    opened = _open(target, file, var)
    start = starting(opened, job, _pairs(param, "--param"))

    def tell(text: str) -> None:
        typer.echo(text, err=True)

    if not wait:
        started = begun(opened, start)
        tell(f"{job} runs as {started.link}.")
        _print_run({"job": job, "run_id": started.run_id, "url": started.url}, as_json=as_json)
        return
    with watched(opened, start, tell) as started:
        tell(f"{job} runs as {started.link}.")
        end, printed = wait_for(opened, started)
    found = {"job": job, "run_id": started.run_id, "url": started.url, "state": end.state}
    if end.kind != "succeeded":
        if printed:
            typer.echo(printed, err=True)
        raise WorkspaceError(f"{job}: {started.link} {end.sentence}")
    _print_run({**found, "output": printed.strip()}, as_json=as_json)


@app.command()
def status(
    target: Target = None,
    file: BundleFile = DEFAULT_FILE,
    var: Variables = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what is deployed, what differs from the bundle, and each job's last run."""
    from stocks_ai_assets.databricks.deploy_runs import last_run

    opened = _open(target, file, var)
    words = {"create": "missing", "update": "differs", "none": "deployed"}
    rows = []
    for change in opened.plan():
        job = change.id if change.resource.startswith("jobs.") else None
        rows.append(
            {
                "resource": change.resource,
                "name": change.name,
                "state": words.get(change.action, change.action),
                **({"id": change.id} if as_json else {}),
                "last_run": last_run(opened, job) if job else None,
            }
        )
    if as_json:
        print_json({"target": opened.bundle.target, "resources": rows})
    else:
        print_table(f"Target {opened.bundle.target}", rows)


def _open(target: str | None, file: Path, var: list[str] | None) -> "Deployment":
    from stocks_ai_assets.databricks.bundle import load_bundle
    from stocks_ai_assets.databricks.deploy import Deployment
    from stocks_ai_assets.settings import load_settings
    from stocks_ai_assets.workspace_client import open_client, workspace_failures

    workspace = open_client(load_settings().databricks)
    with workspace_failures("Asking the workspace who you are"):
        user = workspace.current_user.me().user_name or ""
    return Deployment(load_bundle(file, target, _pairs(var, "--var"), user), workspace)


def _pairs(given: list[str] | None, name: str) -> dict[str, str]:
    for text in given or ():
        if "=" not in text:
            raise UsageError(f"{name} {text}: write it as NAME=VALUE.")
    return dict(text.split("=", 1) for text in given or ())


def _rows(changes: "list[Change]") -> list[dict[str, Any]]:
    return [
        {
            "action": change.action,
            "resource": change.resource,
            "name": change.name,
            "details": "; ".join(change.details),
        }
        for change in changes
    ]


def _tell(change: "Change") -> None:
    if change.action == "none":
        return
    done = {"create": "created", "update": "updated", "delete": "deleted", "left": "left"}
    details = f": {'; '.join(change.details)}" if change.details else ""
    typer.echo(f"{done[change.action]} {change.resource} ({change.name}){details}")


def _print_run(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    elif found.get("output"):
        typer.echo(found["output"])
