"""The audit log: one line of JSON a request, in files that are renamed when they are full.

Never holds a token or a URL that was handed out: both open files.
"""

import json
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from stocks_ai_assets.lake.locks import exclusively

FILE_BYTES = 16 * 1024 * 1024
"""Size at which a new file is begun."""

PATIENCE = 30.0
"""Seconds to wait for another process: it renames the file."""

FILES = 20
"""Full files kept; older ones are removed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One request.

    Parameters
    ----------
    at
        When it was answered, UTC.
    action
        What was asked for: `query`, `changes`, `file` and so on.
    status
        HTTP status.
    recipient, token_id
        Who asked, by which token; None: nobody that is known.
    share, table
        Names of the share and, within it, of the table; None: not asked for, or not found.
    version
        Version of the table that was given.
    rows, files, bytes
        What was given: rows and files of a query, bytes of a file.
    milliseconds
        How long it took.
    client
        Address of the client.
    """

    at: datetime
    action: str
    status: int
    recipient: str | None = None
    token_id: str | None = None
    share: str | None = None
    table: str | None = None
    version: int | None = None
    rows: int | None = None
    files: int | None = None
    bytes: int | None = None
    milliseconds: float | None = None
    client: str | None = None


class AuditLog:
    """The lines of one deployment.

    Parameters
    ----------
    folder
        Folder of the files; made when the first line is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "audit.jsonl"

    def write(self, entry: Entry) -> None:
        """Add one line, whole whatever other servers write at the same time."""
        known = {name: value for name, value in asdict(entry).items() if value is not None}
        line = json.dumps({**known, "at": entry.at.isoformat(timespec="milliseconds")}) + "\n"
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line.encode())
            full = os.fstat(descriptor).st_size > FILE_BYTES
        finally:
            os.close(descriptor)
        if full:
            self._begin_file()

    def entries(self, last: int | None = None) -> list[dict[str, Any]]:
        """Return the newest `last` lines, oldest first; None: all that are kept."""
        return list(deque(self._lines(), maxlen=last))

    def _lines(self) -> Iterator[dict[str, Any]]:
        for file in (*self._full(), self._file):
            try:
                text = file.read_bytes()
            except FileNotFoundError:
                continue
            for line in text.splitlines():
                try:
                    yield json.loads(line)
                except ValueError:
                    # The disk was full, or the machine went down, while it was written.
                    continue

    def _full(self) -> list[Path]:
        return sorted(self._folder.glob("audit-*.jsonl"))

    def _begin_file(self) -> None:
        lock = self._folder / "audit.lock"
        with exclusively(lock, "The audit log", patience=PATIENCE):
            # Another server may have done it already.
            if not self._file.exists() or self._file.stat().st_size <= FILE_BYTES:
                return
            full = self._full()
            number = int(full[-1].stem.removeprefix("audit-")) + 1 if full else 1
            self._file.replace(self._folder / f"audit-{number:08d}.jsonl")
            for old in self._full()[:-FILES]:
                old.unlink()
