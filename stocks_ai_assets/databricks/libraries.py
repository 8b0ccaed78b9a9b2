"""Libraries of a remote step, pinned to the versions that run here: equal versions, equal bits.

Never pyspark, which the cluster's runtime brings; so never dagster-databricks either, which
depends on it and which a step does not import.
"""

import sys
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

DISTRIBUTION = "stocks-ai-assets"

EXTRAS = ("", "cloud")
"""What a step needs of this package's dependencies; object stores are the cluster's usual lake."""


@cache
def pinned_versions() -> dict[str, str]:
    """Return the version that runs here of every library a step imports, by name."""
    found = {}
    for needed in map(Requirement, requires(DISTRIBUTION) or ()):
        if needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in EXTRAS):
            name = canonicalize_name(needed.name)
            with suppress(PackageNotFoundError):  # an extra that is not installed is not used
                found[name] = version(name)
    return dict(sorted(found.items()))


def pinned_libraries() -> tuple[str, ...]:
    """Return what a cluster is asked to install, as requirements."""
    return tuple(f"{name}=={installed}" for name, installed in pinned_versions().items())


def expected_versions() -> dict[str, str]:
    """Return what a step compares before it starts: Python by minor version, libraries exactly."""
    return {"python": f"{sys.version_info[0]}.{sys.version_info[1]}", **pinned_versions()}
