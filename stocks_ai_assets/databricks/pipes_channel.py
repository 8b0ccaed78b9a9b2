"""Messages of a Pipes step as files on a volume: written soon, and again when the volume refuses.

The stock channel stops for good at the first refusal, and takes two seconds to close.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from threading import Event
from typing import Any

from dagster_pipes import (
    PipesBufferedFilesystemMessageWriterChannel,
    PipesUnityCatalogVolumesMessageWriter,
)

from stocks_ai_assets.errors import WorkspaceError

SECONDS_BETWEEN_FILES = 0.5

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between tries after the last message, when the volume refuses one."""


class PatientChannel(PipesBufferedFilesystemMessageWriterChannel):  # type: ignore[misc]  # untyped
    """Writes messages to numbered files in a folder; what is refused is kept and tried again.

    Attributes
    ----------
    refused
        Why the last messages could not be written in spite of all tries; None: they are.
    """

    refused: OSError | None = None
    _counter: int

    def _upload_loop(self, is_session_closed: Event) -> None:
        payload, closed, pauses = "", False, iter(PAUSES)
        while not closed or payload or not self._buffer.empty():
            closed = closed or is_session_closed.wait(SECONDS_BETWEEN_FILES)
            # One file keeps its content: a reader may have seen what was said to be refused.
            payload = payload or "\n".join(json.dumps(sent) for sent in self.flush_messages())
            if not payload:
                continue
            try:
                self.upload_messages_chunk(StringIO(payload), self._counter)
            except OSError as error:
                pause = next(pauses, None) if closed else SECONDS_BETWEEN_FILES
                if pause is None:
                    self.refused = error
                    return
                time.sleep(pause)
            else:
                payload, self._counter = "", self._counter + 1


class PatientWriter(PipesUnityCatalogVolumesMessageWriter):  # type: ignore[misc]  # the same
    """Opens a `PatientChannel`, and says at its end why messages are missing."""

    def make_channel(self, params: Any) -> PatientChannel:
        """Return the channel to the folder that the launcher made."""
        return PatientChannel(path=params["path"])

    @contextmanager
    def open(self, params: Any) -> Iterator[PatientChannel]:
        """Open the channel; all messages are written when the block ends.

        Raises
        ------
        WorkspaceError
            At the end of the block: the volume went on refusing.
        """
        with super().open(params) as channel:
            yield channel
        if channel.refused is not None:
            raise WorkspaceError(
                f"The run's messages could not be written to {params['path']}: {channel.refused}. "
                "Make the volume writable again, and run the same with --refresh."
            )
