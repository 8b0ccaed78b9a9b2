"""Locks between processes of one machine. The operating system frees them when a process dies."""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep

from stocks_ai_assets.errors import StorageError

PATIENCE = 3600.0
"""Seconds to wait for others: Spark compares and writes a large range while it holds a slice."""

TOLD = 30.0
"""Seconds after which the log says for what is waited."""

POLL = 0.02

_LOG = logging.getLogger(__name__)


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
        start, told = monotonic(), False
        while not _locked(lock.fileno(), kind):
            waited = monotonic() - start
            if waited > TOLD and not told:
                told = True
                _LOG.warning("%s: another process is writing it, waiting (%s).", what, file)
            if waited > PATIENCE:
                raise StorageError(
                    f"{what}: another process has been writing it for more than {PATIENCE:.0f} s "
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
        Others kept it for longer than `PATIENCE`.
    """
    with ExitStack() as held:
        with exclusively(file.with_suffix(".gate"), what, shared=not alone):
            held.enter_context(exclusively(file, what, shared=not alone))
        yield


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
