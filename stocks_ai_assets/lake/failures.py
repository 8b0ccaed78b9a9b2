"""What goes wrong below the lake, in our words. The only place that reads foreign error texts."""

import errno
import re
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


_CREDENTIALS = "the variables of the store (AWS_*, AZURE_*, GOOGLE_*)"

_STORE = (
    (
        ("NoSuchBucket", "ContainerNotFound", "bucket does not exist"),
        "the bucket does not exist",
        "Create it, or correct STOCKS_AI_LAKE_ROOT.",
    ),
    (
        ("169.254.169.254", "metadata.google", "token request", "MissingCredentials"),
        "no credentials were found",
        f"Set {_CREDENTIALS}.",
    ),
    (
        ("Forbidden", "Unauthorized", "AccessDenied", "PermissionDenied", "Unauthenticated"),
        "the credentials were refused",
        f"Correct {_CREDENTIALS}, or give this user access.",
    ),
    (
        ("BadScheme", "builder error", "URL scheme is not allowed"),
        "its address is http:// or no URL",
        "Correct AWS_ENDPOINT_URL; a store of your own without TLS needs AWS_ALLOW_HTTP=true.",
    ),
    (
        ("error sending request", "Connect", "dns error", "timed out", "Timeout"),
        "the store does not answer",
        "Check the network and AWS_ENDPOINT_URL, then run again.",
    ),
)
"""What a store's error says, in words of three libraries; what was found; the remedy.

Words, never bare numbers: ports, durations and the names of files hold any three digits.
"""

_NAMES = re.compile(r"(?<=\w://)([^/\s]*)/\S*|(?<=path )\S+|(?<=path: )\S+")
"""Buckets, tables and files in such a text: whatever their names are, they are no finding."""


@contextmanager
def storage_failures(what: str, where: object) -> Iterator[None]:
    """Turn errors of disk, object store and Delta into `StorageError`, in one or two lines.

    Conflicts between writers (`CommitFailedError`) pass through: they are retried.
    """
    from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
    from polars.exceptions import ComputeError

    is_remote = "://" in str(where)
    failures: tuple[type[Exception], ...] = (
        OSError,
        DeltaError,
        ComputeError,
        *(_store_errors() if is_remote else ()),
    )
    try:
        yield
    except CommitFailedError:
        raise
    except TableNotFoundError as error:
        raise TableMissingError(f"{what} is not at {where}. Materialize it first.") from error
    except failures as error:
        if is_remote:
            # The text of the error may show parts of signed requests.
            raise StorageError(_message_of_store(what, where, str(error))) from None
        raise StorageError(_message(what, where, error)) from error


def _store_errors() -> tuple[type[Exception], ...]:
    from obstore.exceptions import BaseError

    return (BaseError,)


def _message_of_store(what: str, where: object, text: str) -> str:
    said = _NAMES.sub(r"\1", text)
    for signs, finding, remedy in _STORE:
        if any(sign in said for sign in signs):
            return f"{what}: {finding} ({where}). {remedy}"
    code = re.search(r"<Code>(\w+)</Code>|status code\W+(\d{3}[\w ]*)", text)
    found = next(filter(None, code.groups()), "") if code else re.split(r"[(\n]", text)[0]
    return f"{what}: the store failed at {where}: {found[:120].strip()}. Run again."


def _message(what: str, where: object, error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    text = " ".join(str(error).split())
    if number is None:
        number = next((n for n in _REMEDIES if f"os error {n})" in text), None)
    if number in _REMEDIES:
        finding, remedy = _REMEDIES[number]
        return f"{what}: {finding} ({where}). {remedy} and run again; nothing was half written."
    return f"{what}: storage failed at {where}: {text[:300]}"
