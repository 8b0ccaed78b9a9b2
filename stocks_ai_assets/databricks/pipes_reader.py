"""Messages of a Pipes step read from a volume: all files that are there, each time.

The stock reader takes one file a look, falls behind a run that writes often, and gives up ten
seconds after its end, whatever is left.
"""

from collections.abc import Iterator
from typing import Any

from dagster_databricks.pipes import PipesUnityCatalogVolumesMessageReader


class WholeReader(PipesUnityCatalogVolumesMessageReader):  # type: ignore[misc]  # untyped
    """Reads every file of messages that has arrived."""

    counter: int

    def download_messages(self, cursor: Any, params: Any) -> tuple[int, str] | None:
        """Return the lines of all files that were not read yet; None: there are none."""
        _ = cursor
        found = "\n".join(self._new(params))
        return (self.counter, found) if found else None

    def _new(self, params: Any) -> Iterator[str]:
        while (chunk := self.download_messages_chunk(self.counter, params)) is not None:
            self.counter += 1
            yield chunk
