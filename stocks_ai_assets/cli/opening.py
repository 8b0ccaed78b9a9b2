"""What commands open: the deployment of the environment, and Dagster's instance."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

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
    """Open Dagster's instance of the deployment, and close it."""
    from stocks_ai_assets.instance import open_instance  # imports Dagster, 2 s

    with open_instance(opened.settings) as instance:
        yield instance
