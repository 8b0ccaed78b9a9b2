"""What travels through Pipes: the request to the cluster, and what the cluster reports.

Materializations and log lines are messages of Pipes itself. Checks, progress, failures and the end
are messages of ours: Pipes has no description of a check, no error class, and no count by which a
lost message would be noticed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from stocks_ai_assets.databricks.printed import Failure

CHECK, WRITTEN, FAILED, DONE = "check", "written", "failed", "done"
"""Kinds of messages of ours: each payload has exactly one of them as its key."""

END_OF_FILE = "\n\n"
"""Ends a file of messages, each of which is a line. One without it is not whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a run is to do, as extras of the Pipes context.

    Parameters
    ----------
    assets
        Asset keys with slashes.
    checks
        Asset key and name of each check.
    tags
        The run's tags that name its partitions. (Pipes itself tells of one partition, and of no
        range.)
    variables
        Environment of the remote process: settings, no secrets.
    secrets
        Which key of which secret scope becomes which variable.
    versions
        Version of each library that the remote process must have.
    """

    assets: Sequence[str]
    checks: Sequence[Sequence[str]]
    tags: Mapping[str, str]
    variables: Mapping[str, str]
    secrets: Sequence[Mapping[str, str]] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    def extras(self) -> dict[str, Any]:
        """Return the request as JSON."""
        return {"request": asdict(self)}


def request_of(extras: Mapping[str, Any]) -> Request:
    """Return the request in the extras of a Pipes context."""
    return Request(**extras["request"])


def failure(failed: Failure) -> dict[str, Any]:
    """Return the message that a run failed, and by what."""
    return {FAILED: {"error": failed.name, "message": failed.words}}
