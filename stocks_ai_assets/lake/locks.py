"""Locks between processes of one machine. The operating system frees them when a process dies."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from stocks_ai_assets.errors import StorageError

PATIENCE = 120.0
"""Seconds to wait for another writer."""

POLL = 0.02


@contextmanager
def exclusively(file: Path, what: str, *, shared: bool = False) -> Iterator[None]:
    """Keep others out, in this process and in other ones, for as long as the block runs.

    Parameters
    ----------
    file
        Lock file, made with its folder if it is not there.
    what
        What is locked, for the message.
    shared
        Keep out only those who want it for themselves alone.

    Raises
    ------
    StorageError
        Another process kept it for longer than `PATIENCE`.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as lock:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        deadline = monotonic() + PATIENCE
        while not _locked(lock.fileno(), kind):
            if monotonic() > deadline:
                raise StorageError(
                    f"{what}: another process has been writing it for more than {PATIENCE:.0f} s "
                    f"({file}). Wait for it or end it."
                )
            sleep(POLL)
        yield


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
