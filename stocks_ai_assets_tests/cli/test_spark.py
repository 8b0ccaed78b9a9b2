"""With the Spark engine, what it lacks is said before anything is written."""

import socket
import sys

import pytest

from stocks_ai_assets_tests.cli.test_bad_input import refused
from stocks_ai_assets_tests.conftest import START, variables, vendor_settings
from stocks_ai_assets_tests.engines.test_spark_needs import fake_java

COMPUTED = "--select", '+key:"signals/technical"'
FACTS = "--select", "market/macro_observations"


@pytest.fixture
def backfill(stocks_ai, vendor, tmp_path):
    """Run one session by Spark; without a computed asset no Spark is needed."""
    given = variables(vendor_settings(tmp_path / "home", vendor))

    def run(*selected, **changed):
        command = "backfill", "--from", START, "--to", START, *selected
        return stocks_ai(*command, engine="spark", **given, **changed)

    return run


@pytest.fixture
def no_spark(monkeypatch):
    """No session of another test is running in this process."""
    from pyspark.sql import SparkSession

    monkeypatch.setattr(SparkSession, "getActiveSession", lambda: None)


def nothing_is_written(home):
    return not (home / "lake").exists()


def test_a_missing_extra_is_named_before_anything_is_written(backfill, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    refused(backfill(*COMPUTED), 1, "SparkError", "stocks-ai-assets[spark]")
    assert nothing_is_written(tmp_path / "home")


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("lacks", "named"),
    [
        ("java", ["no `java` on the path", "openjdk-17", "STOCKS_AI_ENGINE=local"]),
        ("new java", ["needs Java 17 or newer", "is Java 8"]),
        ("jars", ["Delta's jars are missing", "stocks-ai spark jars"]),
    ],
)
@pytest.mark.usefixtures("no_spark")
def test_what_spark_lacks_is_named_before_anything_is_written(
    backfill, environment, tmp_path, lacks, named
):
    version = "1.8.0_401" if lacks == "new java" else "17.0.15"
    java = fake_java(tmp_path / "bin", f'openjdk version "{version}"')
    environment.setenv("PATH", str(tmp_path) if lacks == "java" else f"{java}:/bin")
    finished = backfill(*COMPUTED, spark_jars=tmp_path / "jars")
    refused(finished, 1, "SparkError", *named)
    assert nothing_is_written(tmp_path / "home")
    # Facts are read and written here, whatever computes.
    assert backfill(*FACTS).code == 0
    assert not nothing_is_written(tmp_path / "home")


@pytest.mark.cluster
def test_a_server_that_does_not_answer_is_named_before_anything_is_written(backfill, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    remote = f"sc://127.0.0.1:{port}/;token=dapi-secret"
    finished = backfill(*COMPUTED, spark_remote=remote)
    refused(finished, 1, "SparkError", f"127.0.0.1:{port} does not answer", "SPARK_REMOTE")
    assert "dapi-secret" not in finished.err
    assert nothing_is_written(tmp_path / "home")
