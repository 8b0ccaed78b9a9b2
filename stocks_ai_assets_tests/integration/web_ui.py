"""Dagster's web UI with its daemon, as `stocks-ai ui` starts them, asked through GraphQL."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from stocks_ai_assets_tests.conftest import END, START

STAGE = "stage_1_market_signals_evaluation"

SESSION = {"dagster/partition": START.isoformat()}

RANGE = {
    "dagster/asset_partition_range_start": START.isoformat(),
    "dagster/asset_partition_range_end": END.isoformat(),
}


def until(found, seconds=60.0):
    """Wait until `found()` is something, and return it."""
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)
    return value


class WebUI:
    """Dagster's web server and daemon, as `stocks-ai ui` starts them."""

    def __init__(self, address):
        self.address = f"{address}/graphql"

    def ask(self, query, **given):
        body = json.dumps({"query": query, "variables": given}).encode()
        request = urllib.request.Request(  # noqa: S310  # loopback
            self.address, body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            read = json.loads(answer.read())
        assert "errors" not in read, read
        return read["data"]

    def up(self):
        try:
            return self.ask("{ version }")
        except OSError:
            return None

    def launch(self, asset, tags):
        found = self.ask(
            "{ repositoriesOrError { ... on RepositoryConnection { nodes { name "
            "location { name } } } } }"
        )
        (repository,) = found["repositoriesOrError"]["nodes"]
        selector = {
            "repositoryName": repository["name"],
            "repositoryLocationName": repository["location"]["name"],
            "jobName": STAGE,
            "assetSelection": [{"path": asset.split("/")}],
            "assetCheckSelection": [],
        }
        tags = [{"key": key, "value": value} for key, value in tags.items()]
        answer = self.ask(
            "mutation L($p: ExecutionParams!) { launchRun(executionParams: $p) { __typename "
            "... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }",
            p={"selector": selector, "mode": "default", "executionMetadata": {"tags": tags}},
        )["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return answer["run"]["runId"]

    def terminate(self, run_id):
        query = "mutation T($r: String!) { terminateRun(runId: $r) { __typename } }"
        self.ask(query, r=run_id)

    def status(self, run_id):
        query = "query S($r: ID!) { runOrError(runId: $r) { ... on Run { status } } }"
        return self.ask(query, r=run_id)["runOrError"]["status"]

    def links(self, run_id):
        """Links that the events of a run show."""
        query = (
            "query E($r: ID!) { logsForRun(runId: $r) { ... on EventConnection { events {"
            " __typename ... on DisplayableEvent { metadataEntries {"
            " __typename ... on UrlMetadataEntry { url } } } } } } }"
        )
        events = self.ask(query, r=run_id)["logsForRun"]["events"]
        return {
            (event["__typename"], entry["url"])
            for event in events
            for entry in event.get("metadataEntries", ())
            if entry["__typename"] == "UrlMetadataEntry"
        }


@contextmanager
def running_ui(environment, folder):
    """Start the web UI with its daemon in an environment; it ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("stocks-ai"), "ui", "--port", str(port)],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            ui = WebUI(f"http://127.0.0.1:{port}")
            until(ui.up, 120)
            yield ui
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)
