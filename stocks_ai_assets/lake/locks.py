"""Locks between processes of one machine. The operating system frees them when a process dies."""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep

from stocks_ai_assets.errors import StorageError

PATIENCE = 120.0
"""Seconds to wait for another writer."""

COMMIT_PATIENCE = 3600.0
"""Seconds to wait for the commits of others: Spark writes its files while it holds the table."""

POLL = 0.02


@contextmanager
def exclusively(
    file: Path, what: str, *, shared: bool = False, patience: float = PATIENCE
) -> Iterator[None]:
    """Keep others out, in this process and in other ones, for as long as the block runs.

    Parameters
    ----------
    file
        Lock file, made with its folder if it is not there.
    what
        What is locked, for the message.
    shared
        Keep out only those who want it for themselves alone.
    patience
        Seconds to wait.

    Raises
    ------
    StorageError
        Another process kept it for longer.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as lock:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        deadline = monotonic() + patience
        while not _locked(lock.fileno(), kind):
            if monotonic() > deadline:
                raise StorageError(
                    f"{what}: another process has been writing it for more than {patience:.0f} s "
                    f"({file}). Wait for it or end it."
                )
            sleep(POLL)
        yield


@contextmanager
def in_turn(file: Path, what: str, *, alone: bool) -> Iterator[None]:
    """Hold a lock with others, or alone; whoever waits to be alone lets no new ones in.

    Parameters
    ----------
    file
        Lock file; another one beside it is the gate that all go through.
    what
        What is locked, for the message.
    alone
        Wait until nobody else holds it, and keep others out.

    Raises
    ------
    StorageError
        Others kept it for longer than `COMMIT_PATIENCE`.
    """
    with ExitStack() as held:
        gate = exclusively(
            file.with_suffix(".gate"), what, shared=not alone, patience=COMMIT_PATIENCE
        )
        with gate:
            lock = exclusively(file, what, shared=not alone, patience=COMMIT_PATIENCE)
            held.enter_context(lock)
        yield


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
