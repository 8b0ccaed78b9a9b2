"""A step computes on the cluster's own Spark, and its workers import the code that was sent."""

from datetime import date

import dagster as dg
import pytest

from stocks_ai_assets.backfill import plan, run
from stocks_ai_assets.deployment import open_deployment
from stocks_ai_assets.errors import SparkError
from stocks_ai_assets.partitions import RANGE_END, RANGE_START
from stocks_ai_assets_tests.conftest import END, START, vendor_settings
from stocks_ai_assets_tests.integration.launching import workspace_with_facts

pytestmark = pytest.mark.spark

STAGE = "stage_1_market_signals_evaluation"


@pytest.fixture(scope="module")
def remote(tmp_path_factory, vendor):
    """A workspace that sees the home of a deployment with facts."""
    with workspace_with_facts(tmp_path_factory, vendor) as found:
        yield found


def test_a_step_on_spark_has_the_bits_of_a_step_here(remote, vendor, computed, environment):
    from stocks_ai_assets.pipeline import pipeline

    environment.setenv("DATABRICKS_HOST", remote.running.url)
    environment.setenv("DATABRICKS_TOKEN", remote.running.token)
    opened = open_deployment(remote.settings(vendor, engine="spark"))
    with dg.DagsterInstance.ephemeral() as instance:
        result = (
            pipeline(opened)
            .resolve_job_def(STAGE)
            .execute_in_process(
                instance=instance,
                asset_selection=[dg.AssetKey(["signals", "technical"])],
                tags={RANGE_START: START.isoformat(), RANGE_END: END.isoformat()},
                raise_on_error=False,
            )
        )
    assert result.success
    here, there = (
        open_deployment(vendor_settings(home, vendor)).lake.fingerprint(
            "signals.technical", date(2021, 3, 25), END
        )
        for home in (computed, remote.home)
    )
    assert there == here
    assert there.rows > 0


@pytest.mark.parametrize("way", ["step", "pipes"])
def test_what_the_clusters_spark_refuses_when_it_is_opened_is_raised_here_as_it_was_there(
    remote, vendor, environment, way
):
    environment.setenv("DATABRICKS_HOST", remote.running.url)
    environment.setenv("DATABRICKS_TOKEN", remote.running.token)
    chosen = {"lake_root": str(remote.home / "lake"), "catalog": "nowhere"}
    opened = open_deployment(remote.settings(vendor, launch=way, engine="spark", where=chosen))
    steps = plan(opened, START, START, ["signals/macro"], refresh=True)
    with (
        dg.DagsterInstance.ephemeral() as instance,
        pytest.raises(SparkError, match=r"^STOCKS_AI_CATALOG=nowhere: Spark does not know"),
    ):
        run(opened, START, START, instance=instance, steps=steps)
