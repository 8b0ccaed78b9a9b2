"""Files of a Pipes step on a volume: its context and its messages, in folders that vanish after it.

Dagster's own take one file of messages a look, fall behind a run that writes often, give up ten
seconds after its end, and fail a step whose folder they cannot remove.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

import dagster as dg

from stocks_ai_assets.databricks.pipes_messages import END_OF_FILE
from stocks_ai_assets.databricks.staging import Staging
from stocks_ai_assets.workspace_client import without_secrets

CONTEXT = "context.json"


@contextmanager
def vanishing_folder(staging: Staging, log: Any) -> Iterator[str]:
    """Make a folder for a block; that it cannot be removed is told to `log`, and no failure."""
    folder = f"{staging.root}/pipes/{uuid4().hex}"
    staging.prepare(folder)
    try:
        yield folder
    finally:
        try:
            staging.remove(folder)
        except Exception as error:  # noqa: BLE001  # nor does it hide what ended the block
            log.warning("%s could not be removed: %s", folder, without_secrets(str(error)))


class ContextFile(dg.PipesContextInjector):
    """Writes the context of a step to a file.

    Parameters
    ----------
    staging
        Where the file lies.
    log
        Told of a folder that stays.
    """

    def __init__(self, staging: Staging, log: Any) -> None:
        self._staging, self._log = staging, log

    @contextmanager
    def inject_context(self, context: Any) -> Iterator[dict[str, str]]:
        """Yield where the context lies."""
        with vanishing_folder(self._staging, self._log) as folder:
            self._staging.write(folder, {CONTEXT: json.dumps(context).encode()})
            yield {"path": self._staging.inside(f"{folder}/{CONTEXT}")}

    def no_messages_debug_text(self) -> str:
        """Say where the context was."""
        return f"The context of the step was written to {self._staging.root}."


class MessageFiles(dg.PipesBlobStoreMessageReader):
    """Reads numbered files of messages: each time all that are there and whole.

    Parameters
    ----------
    staging
        Where the files lie.
    log
        Told of a folder that stays.
    interval
        The reader looks when more than so many whole seconds have passed.
    """

    def __init__(self, staging: Staging, log: Any, *, interval: float) -> None:
        super().__init__(interval=interval)
        self._staging, self._log = staging, log

    @contextmanager
    def get_params(self) -> Iterator[dict[str, str]]:
        """Yield the folder that the messages are to be written to."""
        with vanishing_folder(self._staging, self._log) as folder:
            yield {"path": self._staging.inside(folder)}

    def messages_are_readable(self, params: Mapping[str, Any]) -> bool:
        """Always: the folder was made here."""
        _ = params
        return True

    def download_messages(self, cursor: Any, params: Mapping[str, Any]) -> tuple[Any, str] | None:
        """Return the lines of all files that were not read yet; None: there are none."""
        _ = cursor
        found = "".join(self._new(params))
        return (self.counter, found) if found else None

    def _new(self, params: Mapping[str, Any]) -> Iterator[str]:
        """Yield whole files: one that is still written, or refused halfway, is written again."""
        while chunk := self.download_messages_chunk(self.counter, params):
            if not chunk.endswith(END_OF_FILE):
                return
            self.counter += 1
            yield chunk

    def download_messages_chunk(self, index: int, params: Mapping[str, Any]) -> str | None:
        """Return a file's content as far as it is written; None: it is not there or unreadable."""
        content: bytes | None = None
        with suppress(OSError):  # looked for again
            content = self._staging.read(f"{params['path']}/{index}.json")
        return content.decode() if content else None

    def no_messages_debug_text(self) -> str:
        """Say where messages were looked for."""
        return f"Messages were looked for in {self._staging.root}."
