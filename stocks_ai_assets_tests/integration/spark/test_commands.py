"""The command line with the Spark engine: a session of it, a check, an unknown catalog."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from deltalake import DeltaTable

from stocks_ai_assets.lake import Lake
from stocks_ai_assets_tests.cli.test_bad_input import refused
from stocks_ai_assets_tests.conftest import variables, vendor_settings
from stocks_ai_assets_tests.integration.spark.conftest import START

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("engine")]

CLI = Path(sys.executable).with_name("stocks-ai")


@pytest.fixture
def backfill(stocks_ai, vendor, tmp_path):
    """Backfill one session by the Spark of this process."""
    given = variables(vendor_settings(tmp_path / "home", vendor))

    def run(**changed):
        command = "backfill", "--from", START, "--to", START, "--select", '+key:"signals/esg"'
        return stocks_ai(*command, engine="spark", **given, **changed)

    return run


def test_one_session_backfilled_by_spark_has_the_bits_of_the_process(backfill, here, tmp_path):
    finished = backfill()
    assert finished.code == 0, finished.err
    lake = Lake(tmp_path / "home" / "lake")
    for table in ("signals.technical", "signals.esg"):
        assert lake.read(table).equals(here.read(table, START, START)), table
        assert by_spark(lake, table), table


def by_spark(lake, table):
    """Whether Spark made the newest commit of a table."""
    (newest,) = DeltaTable(lake.location(table)).history(1)
    return newest["engineInfo"].startswith("Apache-Spark")


def test_an_unknown_catalog_is_named_before_anything_is_written(backfill, tmp_path):
    refused(backfill(catalog="nowhere"), 1, "SparkError", "STOCKS_AI_CATALOG=nowhere", "unset")
    assert not (tmp_path / "home" / "lake").exists()


def test_a_check_starts_spark_as_the_settings_say(environment):
    environment.setenv("STOCKS_AI_SPARK_MEMORY", "512m")
    finished = subprocess.run(
        [CLI, "spark", "check", "--json"], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    found = json.loads(finished.stdout)
    assert found["spark"] == "4.2.0"
    assert found["where"].startswith("local[")
