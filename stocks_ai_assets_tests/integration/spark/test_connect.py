"""The same engine through Spark Connect, which stands in for Databricks Connect."""

import os
import socket
import subprocess
import sys
import sysconfig
import time
from dataclasses import replace
from pathlib import Path

import pytest

from stocks_ai_assets.errors import SparkError
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.proofs.graph import materialize
from stocks_ai_assets_tests.integration.spark.conftest import END, START, prints

pytestmark = pytest.mark.spark

CHOSEN = ("meta/synthesized_predictions",)
PATIENCE = 120


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
            yield f"sc://127.0.0.1:{port}"
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


IN_A_CLIENT = """
import json, sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.engines.spark.engine import SparkEngine
from stocks_ai_assets.engines.spark.session import SparkOptions
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.proofs.graph import Graph, materialize
from stocks_ai_assets.sources.folder import FolderSource
from stocks_ai_assets.sources.raw import read_folder

remote, vendor, folder, first, last, *chosen = sys.argv[1:]
source = FolderSource(read_folder(Path(vendor)), nyse(), name="folder", simulated=True)
first, last = map(date.fromisoformat, (first, last))
engine = SparkEngine(SparkOptions(remote=remote))
graph = Graph(source=source, parameters=Parameters(first_session=first, horizon=2),
              select=tuple(chosen), engine=engine)
lake = Lake(Path(folder))
materialize(graph, lake, first, last)
print(json.dumps({name: lake.fingerprint(name).content_hash for name in lake.tables()}))
engine.session.stop()
"""


def test_spark_connect_gives_the_same_bits(server, vendor, vendor_graph, tmp_path):
    here = Lake(tmp_path / "here")
    materialize(replace(vendor_graph, select=CHOSEN), here, START, END)
    days = START.isoformat(), END.isoformat()
    # A process has either Spark or Spark Connect.
    finished = subprocess.run(
        [sys.executable, "-c", IN_A_CLIENT, server, vendor, tmp_path / "there", *days, *CHOSEN],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    found = json_of(finished.stdout)
    assert found == {name: digest for name, (_, digest) in prints(here).items()}


def json_of(text):
    import json

    return json.loads(text.strip().splitlines()[-1])


def test_a_server_that_does_not_answer_is_named_without_its_token():
    finished = subprocess.run(
        [
            sys.executable,
            "-c",
            (
                "from stocks_ai_assets.engines.spark.session import *\n"
                f"open_session(SparkOptions(remote='sc://127.0.0.1:{free_port()}/;token=secret'))"
            ),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    message = finished.stderr.strip().splitlines()[-1]
    assert SparkError.__name__ in message
    assert "does not answer" in message
    assert "secret" not in message
