"""What goes wrong below the lake, in our words. The only place that reads foreign error texts."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from stocks_ai_assets.errors import StorageError, TableMissingError

_REMEDIES = {
    errno.ENOSPC: ("the disk is full", "Free space"),
    errno.EDQUOT: ("the disk quota is used up", "Free space"),
    errno.EFBIG: ("a file grew beyond the allowed size", "Raise the limit"),
    errno.EROFS: ("the disk is read-only", "Make the folder writable"),
    errno.EACCES: ("the folder may not be written or read", "Give this user access"),
    errno.EPERM: ("the folder may not be written or read", "Give this user access"),
}


@contextmanager
def storage_failures(what: str, where: object) -> Iterator[None]:
    """Turn errors of disk and Delta into `StorageError`, in one or two lines.

    Conflicts between writers (`CommitFailedError`) pass through: they are retried.
    """
    from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
    from polars.exceptions import ComputeError

    try:
        yield
    except CommitFailedError:
        raise
    except TableNotFoundError as error:
        raise TableMissingError(f"{what} is not at {where}. Materialize it first.") from error
    except (OSError, DeltaError, ComputeError) as error:
        raise StorageError(_message(what, where, error)) from error


def _message(what: str, where: object, error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    text = " ".join(str(error).split())
    if number is None:
        number = next((n for n in _REMEDIES if f"os error {n})" in text), None)
    if number in _REMEDIES:
        finding, remedy = _REMEDIES[number]
        return f"{what}: {finding} ({where}). {remedy} and run again; nothing was half written."
    return f"{what}: storage failed at {where}: {text[:300]}"
