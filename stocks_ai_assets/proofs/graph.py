"""The whole graph without Dagster: the same nodes, engine and lake, in the same order.

Proofs materialize many small lakes, also with single transforms replaced. Nothing is computed
here; a deployment's own lake is filled by Dagster.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from time import perf_counter

import polars as pl

from stocks_ai_assets.assets.facts import fact_version, read_facts
from stocks_ai_assets.assets.nodes import Node, nodes
from stocks_ai_assets.assets.trials import agents_of, code_of_graph, trials_version
from stocks_ai_assets.domain.evaluation.trials import merge_trials, trial_rows
from stocks_ai_assets.domain.graph import transforms
from stocks_ai_assets.domain.transform import Parameters, Transform, Window, first_session_of
from stocks_ai_assets.engines import local
from stocks_ai_assets.engines.inputs import with_slices
from stocks_ai_assets.engines.local import LOCAL
from stocks_ai_assets.engines.port import Engine, write
from stocks_ai_assets.errors import UnknownNameError
from stocks_ai_assets.jobs import Stage, stages
from stocks_ai_assets.lake import Lake, Stamps, Written
from stocks_ai_assets.partitions import partition_range, window_of
from stocks_ai_assets.sources.ports import Source

RUN_ID = "proof"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One asset was written for a range of partitions.

    Parameters
    ----------
    name
        Asset key with slashes.
    first, last
        Partitions asked for: sessions or quarters.
    rows
        Rows written.
    seconds
        Wall time of reading, computing and writing.
    """

    name: str
    first: date
    last: date
    rows: int
    seconds: float


OnStep = Callable[[Step], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    """Everything needed to fill a lake.

    Parameters
    ----------
    source
        Where facts come from.
    parameters
        Settings that change results.
    universe
        Symbols, as the ledger of trials names them.
    transforms
        Declarations of the computed tables; None: the project's own.
    select
        Assets to compute, with all that they read; empty: all.
    engine
        What computes tables.
    """

    source: Source
    parameters: Parameters
    universe: tuple[str, ...] = ()
    transforms: tuple[Transform, ...] | None = None
    select: tuple[str, ...] = ()
    engine: Engine = LOCAL

    @property
    def nodes(self) -> dict[str, Node]:
        """Assets by name, each after the assets it reads.

        Raises
        ------
        UnknownNameError
            An asset of `select` does not exist.
        """
        every = nodes(with_slices(self.transforms or transforms(self.parameters)))
        return _with_upstream(every, self.select) if self.select else every


def _with_upstream(every: Mapping[str, Node], select: Collection[str]) -> dict[str, Node]:
    wanted = set(select)
    if unknown := wanted - every.keys():
        raise UnknownNameError(
            f"No asset {', '.join(sorted(unknown))}. Assets: {', '.join(every)}."
        )
    for name in reversed(list(every)):
        if name in wanted:
            wanted.update(every[name].upstream)
    return {name: node for name, node in every.items() if name in wanted}


def materialize(
    graph: Graph, lake: Lake, first: date, last: date, *, on_step: OnStep | None = None
) -> None:
    """Fill `lake` for the sessions `first`..`last` as one range.

    Parameters
    ----------
    graph
        What to compute.
    lake
        Where to write; sessions before `first` must be there already.
    first, last
        Sessions, both inclusive; the quarters they touch are fitted too.
    on_step
        Called after every asset.
    """
    sessions = partition_range("session", first, last, graph.parameters)
    _fill(graph, lake, sessions, graph.nodes, on_step)


def materialize_daily(
    graph: Graph, lake: Lake, first: date, last: date, *, on_step: OnStep | None = None
) -> None:
    """Fill `lake` for the sessions `first`..`last` one by one, as the nightly run does.

    A quarter is fitted once, on its first session; parameters are those of `materialize`.
    """
    found = graph.nodes
    for session in partition_range("session", first, last, graph.parameters).partitions:
        day = partition_range("session", session, session, graph.parameters)
        _fill(graph, lake, day, found, on_step)


def _fill(
    graph: Graph, lake: Lake, sessions: Window, found: dict[str, Node], on_step: OnStep | None
) -> None:
    for stage in stages(found):
        window = _window(stage, sessions)
        if window is None:
            continue
        for name in stage.names:
            start = perf_counter()
            written = write_node(graph, lake, found[name], window)
            if on_step:
                on_step(
                    Step(
                        name=name,
                        first=window.first,
                        last=window.last,
                        rows=written.rows,
                        seconds=perf_counter() - start,
                    )
                )


def _window(stage: Stage, sessions: Window) -> Window | None:
    """Partitions of a stage; None when its only quarter began on an earlier session."""
    window = window_of(stage.kind, sessions)
    if stage.kind == "session":
        return window
    first_session = sessions.parameters.first_session
    new = [
        quarter
        for quarter in window.partitions
        if max(first_session_of(quarter, window), first_session) >= sessions.first
    ]
    return replace(window, partitions=tuple(new)) if new else None


def write_node(graph: Graph, lake: Lake, node: Node, window: Window) -> Written:
    """Materialize one asset for one window: what its Dagster asset does, without Dagster."""
    created = window.calendar.cutoff(window.calendar.next_or_same(window.last))
    if node.transform is not None:
        return local.materialize(
            lake, node.transform, window, run_id=RUN_ID, created=created, engine=graph.engine
        )
    if node.table.kind != "fact":
        return _write_trials(graph, lake, node, window)
    rows = read_facts(node, graph.source, window, fact_version(graph.universe))
    stamps = Stamps(
        run_id=RUN_ID, code_version=rows.code_version, input_versions={}, created=created
    )
    if rows.quarantined is not None:
        lake.write(
            "market.quarantine",
            rows.quarantined,
            first=rows.first,
            last=rows.last,
            slice=node.table.name,
            stamps=stamps,
        )
    return write(
        lake,
        node.table.name,
        rows.frame,
        first=rows.first,
        last=rows.last,
        slice=None,
        stamps=stamps,
    )


def _write_trials(graph: Graph, lake: Lake, node: Node, window: Window) -> Written:
    found = graph.nodes
    new = trial_rows(
        graph.parameters,
        agents=agents_of(found),
        source=graph.source.name,
        universe=graph.universe or graph.source.symbols(),
        code_version=code_of_graph(found),
    )
    known = lake.version(node.table.name) is not None
    ledger = lake.read(node.table.name) if known else pl.DataFrame(schema=node.table.schema)
    stamps = Stamps(
        run_id=RUN_ID,
        code_version=trials_version(found, graph.parameters, graph.universe),
        input_versions={},
        created=window.calendar.cutoff(window.calendar.next_or_same(window.last)),
    )
    return lake.write(
        node.table.name,
        merge_trials(ledger, new),
        first=None,
        last=None,
        slice=None,
        stamps=stamps,
    )
