"""Locks between processes of one machine. The operating system frees them when a process dies.

A commit by Spark is made by Java, which outlives a Python that is killed. So Java holds a lock of
its own beside the file (`java_file`), and whoever comes next waits for that one too.
"""

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
def exclusively(
    file: Path, what: str, *, shared: bool = False, patience: float | None = None
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
        Seconds to wait for others; None: `PATIENCE`.

    Raises
    ------
    StorageError
        Another process kept it for longer.
    """
    longest = PATIENCE if patience is None else patience
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as lock:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        start, told = monotonic(), False
        while not (_locked(lock.fileno(), kind) and _free_of_java(file)):
            waited = monotonic() - start
            if waited > TOLD and not told:
                told = True
                _LOG.warning("%s: another process is writing it, waiting (%s).", what, file)
            if waited > longest:
                raise StorageError(
                    f"{what}: another process has been writing it for more than {longest:.0f} s "
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


def java_file(file: Path) -> Path:
    """Return the file that Java locks by `FileChannel.lock` while it commits under lock `file`."""
    return file.with_suffix(".java")


def _free_of_java(file: Path) -> bool:
    try:
        with java_file(file).open("rb") as lock:
            # Java's locks are of POSIX, of which flock's know nothing.
            fcntl.lockf(lock.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
