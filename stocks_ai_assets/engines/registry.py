"""Which engine computes tables, from the settings."""

from stocks_ai_assets.engines.local import LOCAL
from stocks_ai_assets.engines.port import Engine
from stocks_ai_assets.settings import Settings


def open_engine(settings: Settings) -> Engine:
    """Return the engine that the settings name; Spark's session starts with its first work."""
    if settings.engine == "local":
        return LOCAL
    from stocks_ai_assets.engines.spark.engine import SparkEngine
    from stocks_ai_assets.engines.spark.session import options_of

    return SparkEngine(options_of(settings), catalog=settings.catalog)
