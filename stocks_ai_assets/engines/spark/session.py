"""The Spark session: the cluster's own, one over Connect, or a quick local one with Delta.

Times are UTC everywhere. A local session is made for lakes of one machine: few shuffle partitions,
no web page, a small heap; the Python workers do the work.
"""

import os
import sys
import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from stocks_ai_assets.engines.spark.connect import DATABRICKS, connected, databricks_session
from stocks_ai_assets.engines.spark.java import require_connector, require_jars, require_java
from stocks_ai_assets.errors import SparkError
from stocks_ai_assets.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

UNITY = "io.unitycatalog.spark.UCSingleCatalog"
"""Catalog of the `unitycatalog` connector, whose jar the user brings."""

EVERYWHERE = {
    "spark.sql.session.timeZone": "UTC",
    # A batch is bounded by rows alone: asking for its bytes costs Spark all its rows, each row.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "20000",
    "spark.sql.execution.arrow.maxBytesPerBatch": "2147483647",
    "spark.sql.parquet.compression.codec": "zstd",
    # As delta-rs writes them, and not in the form of old Hive.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # Versions stay readable for as long as the tables' own retention says.
    "spark.databricks.delta.retentionDurationCheck.enabled": "true",
}
"""Settings that results depend on, wherever Spark runs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SparkOptions:
    """How to reach Spark.

    Parameters
    ----------
    remote
        `sc://host:port`, `databricks`, or None: the cluster this runs on, else local Spark.
    memory
        Heap of local Spark, as Java writes it.
    jars
        Folder of Delta's jars for local Spark; None: this environment's.
    profile
        Profile of the Databricks configuration file.
    cores
        Tasks at a time of local Spark; None: all cores.
    catalog, catalog_uri, catalog_token
        Catalog of three-level names, and the Unity Catalog server that local Spark asks for it;
        None: Spark's own catalog.
    """

    remote: str | None = field(default=None, repr=False)  # it may hold a token
    memory: str = "1g"
    jars: Path | None = None
    profile: str | None = None
    cores: int | None = None
    catalog: str | None = None
    catalog_uri: str | None = None
    catalog_token: SecretStr | None = None


def options_of(settings: Settings) -> SparkOptions:
    """Return what the settings say about Spark."""
    return SparkOptions(
        remote=settings.spark_remote,
        memory=settings.spark_memory,
        jars=settings.spark_jars,
        profile=settings.databricks.profile,
        catalog=settings.catalog,
        catalog_uri=settings.spark_catalog_uri,
        catalog_token=settings.spark_catalog_token,
    )


def open_session(options: SparkOptions) -> "SparkSession":
    """Return a running session, or raise `SparkError` naming what is missing."""
    try:
        # Only Arrow is used here, no pandas; pyspark says it again at every function.
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise SparkError(
            "STOCKS_AI_ENGINE=spark needs the extra `spark` (pyspark, delta-spark): install "
            "stocks-ai-assets[spark], or set STOCKS_AI_ENGINE=local."
        ) from error
    if options.remote == DATABRICKS:
        session = databricks_session(options.profile)
    elif options.remote:
        session = connected(SparkSession, options.remote)
    elif (running := SparkSession.getActiveSession()) is not None:
        session = running
    elif on_databricks():
        session = SparkSession.builder.getOrCreate()
    else:
        session = _local(SparkSession.builder, options)
    for name, value in EVERYWHERE.items():
        try:
            session.conf.set(name, value)
        except Exception as error:
            raise SparkError(
                f"This Spark refuses the setting {name}, as serverless compute does. Use a "
                "cluster, or STOCKS_AI_ENGINE=local."
            ) from error
    return session


def catalog_settings(options: SparkOptions) -> dict[str, str]:
    """Settings by which local Spark asks a Unity Catalog server for three-level names."""
    if options.catalog_uri is None:
        return {}
    catalog = f"spark.sql.catalog.{options.catalog}"
    return {catalog: UNITY, f"{catalog}.uri": options.catalog_uri}


def on_databricks() -> bool:
    """Whether this process is on a Databricks cluster; one of a single node says `local` too."""
    return bool(os.environ.get("DATABRICKS_RUNTIME_VERSION"))  # noqa: TID251  # how a cluster tells


def _allocator() -> dict[str, str]:
    import pyarrow as pa

    name = "jemalloc"
    found = name in pa.supported_memory_backends()
    return {"spark.executorEnv.ARROW_DEFAULT_MEMORY_POOL": name} if found else {}


def _local(builder: Any, options: SparkOptions) -> "SparkSession":
    require_java()
    jars = require_jars(options.jars)
    if options.catalog_uri is not None:
        jars += require_connector(options.jars)
    cores = options.cores or os.cpu_count() or 1
    # Workers must be this Python; pyspark takes it from nowhere else.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # noqa: TID251
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")  # noqa: TID251
    java = "-XX:ReservedCodeCacheSize=512m -XX:+UseSerialGC -Xss4m -Duser.timezone=UTC"
    values = {
        "spark.master": f"local[{cores}]",
        "spark.jars": ",".join(map(str, jars)),
        "spark.driver.memory": options.memory,
        "spark.driver.extraJavaOptions": java,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.catalogImplementation": "in-memory",
        # Spark makes this folder when it starts, by default where the command was given.
        "spark.sql.warehouse.dir": str(Path(tempfile.gettempdir(), "spark-warehouse")),
        # Without checksums in files of their own: delta-rs leaves them as they are when it writes
        # `_last_checkpoint` anew, and Spark would then read the log three times before it gives up.
        "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
        "spark.hadoop.fs.AbstractFileSystem.file.impl": "org.apache.hadoop.fs.local.RawLocalFs",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.shuffle.partitions": str(cores),
        "spark.default.parallelism": str(cores),
        # 50 tasks by default to read the log of any table.
        "spark.databricks.delta.snapshotPartitions": "2",
        # As many threads as cores would start in every worker.
        "spark.executorEnv.POLARS_MAX_THREADS": "1",
        # A fifth less memory in a worker that turns Arrow into polars than with its default.
        **_allocator(),
        **catalog_settings(options),
    }
    for name, value in values.items():
        builder = builder.config(name, value)
    try:
        session = builder.appName("stocks-ai").getOrCreate()
    except Exception as error:
        raise SparkError(
            f"Local Spark did not start: {' '.join(str(error).split())[:300]} "
            "Check `java -version` and the free memory (STOCKS_AI_SPARK_MEMORY)."
        ) from error
    if options.catalog_uri is not None:
        # Settings of the start are arguments of the process, which everybody on the machine sees.
        token = options.catalog_token.get_secret_value() if options.catalog_token else ""
        session.conf.set(f"spark.sql.catalog.{options.catalog}.token", token)
    return session
