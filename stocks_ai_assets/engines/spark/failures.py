"""What goes wrong in Spark, in our words. The only place that reads Spark's error texts."""

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from stocks_ai_assets import errors
from stocks_ai_assets.errors import SparkError, StocksAiError

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
def catalog_failures(catalog: str) -> Iterator[None]:
    """Turn what Spark says of a catalog into an error that names the setting it comes from."""
    try:
        yield
    except Exception as error:
        if not _is_sparks(error) or _is_gone(error):
            raise
        raise SparkError(
            f"STOCKS_AI_CATALOG={catalog}: Spark does not know this catalog, or may not use it: "
            f"{_first_line(error)} Name one that it knows, give this login the right, or unset the "
            "variable, and tables are named by their path."
        ) from error


def _is_gone(error: Exception) -> bool:
    """Whether Spark is no longer there for us, whatever it was asked."""
    gone = ("StatusCode.UNAVAILABLE", "StatusCode.UNAUTHENTICATED")
    return _java_is_gone(error) or any(name in str(error) for name in gone)


def refused_login(error: Exception) -> str | None:
    """Return what gRPC calls the refusal of a login; None: something else failed."""
    status = getattr(error, "getGrpcStatusCode", lambda: "")()
    text = f"{status} {error}"
    return next((name for name in REFUSALS if name in text), None)


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
        kind = getattr(errors, found[1], None)
        if isinstance(kind, type) and issubclass(kind, StocksAiError):
            return kind(found[2].strip())
    return None


def _message(what: str, error: Exception) -> str:
    text = str(error)
    if _java_is_gone(error):
        return (
            f"{what}: Spark's Java process is gone. It was ended, or the machine had too little "
            "memory: start again, with another STOCKS_AI_SPARK_MEMORY."
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
    """Return the line that tells something; py4j begins with one that tells what it called."""
    lines = [line.strip(": ") for line in str(error).splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].startswith("An error occurred while calling"):
        del lines[0]
    return (lines[0] if lines else type(error).__name__)[:300]
