"""A small simulated market around an early close on which a quarter begins, then a split."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.proofs.comparison import compare
from stocks_ai_assets.proofs.graph import Graph, materialize
from stocks_ai_assets.sources.folder import FolderSource
from stocks_ai_assets.sources.sample import TRAPS, simulate


@dataclass(frozen=True)
class Days:
    """Sessions that the tests are about."""

    quarter: date = date(2023, 7, 3)  # first of its quarter, and an early close
    split: date = date(2023, 7, 5)
    eve: date = date(2023, 6, 28)  # ways to compute go different ways after it
    last: date = date(2023, 7, 6)

    @property
    def first(self) -> date:
        """First partition: a quarter of predictions has matured before `quarter`."""
        return nyse().offset(self.eve, -70)

    @property
    def after(self) -> date:
        """First session after `eve`."""
        return nyse().offset(self.eve, 1)


@pytest.fixture(scope="session")
def days() -> Days:
    return Days()


@pytest.fixture(scope="session")
def parameters(days) -> Parameters:
    return Parameters(first_session=days.first)


@pytest.fixture(scope="session")
def raw(days):
    session = TRAPS["split_3_2"].session
    assert session
    start = nyse().offset(days.split, -session)
    return simulate(n_symbols=28, seed=7, first_session=start, n_sessions=session + 66)


@pytest.fixture(scope="session")
def source(raw) -> FolderSource:
    return FolderSource(raw, nyse(), name="sample", simulated=True)


@pytest.fixture(scope="session")
def graph(source, parameters) -> Graph:
    return Graph(source=source, parameters=parameters)


@pytest.fixture(scope="session")
def whole(graph, days, tmp_path_factory) -> Lake:
    """The range from the first to the last session in one piece."""
    lake = Lake(tmp_path_factory.mktemp("whole"))
    materialize(graph, lake, days.first, days.last)
    return lake


@pytest.fixture(scope="session")
def past(graph, days, tmp_path_factory) -> Path:
    """Folder of a lake that ends on the eve; to be copied."""
    folder = tmp_path_factory.mktemp("past")
    materialize(graph, Lake(folder), days.first, days.eve)
    return folder


@pytest.fixture(scope="session")
def changed():
    """Return the tables in which two lakes differ until a session, with where they first do."""

    def tables(baseline, other, until=None):
        return {
            each.table: str(each.difference)
            for each in compare(baseline, other, until)
            if not each.equal
        }

    return tables
