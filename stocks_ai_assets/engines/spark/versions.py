"""Libraries that workers compute with: equal versions, equal bits.

Workers import this module before they are known to have any: it imports Python's own alone.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LIBRARIES = ("dataframely", "numpy", "polars", "pyarrow", "pydantic-settings", "scipy")
"""What a worker imports with this package's code; a test holds this to what is imported."""


def versions(names: tuple[str, ...] = LIBRARIES) -> dict[str, str]:
    """Return the versions that this process has: Python by minor version, libraries exactly."""
    found = {"python": f"{sys.version_info[0]}.{sys.version_info[1]}"}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


def requirements() -> tuple[str, ...]:
    """Return the libraries of this process as requirements for those of a worker."""
    found = versions()
    return tuple(f"{name}=={found[name]}" for name in LIBRARIES)


def differing(session: "SparkSession") -> dict[str, tuple[str, str]]:
    """Ask one worker for its versions; return those that differ: here, and there."""
    rows = session.range(0, 1, 1, 1).mapInArrow(partial(_told, LIBRARIES), "versions string")
    (row,) = rows.collect()
    here: Mapping[str, str] = versions()
    there: Mapping[str, str] = json.loads(row.versions)
    return {name: (here[name], there[name]) for name in here if here[name] != there[name]}


def _told(names: tuple[str, ...], batches: Iterator[Any]) -> Iterator[Any]:
    import pyarrow as pa

    for _ in batches:
        yield pa.RecordBatch.from_pydict({"versions": [json.dumps(versions(names))]})
