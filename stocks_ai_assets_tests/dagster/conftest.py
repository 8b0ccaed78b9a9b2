"""Dagster's instance of the shared deployment, and small deployments of a vendor's folder."""

from datetime import date

import dagster as dg
import pytest

from stocks_ai_assets.deployment import open_deployment
from stocks_ai_assets.instance import open_instance
from stocks_ai_assets.partitions import PARTITION, RANGE_END, RANGE_START
from stocks_ai_assets.pipeline import pipeline
from stocks_ai_assets.settings import Settings


@pytest.fixture
def instance(deployed, environment):
    """Instance that recorded the shared deployment's backfill."""
    with open_instance(deployed) as opened:
        yield opened


@pytest.fixture
def opened(vendor, tmp_path, environment):
    """Empty deployment of the vendor's folder, from the last sessions of a quarter on."""
    return open_deployment(
        Settings(
            home=tmp_path / "home",
            source="folder",
            source_folder=vendor,
            first_session=date(2021, 3, 29),
            horizon=2,
        )
    )


@pytest.fixture
def launch(opened):
    """Launch partitions of some assets as a run of their own; return how it ended."""

    def run(job, assets, first, last=None, instance=None):
        tags = {RANGE_START: first, RANGE_END: last} if last else {PARTITION: first}
        return (
            pipeline(opened)
            .resolve_job_def(job)
            .execute_in_process(
                instance=instance,
                asset_selection=[dg.AssetKey(name.split("/")) for name in assets],
                tags=tags,
                raise_on_error=False,
            )
        )

    return run
