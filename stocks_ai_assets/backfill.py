"""Run a range of sessions through Dagster in this process: all stages in order, only what is due.

An interrupted run leaves whole tables; running it again goes on with the first asset that is due.
"""

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from time import perf_counter
from typing import TYPE_CHECKING

import dagster as dg

from stocks_ai_assets.assets.facts import fact_version
from stocks_ai_assets.assets.io_manager import Report
from stocks_ai_assets.assets.nodes import Node
from stocks_ai_assets.assets.trials import trials_version
from stocks_ai_assets.deployment import Deployment
from stocks_ai_assets.domain.calendar import next_quarter, nyse
from stocks_ai_assets.domain.transform import Window
from stocks_ai_assets.engines import local
from stocks_ai_assets.errors import UsageError
from stocks_ai_assets.execution import execute
from stocks_ai_assets.jobs import Stage, stages
from stocks_ai_assets.partitions import (
    definition_start,
    partition_range,
    window_of,
)
from stocks_ai_assets.pipeline import pipeline
from stocks_ai_assets.planning import History, State, due, touched

if TYPE_CHECKING:
    from stocks_ai_assets.databricks.runs import RemoteRun


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Assets of one stage that are due for the same partitions: one Dagster run.

    Parameters
    ----------
    stage
        Stage they belong to.
    names
        Asset keys with slashes, in the order of the data flow.
    first, last
        Partitions to run, sessions or quarters.
    missing, stale
        Partitions never computed, and computed from what has changed since, of all assets.
    """

    stage: Stage
    names: tuple[str, ...]
    first: date
    last: date
    missing: int = 0
    stale: int = 0


@dataclass(kw_only=True, slots=True)
class Result:
    """What a backfill did: rows and assets written, where the time went, by asset and in all."""

    rows: int = 0
    written: int = 0
    changed: int = 0
    seconds: float = 0.0
    seconds_reading: float = 0.0
    seconds_computing: float = 0.0
    seconds_writing: float = 0.0
    runs: int = 0
    reports: list[Report] = field(default_factory=list)

    def add(self, report: Report) -> None:
        """Count one asset that was written."""
        self.reports.append(report)
        self.rows += report.rows
        self.written += 1
        self.changed += report.changed
        self.seconds_reading += report.seconds_reading
        self.seconds_computing += report.seconds_computing
        self.seconds_writing += report.seconds_writing


def sessions_window(deployment: Deployment, first: date, last: date) -> Window:
    """Return the sessions `first`..`last`, checked against calendar and first partition."""
    return partition_range("session", first, last, deployment.parameters)


def select(deployment: Deployment, selection: str | None) -> tuple[str, ...] | None:
    """Resolve a selection in Dagster's syntax to asset names; None: all assets."""
    if selection is None:
        return None
    try:
        with warnings.catch_warnings():
            # Dagster builds selections of groups with a parameter of its own that is in beta.
            warnings.simplefilter("ignore", dg.BetaWarning)
            chosen = dg.AssetSelection.from_string(selection)
        keys = chosen.resolve(list(deployment.registry.assets))
    except dg.DagsterError as error:
        first_line = str(error).strip().splitlines()[0]
        raise UsageError(
            f"--select {selection!r}: {first_line} "
            "Examples: 'group:signals', 'key:\"agents/predictions/*\"', "
            "'+key:\"meta/synthesized_predictions\"'."
        ) from None
    names = tuple(key.to_user_string() for key in keys)
    if not names:
        known = ", ".join(list(deployment.registry.nodes)[:4])
        raise UsageError(f"--select {selection!r} selects no asset. Assets: {known}, ...")
    return names


def plan(
    deployment: Deployment,
    first: date,
    last: date,
    selected: Collection[str] | None = None,
    *,
    refresh: bool = False,
) -> tuple[Step, ...]:
    """Return the runs that bring `first`..`last` up to date, in order; empty when all is fresh.

    Parameters
    ----------
    deployment
        Where.
    first, last
        Sessions, both inclusive.
    selected
        Asset names; None: all.
    refresh
        Run every selected partition whether it is due or not.

    Notes
    -----
    Whatever is computed from an asset that runs is due too, so the plan is made as if the runs
    before it changed something; a run that changes nothing costs little.
    """
    nodes, window = deployment.registry.nodes, sessions_window(deployment, first, last)
    found: list[Step] = []
    running: dict[str, tuple[date, date]] = {}
    cache: dict[str, History] = {}
    for stage in stages(nodes, selected):
        groups: dict[tuple[date, date], list[tuple[str, Mapping[date, State]]]] = {}
        for name in stage.names:
            states = due(
                deployment.lake, nodes, name, window, _code_version(deployment, name), cache
            )
            behind = [day for day, state in states.items() if refresh or state != "fresh"]
            fresh = [day for day, state in states.items() if state == "fresh" and not refresh]
            if not set(nodes[name].upstream).isdisjoint(running):
                behind = sorted({*behind, *touched(nodes, name, window, running, fresh)})
            if not behind:
                continue
            running[name] = (behind[0], behind[-1])
            kind = nodes[name].table.partitioned_by
            at = running[name] if kind != "none" else _whole(stage, window)
            groups.setdefault(at, []).append((name, states))
        found += [_step(stage, at, members) for at, members in groups.items()]
    return tuple(found)


