"""What goes wrong in Spark, in our words. The only place that reads Spark's error texts."""

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from stocks_ai_assets.errors import SparkError, StocksAiError, error_named

CONFLICTS = (
    "ConcurrentAppendException",
    "ConcurrentDeleteReadException",
    "ConcurrentDeleteDeleteException",
    "ConcurrentTransactionException",
    "ConcurrentWriteException",
    "MetadataChangedException",
    "ProtocolChangedException",
    "DELTA_CONCURRENT",
)

REFUSALS = ("UNAUTHENTICATED", "PERMISSION_DENIED")
"""How gRPC calls it that a login is not known, or lacks a right."""


@contextmanager
def conflicts() -> Iterator[None]:
    """Turn Spark's conflicts between writers into delta-rs's, which the lake retries."""
    from deltalake.exceptions import CommitFailedError

    try:
        yield
    except Exception as error:
        text = f"{type(error).__name__} {error}"
        if any(name in text for name in CONFLICTS):
            raise CommitFailedError(" ".join(text.split())[:300]) from error
        raise


@contextmanager
def spark_failures(what: str) -> Iterator[None]:
    """Turn errors of Spark into ours: those raised by our functions in workers, and its own.

    Parameters
    ----------
    what
        What was being done, for the message.
    """
    from deltalake.exceptions import CommitFailedError

    try:
        yield
    except (StocksAiError, CommitFailedError):
        raise
    except Exception as error:
        if not _is_sparks(error):
            raise
        ours = _raised_in_worker(str(error))
        if ours is not None:
            raise ours from None
        raise SparkError(_message(what, error)) from error


@contextmanager
def refusals(finding: str, remedy: str) -> Iterator[None]:
    """Turn what Spark refuses into an error with its words between these two.

    That Spark is gone or takes the login no more is no refusal of what was asked: it goes on as
    it is, to `spark_failures`.

    Parameters
    ----------
    finding
        What cannot be done, without a stop at its end.
    remedy
        What to do about it, as sentences.
    """
    try:
        yield
    except Exception as error:
        if not _is_sparks(error) or _is_gone(error):
            raise
        raise SparkError(f"{finding}: {_sentence(error)} {remedy}") from error


def _is_gone(error: Exception) -> bool:
    """Whether Spark is no longer there for us, whatever it was asked."""
    return _java_is_gone(error) or _server_is_gone(error) or _status(error) == "UNAUTHENTICATED"


def _server_is_gone(error: Exception) -> bool:
    return _status(error) == "UNAVAILABLE" or "INVALID_HANDLE.SESSION" in str(error)


def refused_login(error: Exception) -> str | None:
    """Return what gRPC calls the refusal of a login; None: something else failed."""
    status = _status(error)
    return status if status in REFUSALS else None


def missing_module(error: Exception) -> str | None:
    """Return the module that a worker could not import; None: something else failed."""
    found = re.search(r"ModuleNotFoundError: No module named '(\w+)", str(error))
    return found[1] if found else None


def _status(error: Exception) -> str:
    """Return what gRPC calls the failure; nothing where it had no part in it."""
    asked = getattr(error, "getGrpcStatusCode", None) or getattr(error, "code", None)
    return str(getattr(asked(), "name", "")) if callable(asked) else ""


def _is_sparks(error: Exception) -> bool:
    module = type(error).__module__.split(".", maxsplit=1)[0]
    return _java_is_gone(error) or module in {"pyspark", "py4j", "grpc"}


def _java_is_gone(error: BaseException) -> bool:
    """Whether py4j finds nobody to talk to; a store that refuses a connection is not meant."""
    frames = traceback.walk_tb(error.__traceback__)
    refused = isinstance(error, ConnectionRefusedError) and any(
        frame.f_globals.get("__name__", "").startswith("py4j.") for frame, _ in frames
    )
    return refused or type(error).__name__ == "Py4JNetworkError"


def _raised_in_worker(text: str) -> StocksAiError | None:
    """Return the error of ours that a Python worker reports, if it does."""
    for found in re.finditer(
        r"stocks_ai_assets\.errors\.(\w+): (.*?)(?:\n\s*\n|\n\tat |$)", text, re.DOTALL
    ):
        if ours := error_named(found[1], found[2].strip()):
            return ours
    return None


def _message(what: str, error: Exception) -> str:
    text = str(error)
    if _java_is_gone(error):
        return (
            f"{what}: Spark's Java process is gone. It was ended, or the machine had too little "
            "memory: start again, with another STOCKS_AI_SPARK_MEMORY."
        )
    if _server_is_gone(error):
        return (
            f"{what}: Spark no longer answers, its server or cluster was ended: "
            f"{_sentence(error)} Run the same command again when it is there."
        )
    if _status(error) == "UNAUTHENTICATED":
        return (
            f"{what}: Spark no longer takes the login, its token has expired: correct it in "
            "STOCKS_AI_SPARK_REMOTE or the profile, and run the same command again."
        )
    versions = re.search(r"different version: ([\d.]+) than that in driver: ([\d.]+)", text)
    if versions:
        return (
            f"{what}: the workers run Python {versions[1]}, this process {versions[2]}. Use an "
            "environment with the Python of the cluster."
        )
    python = re.findall(r"^(\w+(?:\.\w+)*(?:Error|Exception)): (.*)$", text, re.MULTILINE)
    if python:
        name, finding = python[-1]
        return f"{what}: a Spark worker failed with {name}: {finding[:300]}"
    return f"{what}: Spark failed: {_first_line(error)}"


def _first_line(error: Exception) -> str:
    """Return the line that tells something.

    py4j begins with one that tells what it called, gRPC says it among its details.
    """
    if details := re.search(r'^\s*details = "(.+)"$', str(error), re.MULTILINE):
        return details[1][:300]
    lines = [line.strip(": ") for line in str(error).splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].startswith("An error occurred while calling"):
        del lines[0]
    return (lines[0] if lines else type(error).__name__)[:300]


def _sentence(error: Exception) -> str:
    return f"{_first_line(error).rstrip('.')}."
