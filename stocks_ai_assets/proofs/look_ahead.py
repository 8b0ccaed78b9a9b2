"""The look-ahead proof: take away or poison everything after a session; nothing before may change.

The whole graph is materialized three times into lakes of its own: from all that the source has,
from the source as it was at the session's close, and from one whose later facts are absurd. Every
table must have the same content hash until the session.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Literal

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.graph import transforms
from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.errors import LookAheadError
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.proofs.comparison import TableComparison, compare
from stocks_ai_assets.proofs.cut import cut, poisoned
from stocks_ai_assets.proofs.graph import Graph, Step, materialize
from stocks_ai_assets.proofs.plants import Plant
from stocks_ai_assets.proofs.sessions import (
    HISTORY,
    default_sessions,
    last_of_future,
    require_provable,
)
from stocks_ai_assets.sources.folder import FolderSource

Future = Literal["cut", "poisoned"]

SHARED = 80
"""Sessions that are no further apart than this share their lakes' first session and baseline."""

Progress = Callable[[str, Step], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One table until one session, with one other future.

    Parameters
    ----------
    session
        Last session whose rows were compared.
    future
        What was done to everything after it.
    tables
        The two tables and where they differ.
    """

    session: date
    future: Future
    tables: TableComparison


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What came out.

    Parameters
    ----------
    comparisons
        By session, future and table, in the order of the data flow.
    plant
        Leak that was planted, or None.
    seconds
        Wall time.
    """

    comparisons: tuple[Comparison, ...]
    plant: Plant | None
    seconds: float

    @property
    def sessions(self) -> tuple[date, ...]:
        """Sessions proved."""
        return tuple(dict.fromkeys(each.session for each in self.comparisons))

    @property
    def rows(self) -> int:
        """Rows of the baseline that were compared."""
        return sum(each.tables.baseline.rows for each in self.comparisons)

    @property
    def differences(self) -> tuple[Comparison, ...]:
        """Tables that changed."""
        return tuple(each for each in self.comparisons if not each.tables.equal)

    @property
    def holds(self) -> bool:
        """Whether the outcome is the wanted one: no change, or a change where a leak is planted."""
        return bool(self.differences) == (self.plant is not None)

    def require(self) -> None:
        """Raise `LookAheadError` unless the proof holds."""
        if self.holds:
            return
        sessions = ", ".join(str(session) for session in self.sessions)
        if self.plant is not None:
            raise LookAheadError(
                f"The plant `{self.plant.name}` was not found at {sessions}: no table changed. "
                f"Choose sessions after which {self.plant.where} has something to leak."
            )
        names = list(dict.fromkeys(each.tables.table for each in self.differences))
        first = self.differences[0]
        raise LookAheadError(
            f"{first.tables.table} changed until {first.session} when the future was "
            f"{first.future}: {first.tables.difference}. Tables changed: {', '.join(names)}; look "
            f"at how {names[0]} is computed first."
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """What is to be proved, and on what.

    Parameters
    ----------
    source
        All facts, with the raw rows they come from.
    parameters
        Settings of the deployment; lakes start no earlier than its first session.
    universe
        Symbols of the deployment; empty: all.
    select
        Assets to compute, with all that they read; empty: all.
    plant
        Leak to plant.
    history
        Sessions of results before the first session proved. Facts before them come with the
        first partition.
    """

    source: FolderSource
    parameters: Parameters
    universe: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    plant: Plant | None = None
    history: int = HISTORY


def prove_look_ahead(
    claim: Claim, sessions: Sequence[date] = (), *, progress: Progress | None = None
) -> Proof:
    """Prove for each session that no row until then depends on anything later.

    Parameters
    ----------
    claim
        Graph and source.
    sessions
        Sessions to prove; empty: `default_sessions`.
    progress
        Called after every asset with the name of the lake.

    Raises
    ------
    UsageError
        A session has no past or no future in the source.
    """
    start = perf_counter()
    source, parameters = claim.source, claim.parameters
    chosen = sorted(set(sessions or default_sessions(source, parameters)))
    for session in chosen:
        require_provable(session, source, parameters)
    found: list[Comparison] = []
    for group in _groups(chosen):
        with TemporaryDirectory(prefix="stocks-ai-proof-") as folder:
            found.extend(_prove(claim, group, progress, Path(folder)))
    return Proof(comparisons=tuple(found), plant=claim.plant, seconds=perf_counter() - start)


def _prove(
    claim: Claim, sessions: Sequence[date], progress: Progress | None, folder: Path
) -> Iterator[Comparison]:
    """Compare the lakes of sessions near each other; they share the first session and baseline."""
    source = claim.source
    earliest = nyse().offset(sessions[0], -claim.history)
    first = max(earliest, claim.parameters.first_session)
    end = last_of_future(sessions[-1], source)

    def filled(name: str, facts: FolderSource, last: date) -> Lake:
        lake = Lake(folder / name)
        graph = _graph(claim, facts, first)
        on_step = partial(progress, name) if progress else None
        materialize(graph, lake, first, last, on_step=on_step)
        return lake

    baseline = filled("all", source, end)
    for session in sessions:
        futures: dict[Future, Lake] = {
            "cut": filled(f"cut after {session}", cut(source, session), session),
            "poisoned": filled(f"poisoned after {session}", poisoned(source, session), end),
        }
        for future, lake in futures.items():
            for tables in compare(baseline, lake, until=session):
                yield Comparison(session=session, future=future, tables=tables)


def _graph(claim: Claim, facts: FolderSource, first: date) -> Graph:
    parameters = replace(claim.parameters, first_session=first)
    # The universe is a setting: it does not shrink with what a source has.
    universe = claim.universe or claim.source.symbols()
    declared, plant = transforms(parameters), claim.plant
    return Graph(
        source=plant.source(facts) if plant else facts,
        parameters=parameters,
        universe=universe,
        transforms=tuple(plant.transform(each) for each in declared) if plant else declared,
        select=claim.select,
    )


def _groups(sessions: Sequence[date]) -> list[list[date]]:
    groups: list[list[date]] = []
    for session in sessions:
        if groups and len(nyse().between(groups[-1][0], session)) <= SHARED:
            groups[-1].append(session)
        else:
            groups.append([session])
    return groups
