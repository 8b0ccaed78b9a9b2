"""What a progress display is told of assets that a remote run wrote."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from stocks_ai_assets.assets.io_manager import Report
from stocks_ai_assets.deployment import Deployment

if TYPE_CHECKING:
    from stocks_ai_assets.databricks.attempt import Attempt

ROWS = ("rows_of_range", "dagster/partition_row_count")
"""Metadata of a materialization that counts its rows."""


class Reports:
    """Makes a report from what came back with the events.

    Parameters
    ----------
    deployment
        Lake and assets.
    on_written
        Called after each asset is written.
    """

    def __init__(self, deployment: Deployment, on_written: Callable[[Report], None]) -> None:
        self._deployment = deployment
        self._on_written = on_written
        self._versions: dict[str, int] = {}

    def before(self, name: str) -> None:
        """Remember the version of an asset's table, to see later whether it has changed."""
        self._versions[name] = self._version(name)

    def after(self, attempt: "Attempt") -> None:
        """Tell of each asset that an attempt wrote; all of its remote time counts as computing."""
        for name, found in attempt.materialized.items():
            values = {key: entry.value for key, entry in found.metadata.items()}
            rows = next((values[key] for key in ROWS if key in values), 0)
            version, before = values.get("delta_version", -1), self._versions.get(name, -1)
            self._on_written(
                Report(
                    name=name,
                    rows=int(str(rows)),
                    changed=int(str(version)) > before,
                    seconds_reading=0.0,
                    seconds_computing=attempt.seconds,
                    seconds_writing=0.0,
                )
            )

    def _version(self, name: str) -> int:
        table = self._deployment.registry.nodes[name].table.name
        found = self._deployment.lake.version(table)
        return -1 if found is None else found
