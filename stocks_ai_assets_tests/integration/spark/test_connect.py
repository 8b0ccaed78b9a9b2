"""The third way of launching: Spark Connect, which stands in for Databricks Connect."""

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest
from deltalake import DeltaTable

from stocks_ai_assets.lake import Lake
from stocks_ai_assets.tables import TABLES
from stocks_ai_assets_tests.conftest import variables, vendor_settings
from stocks_ai_assets_tests.integration.spark.conftest import END, START
from stocks_ai_assets_tests.integration.spark.test_commands import CLI, by_spark
from stocks_ai_assets_tests.integration.web_ui import RANGE, SESSION, running_ui, until

pytestmark = pytest.mark.spark

CHOSEN = '+key:"agents/predictions/risk" or key:"market/macro_observations"'
"""All kinds of assets: by symbol, by session, by quarter; and facts for one more."""

COMPUTED = (
    "signals.technical",
    "signals.risk",
    "signals.sector",
    "evaluation.outcomes",
    "agents.models",
    "agents.predictions",
)
PATIENCE = 120
TOKEN = "let-me-in"  # noqa: S105  # of this test


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Address of a Spark Connect server of its own process, with Delta."""
    import pyspark

    from stocks_ai_assets.engines.spark.java import require_jars, require_java

    require_java()
    folder, port = tmp_path_factory.mktemp("connect"), free_port()
    settings = {
        "spark.connect.grpc.binding.port": port,
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.authenticate.token": TOKEN,
        "spark.jars": ",".join(map(str, require_jars(None))),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.shuffle.partitions": 2,
        "spark.databricks.delta.snapshotPartitions": 2,
        "spark.ui.enabled": "false",
        "spark.sql.warehouse.dir": folder / "warehouse",
    }
    submit = Path(pyspark.__file__).parent / "bin" / "spark-submit"
    command = [submit, "--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
    command += ["--master", "local[2]", "--driver-memory", "1g"]
    for name, value in settings.items():
        command += ["--conf", f"{name}={value}"]
    environment = {**os.environ, "PYSPARK_PYTHON": worker_python(folder)}  # noqa: TID251
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, "spark-internal"], stdout=log, stderr=log, env=environment, cwd=folder
        )
        try:
            wait_for(port, process, folder / "log")
            # By this name alone the client sends a token without TLS.
            yield f"sc://localhost:{port}"
        finally:
            process.terminate()
            process.wait(30)


def worker_python(folder):
    """Python of the workers: it has the libraries, and no way to this checkout."""
    libraries = sysconfig.get_path("purelib")
    python = folder / "python"
    # Without `site` no editable install is followed.
    python.write_text(
        f'#!/bin/sh\nPYTHONPATH="$PYTHONPATH:{libraries}" exec {sys.executable} -S "$@"\n'
    )
    python.chmod(0o755)
    probe = "import polars\ntry:\n import stocks_ai_assets\nexcept ImportError:\n print('hidden')"
    found = subprocess.run(
        [python, "-c", probe], capture_output=True, text=True, cwd=folder, check=False
    )
    assert found.stdout == "hidden\n", found.stderr
    return str(python)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, process, log):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    pytest.fail(f"The server did not start: {log.read_text()[-2000:]}")


@pytest.fixture
def connected(server, vendor, environment, tmp_path):
    """Make commands of this environment compute on the server; they are processes of their own.

    A process has either Spark or Spark Connect.
    """
    settings = variables(vendor_settings(tmp_path / "home", vendor))
    given = {"engine": "spark", "spark_remote": f"{server}/;token={TOKEN}", **settings}
    for name, value in given.items():
        environment.setenv(f"STOCKS_AI_{name.upper()}", value)
    return environment


def run(*arguments):
    """Run a command in this environment."""
    return subprocess.run([CLI, *arguments], capture_output=True, text=True, check=False)


def backfill(last, *arguments):
    finished = run("backfill", "--from", str(START), "--to", str(last), *arguments)
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert TOKEN not in finished.stderr


@pytest.mark.usefixtures("connected")
def test_a_session_and_a_range_from_the_command_line_and_from_dagsters_ui_have_the_same_bits(
    here, tmp_path
):
    lake = Lake(tmp_path / "home" / "lake")
    backfill(START, "--select", '+key:"signals/sector"')
    for table in ("signals.technical", "signals.sector"):
        assert lake.read(table).equals(read(here, table, lake, START, START)), table
    backfill(END, "--select", CHOSEN)
    for table in COMPUTED:
        assert lake.read(table).equals(read(here, table, lake)), table
        assert by_spark(lake, table), table
    with running_ui(os.environ, tmp_path) as ui:  # noqa: TID251  # as the commands have it
        for tags, last in ((SESSION, START), (RANGE, END)):
            run_id = ui.launch("signals/macro", tags)
            until(lambda launched=run_id: ui.status(launched) in {"SUCCESS", "FAILURE"}, 300)
            assert ui.status(run_id) == "SUCCESS"
            assert lake.read("signals.macro").equals(here.read("signals.macro", START, last))
            assert by_spark(lake, "signals.macro")


def read(here, table, lake, first=None, last=None):
    """Read from `here` the slices of a table that `lake` has."""
    column = TABLES[table].slice
    slices = lake.read(table)[column].unique().to_list() if column else None
    return here.read(table, first, last, slices=slices)


@pytest.mark.usefixtures("connected")
def test_a_lake_that_the_process_began_is_merged_into(here, tmp_path):
    shutil.copytree(here.root, tmp_path / "home" / "lake")
    table, lake = "meta.synthesized_predictions", Lake(tmp_path / "home" / "lake")
    before = lake.fingerprint(table)
    DeltaTable(lake.location(table)).update(
        updates={"score": "0.9"}, predicate=f"prediction_date = '{END}'"
    )
    assert lake.fingerprint(table).content_hash != before.content_hash
    backfill(END, "--refresh", "--select", 'key:"meta/synthesized_predictions"')
    assert lake.fingerprint(table).content_hash == before.content_hash
    assert by_spark(lake, table)


def test_a_token_that_the_server_does_not_know_is_refused_by_name(server, connected):
    connected.setenv("STOCKS_AI_SPARK_REMOTE", f"{server}/;token=guessed-secret")
    finished = run("spark", "check")
    assert finished.returncode == 1
    assert f"Spark Connect at {server} refuses the login (UNAUTHENTICATED)" in finished.stderr
    assert len(finished.stderr.splitlines()) <= 2, finished.stderr
    assert "guessed-secret" not in finished.stderr


def test_workers_with_another_library_are_refused_by_name(server, connected, tmp_path):
    found = tmp_path / "other" / "scipy-0.0.1.dist-info"
    found.mkdir(parents=True)
    (found / "METADATA").write_text("Metadata-Version: 2.1\nName: scipy\nVersion: 0.0.1\n")
    connected.setenv("PYTHONPATH", str(found.parent))
    finished = run("spark", "check")
    assert finished.returncode == 1
    assert f"The workers of {server} have scipy " in finished.stderr
    assert "instead of 0.0.1, and equal bits" in finished.stderr
    assert "`stocks-ai spark libraries`" in finished.stderr
