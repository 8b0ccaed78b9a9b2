"""What commands open: the deployment of the environment, and Dagster's instance."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stocks_ai_assets.errors import StorageError

if TYPE_CHECKING:
    import dagster as dg

    from stocks_ai_assets.deployment import Deployment


def deployment() -> "Deployment":
    """Open the deployment that the environment and the settings file describe."""
    from stocks_ai_assets.deployment import open_deployment  # keeps --help quick
    from stocks_ai_assets.settings import load_settings

    return open_deployment(load_settings())


@contextmanager
def dagster_instance(opened: "Deployment") -> Iterator["dg.DagsterInstance"]:
    """Open Dagster's instance of the deployment, and close it.

    Raises
    ------
    StorageError
        Dagster's records cannot be written.
    """
    from sqlalchemy.exc import OperationalError

    from stocks_ai_assets.instance import open_instance  # imports Dagster, 2 s

    where = opened.settings.dagster_home
    try:
        instance = open_instance(opened.settings)
    except (OSError, OperationalError) as error:
        raise _not_written(where, error) from error
    try:
        with instance:
            yield instance
    except OperationalError as error:
        raise _not_written(where, error) from error


def _not_written(where: Path, error: Exception) -> StorageError:
    finding = getattr(error, "orig", None) or getattr(error, "strerror", None) or error
    return StorageError(
        f"Dagster's records in {where} cannot be written: {finding}. Free the disk, end the other "
        "process or give this user access, then run the same command again."
    )
