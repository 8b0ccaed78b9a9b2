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

from stocks_ai_assets.databricks.pipes_messages import END_OF_FILE
from stocks_ai_assets.errors import WorkspaceError
from stocks_ai_assets.workspace_client import without_secrets

SECONDS_BETWEEN_FILES = 0.5

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between tries after the last message, when the volume refuses one."""


class PatientChannel(PipesBufferedFilesystemMessageWriterChannel):  # type: ignore[misc]  # untyped
    """Writes messages to numbered files in a folder; what is refused is kept and tried again.

    Attributes
    ----------
    refused
        Why messages are missing: they could not be written in spite of all tries, or the volume
        gives no answer; None: all are written.
    """

    refused: Exception | None = TimeoutError("it gave no answer within a minute")
    _counter: int

    def _upload_loop(self, is_session_closed: Event) -> None:
        try:
            self._write_all(is_session_closed)
            self.refused = None
        except Exception as error:  # noqa: BLE001  # a thread cannot raise; the writer does
            self.refused = error

    def _write_all(self, is_session_closed: Event) -> None:
        payload, closed, pauses = "", False, iter(PAUSES)
        while not closed or payload or not self._buffer.empty():
            closed = closed or is_session_closed.wait(SECONDS_BETWEEN_FILES)
            # One file keeps its content: a reader may have seen what was said to be refused.
            payload = payload or "\n".join(json.dumps(sent) for sent in self.flush_messages())
            if not payload:
                continue
            try:
                self.upload_messages_chunk(StringIO(payload + END_OF_FILE), self._counter)
            except OSError:
                pause = next(pauses, None) if closed else SECONDS_BETWEEN_FILES
                if pause is None:
                    raise
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
            At the end of the block: messages are missing.
        """
        with super().open(params) as channel:
            yield channel
        if channel.refused is not None:
            cause = without_secrets(str(channel.refused))
            raise WorkspaceError(
                f"The run's messages could not be written to {params['path']}: {cause}. "
                "Make the volume writable again, and run the same with --refresh."
            )