def _whole(stage: Stage, window: Window) -> tuple[date, date]:
    """Partitions of the run that an asset without partitions joins."""
    partitions = window_of(stage.kind, window).partitions
    return partitions[0], partitions[-1]


def _step(
    stage: Stage, at: tuple[date, date], members: Sequence[tuple[str, Mapping[date, State]]]
) -> Step:
    counts = [state for _, states in members for state in states.values()]
    return Step(
        stage=stage,
        names=tuple(name for name, _ in members),
        first=at[0],
        last=at[1],
        missing=counts.count("missing"),
        stale=counts.count("stale"),
    )


def code_versions(deployment: Deployment) -> dict[str, str]:
    """Version that would compute each asset now, by name."""
    return {name: _code_version(deployment, name) for name in deployment.registry.nodes}


def _code_version(deployment: Deployment, name: str) -> str:
    node = deployment.registry.nodes[name]
    if node.transform is not None:
        return local.code_version(node.transform, deployment.parameters)
    if node.table.kind == "fact":
        return fact_version(deployment.settings.universe)
    universe = deployment.settings.universe
    return trials_version(deployment.registry.nodes, deployment.parameters, universe)


def due_sessions(deployment: Deployment) -> tuple[date, date] | None:
    """Return the sessions from the first that some asset lacks to the source's newest one.

    None: nothing is due.
    """
    nodes, newest = deployment.registry.nodes.values(), deployment.source.last_session()
    partitioned = (node for node in nodes if node.table.partitioned_by != "none")
    first = min(_first_missing(deployment, node) for node in partitioned)
    return (first, newest) if first <= newest else None


def _first_missing(deployment: Deployment, node: Node) -> date:
    """First session for which a partition of `node` was never computed."""
    kind, start = node.table.partitioned_by, deployment.parameters.first_session
    covered = deployment.lake.materialized(node.table.name, node.slice)
    if not covered or covered[0][0] > definition_start(kind, start):
        return start
    done = covered[0][1]
    following = next_quarter(done) if kind == "quarter" else done + timedelta(days=1)
    return nyse().next_or_same(following)


def run(
    deployment: Deployment,
    first: date,
    last: date,
    *,
    instance: dg.DagsterInstance,
    steps: Sequence[Step] | None = None,
    on_written: Callable[[Report], None] | None = None,
    on_step: Callable[[Step], None] | None = None,
    on_launched: Callable[[str, "RemoteRun"], None] | None = None,
) -> Result:
    """Bring `first`..`last` up to date, one Dagster run a step.

    Parameters
    ----------
    deployment
        Where.
    first, last
        Sessions.
    instance
        Dagster's instance, which records runs and materializations.
    steps
        What `plan` returned; None: plan now, for all assets.
    on_written, on_step
        Called after each asset, and before each run.
    on_launched
        Called with an asset's name and its remote run, when there is one.

    Returns
    -------
    Result

    Raises
    ------
    StocksAiError
        What made an asset fail; the assets before it are written and stay.
    """
    result, start = Result(), perf_counter()

    def note(report: Report) -> None:
        result.add(report)
        if on_written:
            on_written(report)

    steps = plan(deployment, first, last) if steps is None else steps
    if deployment.settings.launch != "pipes" and _needs_source(deployment, steps):
        # A source that cannot be opened fails here, before there is a run to fail.
        _ = deployment.source
    if _computes(deployment, steps):
        # Nor one of this process's own: the runs of facts that come first would go through.
        deployment.prepared_engine()
    definitions = pipeline(deployment, note, on_launched)
    for step in steps:
        if on_step:
            on_step(step)
        execute(definitions, step.stage.name, step.names, step.first, step.last, instance)
        result.runs += 1
    result.seconds = perf_counter() - start
    return result


def _needs_source(deployment: Deployment, steps: Sequence[Step]) -> bool:
    """Whether facts are read: a simulated market is large, and what is computed needs none."""
    nodes = deployment.registry.nodes
    return any(nodes[name].transform is None for step in steps for name in step.names)


def _computes(deployment: Deployment, steps: Sequence[Step]) -> bool:
    """Whether anything is computed: opening Spark takes seconds, and facts alone need none."""
    nodes = deployment.registry.nodes
    return any(nodes[name].transform is not None for step in steps for name in step.names)
