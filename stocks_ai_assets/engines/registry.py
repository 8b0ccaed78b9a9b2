"""Which engine computes tables, from the settings."""

from stocks_ai_assets.engines.local import LOCAL
from stocks_ai_assets.engines.port import Engine
from stocks_ai_assets.settings import Settings


def open_engine(settings: Settings) -> Engine:
    """Return the engine that the settings name; Spark's session starts with its first work."""
    if settings.engine == "local":
        return LOCAL
    from stocks_ai_assets.engines.spark.engine import SparkEngine
    from stocks_ai_assets.engines.spark.session import SparkOptions

    return SparkEngine(
        SparkOptions(
            remote=settings.spark_remote,
            memory=settings.spark_memory,
            jars=settings.spark_jars,
            profile=settings.databricks.profile,
        ),
        catalog=settings.catalog,
    )
