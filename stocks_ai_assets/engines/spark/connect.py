"""Sessions on another Spark: over Spark Connect, or by Databricks Connect.

The client sends this package; the libraries that it computes with the workers must have, in the
versions of here.
"""

import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from stocks_ai_assets.engines.spark.failures import (
    missing_module,
    refused_login,
    spark_failures,
)
from stocks_ai_assets.engines.spark.versions import differing
from stocks_ai_assets.errors import SparkError
from stocks_ai_assets.packed import code_archive, digest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DATABRICKS = "databricks"
"""Value of `remote` that means Databricks Connect."""

PORT = 15002
SECONDS = 10.0


def connected(session_class: Any, remote: str) -> "SparkSession":
    """Return a session on a Spark Connect server, whose workers have our code and libraries.

    Raises
    ------
    SparkError
        The server does not answer or refuses, or its workers have other libraries.
    """
    shown = without_token(remote)
    unanswered = (
        f"Spark Connect at {shown} does not answer: {{}}. "
        "Check STOCKS_AI_SPARK_REMOTE and that the server runs."
    )
    address = urlsplit(shown)
    try:
        # Spark's client would try for ten minutes.
        where = (address.hostname or "", address.port or PORT)
        socket.create_connection(where, SECONDS).close()
    except OSError as error:
        raise SparkError(unanswered.format(error.strerror or type(error).__name__)) from None
    try:
        _require_speech(remote)
        session = session_class.builder.remote(remote).getOrCreate()
        session.sql("SELECT 1").collect()
    except ImportError as error:
        raise SparkError(
            "STOCKS_AI_SPARK_REMOTE needs pyspark's client for Spark Connect. Run: pip install "
            f"'pyspark[connect]==4.2.0'. ({error})"
        ) from None
    except SparkError:
        raise
    except Exception as error:  # noqa: BLE001  # pyspark and gRPC have many
        if refusal := refused_login(error):
            raise SparkError(
                f"Spark Connect at {shown} refuses the login ({refusal}): its token is missing, "
                "wrong or expired, or lacks a right. Correct it in STOCKS_AI_SPARK_REMOTE, "
                "sc://host:port/;token=..."
            ) from None
        raise SparkError(unanswered.format(type(error).__name__)) from None
    _make_equal(session, shown)
    return session


def _require_speech(remote: str) -> None:
    """Refuse an address that takes connections and then does not speak as the client does."""
    import grpc
    from pyspark.sql.connect.client import DefaultChannelBuilder

    with DefaultChannelBuilder(remote).toChannel() as channel:
        try:
            grpc.channel_ready_future(channel).result(SECONDS)
        except grpc.FutureTimeoutError:
            raise SparkError(
                f"{without_token(remote)} takes connections but has not answered as Spark Connect "
                f"within {SECONDS:.0f} s. With a token the client speaks TLS, except to localhost: "
                "give the server TLS, with a certificate that this machine trusts "
                "(GRPC_DEFAULT_SSL_ROOTS_FILE_PATH), or correct STOCKS_AI_SPARK_REMOTE."
            ) from None


def databricks_session(profile: str | None) -> "SparkSession":
    """Return a session by Databricks Connect, as `connected` does.

    Parameters
    ----------
    profile
        Profile of the Databricks configuration file; None: what the environment says.
    """
    try:
        from databricks.connect import DatabricksSession
    except ImportError as error:
        raise SparkError(
            "STOCKS_AI_SPARK_REMOTE=databricks needs databricks-connect, which replaces pyspark: "
            "install it in an environment of its own with the Python of your cluster."
        ) from error
    builder = DatabricksSession.builder
    if profile:
        builder = builder.profile(profile)
    try:
        session = builder.getOrCreate()
    except Exception as error:  # noqa: BLE001  # its text may show the login
        raise SparkError(
            f"Databricks Connect got no session: {type(error).__name__}. Check the profile "
            "(STOCKS_AI_DATABRICKS__PROFILE), its cluster, and that the token has not expired."
        ) from None
    _make_equal(session, "Databricks")
    return session


def _make_equal(session: "SparkSession", where: str) -> None:
    """Give the workers this package, and refuse those that have other libraries."""
    remedy = "Install on the cluster what `stocks-ai spark libraries` prints"
    try:
        with spark_failures(f"The workers of {where}"):
            _send_code(session)
            skewed = differing(session)
    except SparkError as error:
        if missing_module(error) not in {None, __name__.split(".", maxsplit=1)[0]}:
            raise SparkError(f"{str(error).rstrip('.')}. {remedy}.") from error
        raise
    if skewed:
        pairs = (f"{name} {there} instead of {here}" for name, (here, there) in skewed.items())
        raise SparkError(
            f"The workers of {where} have {', '.join(pairs)}, and equal bits need equal libraries. "
            f"{remedy}, or here what it has."
        )


def _send_code(session: "SparkSession") -> None:
    packed = code_archive()
    with tempfile.TemporaryDirectory() as folder:
        # A name by content: workers of an older package are not taken for this one's.
        file = Path(folder) / f"stocks_ai_assets_{digest(packed)}.zip"
        file.write_bytes(packed)
        session.addArtifacts(str(file), pyfile=True)


def is_elsewhere(remote: str | None) -> bool:
    """Whether Spark runs on another machine than this process."""
    if remote is None or remote == DATABRICKS:
        return remote is not None
    host = urlsplit(without_token(remote)).hostname or ""
    return host not in {"localhost", "::1"} and not host.startswith("127.")


def without_token(remote: str) -> str:
    """Return the address of a Spark Connect server as it may be shown."""
    return remote.split("/;", maxsplit=1)[0].split(";", maxsplit=1)[0]
