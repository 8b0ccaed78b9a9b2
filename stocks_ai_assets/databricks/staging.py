"""Where files lie between this machine and a run: written here, read there, and taken away."""

import io
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

AT_ONCE = 4
"""Requests that run at the same time: each is small and spends its time waiting."""

PAUSES = (0.5, 2.0, 5.0)
"""Seconds between tries when the workspace answers with an error of its own."""


class Staging(ABC):
    """A folder of the workspace that this machine and its runs both see.

    Parameters
    ----------
    workspace
        The SDK's client.
    root
        Absolute path of the folder.
    """

    def __init__(self, workspace: Any, root: str) -> None:
        self.workspace = workspace
        self.root = root.rstrip("/")

    @abstractmethod
    def uri(self, path: str) -> str:
        """Name of a file where the workspace is told of it."""

    @abstractmethod
    def inside(self, path: str) -> str:
        """Path of a file inside a run."""

    @abstractmethod
    def prepare(self, folder: str) -> None:
        """Make a folder, with those above it."""

    @abstractmethod
    def _write(self, path: str, content: io.BytesIO) -> None: ...

    @abstractmethod
    def _read(self, path: str) -> bytes: ...

    @abstractmethod
    def _remove(self, folder: str) -> None: ...

    @abstractmethod
    def _remove_empty(self, folder: str) -> None: ...

    def write(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Write files into a folder, which is made if need be, over what was there."""
        self.prepare(folder)

        def one(name: str) -> None:
            path, content = f"{folder}/{name}", files[name]
            patiently(lambda: self._write(path, io.BytesIO(content)))

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(one, files))

    def read(self, path: str) -> bytes | None:
        """Return a file's content; None while it is not there."""
        from databricks.sdk.errors import NotFound

        try:
            return patiently(lambda: self._read(path))
        except NotFound:
            return None

    def remove(self, folder: str) -> None:
        """Delete a folder and all in it, and the one above if that leaves it empty."""
        from databricks.sdk.errors import BadRequest, NotFound

        with suppress(NotFound):
            patiently(lambda: self._remove(folder))
        # Refused while other steps of the run have files there.
        with suppress(NotFound, BadRequest):
            patiently(lambda: self._remove_empty(folder.rpartition("/")[0]))


def patiently(call: Callable[[], T]) -> T:
    """Call, and call again a few times while the workspace fails for reasons of its own.

    The SDK waits out 429 and 503 itself; a bare 500 it hands on.
    """
    from databricks.sdk.errors import InternalError

    for pause in PAUSES:
        try:
            return call()
        except InternalError:
            time.sleep(pause)
    return call()
