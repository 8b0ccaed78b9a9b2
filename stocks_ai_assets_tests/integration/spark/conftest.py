"""A real local Spark with Delta, started once; and the vendor's market, computed without it."""

from datetime import date
from pathlib import Path

import pytest

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.proofs.graph import Graph, materialize

START, END = date(2021, 3, 25), date(2021, 4, 7)
"""Sessions of the vendor's deployment, a few around the change of the quarter."""


@pytest.fixture(scope="session")
def engine():
    """Local Spark; missing Java or jars fail with the message a user would see."""
    from stocks_ai_assets.engines.spark.engine import SparkEngine
    from stocks_ai_assets.engines.spark.session import SparkOptions

    engine = SparkEngine(SparkOptions(cores=2))
    session = engine.session  # what Java prints at its start is no test's output
    yield engine
    session.stop()


@pytest.fixture(scope="session")
def vendor_graph(vendor) -> Graph:
    """All tables of the vendor's market, computed here."""
    from stocks_ai_assets.sources.folder import FolderSource
    from stocks_ai_assets.sources.raw import read_folder

    source = FolderSource(read_folder(Path(vendor)), nyse(), name="folder", simulated=True)
    return Graph(source=source, parameters=Parameters(first_session=START, horizon=2))


@pytest.fixture(scope="session")
def here(vendor_graph, shared) -> Lake:
    """The market computed in this process; read only."""
    return Lake(shared("here", lambda root: materialize(vendor_graph, Lake(root), START, END)))


def prints(lake):
    """Content hash and rows of every table."""
    found = map(lake.fingerprint, lake.tables())
    return {each.table: (each.rows, each.content_hash) for each in found}


class Shelf:
    """A folder that is used as an object store is: no locks, files made whole or not at all."""

    def __init__(self, root):
        from stocks_ai_assets.lake.storage import Folder

        self._folder = Folder(root)

    def __getattr__(self, name):
        return getattr(self._folder, name)
