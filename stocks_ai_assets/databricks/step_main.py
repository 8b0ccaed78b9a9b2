"""Runs one step on a cluster. A script that is staged alone: it brings the package's code itself.

Beside it lie `code.zip` and `order.json`. It writes, by attempt, `<n>_events_<i>.gz` while the step
runs, then `<n>_output.json`; and `<n>_failure.json` when the step could not even be tried.
"""

import base64
import contextlib
import gzip
import importlib
import importlib.metadata
import io
import json
import os
import pickle
import queue
import sys
import tempfile
import threading
import time
import traceback
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SECONDS_BETWEEN_EVENTS = 1.0
SENT = None
"""Marks the end of the events."""


class VersionSkewError(Exception):
    """The cluster has other versions of libraries than the machine that sent the step."""


class LakeUnseenError(Exception):
    """The cluster does not see the folder of the tables."""


def main(folder: Path, secrets: Any) -> None:
    """Run the step whose order lies in `folder`; `secrets` reads the workspace's secret scopes."""
    order = json.loads((folder / "order.json").read_text(encoding="utf-8"))
    attempt, output = order["attempt"], {"stdout": io.StringIO(), "stderr": io.StringIO()}
    try:
        with (
            contextlib.redirect_stdout(output["stdout"]),
            contextlib.redirect_stderr(output["stderr"]),
        ):
            _require_versions(order["versions"])
            _require_lake(order["lake"])
            _set_environment(order, secrets)
            _run(order, folder)
    except Exception as error:
        traceback.print_exc(file=output["stderr"])
        failure = {"error": type(error).__name__, "message": str(error)}
        _write(folder / f"{attempt}_failure.json", json.dumps(failure).encode())
        raise
    finally:
        texts = {name: stream.getvalue() for name, stream in output.items()}
        _write(folder / f"{attempt}_output.json", json.dumps(texts).encode())
        sys.stdout.write(texts["stdout"])
        sys.stderr.write(texts["stderr"])


def differing(expected: Mapping[str, str]) -> dict[str, str]:
    """Return the version found here of every library that differs from what is expected."""
    found = {"python": f"{sys.version_info[0]}.{sys.version_info[1]}"}
    for name in expected:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.setdefault(name, importlib.metadata.version(name))
    return {name: found.get(name, "none") for name in expected if found.get(name) != expected[name]}


def _require_versions(expected: Mapping[str, str]) -> None:
    skewed = differing(expected)
    if skewed:
        pairs = (f"{name} {found} instead of {expected[name]}" for name, found in skewed.items())
        raise VersionSkewError(", ".join(pairs))


def _require_lake(lake: str) -> None:
    """Raise where the folder of the tables is not seen: a new lake would be begun in its place."""
    if "://" not in lake and not Path(lake).is_dir():
        raise LakeUnseenError(lake)


def _set_environment(order: Mapping[str, Any], secrets: Any) -> None:
    # Settings are read from the environment; this is where the remote process gets its own.
    os.environ.update(order["variables"])  # noqa: TID251
    for secret in order["secrets"]:
        value = secrets.get(scope=secret["scope"], key=secret["key"])
        os.environ[secret["name"]] = value  # noqa: TID251


def _run(order: Mapping[str, Any], folder: Path) -> None:
    with tempfile.TemporaryDirectory() as code:
        with zipfile.ZipFile(folder / "code.zip") as packed:
            packed.extractall(code)
        # Before an older copy that the cluster may have installed. Imported here, because Dagster
        # leaves out the first entry of the path when it imports definitions.
        sys.path.insert(0, code)
        importlib.import_module(order["definitions"])
        if order["spark"]:
            _give_workers(folder / "code.zip", Path(code), order["code"])
        from dagster._core.execution.plan.external_step import (
            external_instance_from_step_run_ref,
            run_step_from_ref,
        )

        reference = pickle.loads(base64.b64decode(order["reference"]))  # noqa: S301  # ours
        events: queue.Queue[Any] = queue.Queue()
        sender = threading.Thread(target=_send, args=(events, folder, order["attempt"]))
        sender.start()
        try:
            with external_instance_from_step_run_ref(reference, events.put) as instance:
                # Nobody asks this instance later; storing costs more than many a step computes.
                vars(instance.event_log_storage)["store_event"] = lambda _: None
                for _ in run_step_from_ref(reference, instance):
                    pass
        finally:
            events.put(SENT)
            sender.join()


def _give_workers(packed: Path, folder: Path, digest: str) -> None:
    """Let Spark's Python workers import the same code.

    The archive is named by its content, for a cluster lets no file change under its name. Workers
    are kept for later steps: the variable gives those of other code workers of their own.
    """
    from pyspark.sql import SparkSession

    context = SparkSession.builder.getOrCreate().sparkContext
    named = folder / f"stocks_ai_assets_{digest}.zip"
    named.write_bytes(packed.read_bytes())
    context.environment["STOCKS_AI_WORKER_CODE"] = digest
    context.addPyFile(str(named))


def _send(events: "queue.Queue[Any]", folder: Path, attempt: int) -> None:
    """Write what has happened about once a second, each time what is new."""
    from dagster._serdes import serialize_value

    part, waiting, sent_at, over = 0, [], 0.0, False
    while not over:
        with contextlib.suppress(queue.Empty):
            event = events.get(timeout=SECONDS_BETWEEN_EVENTS / 4)
            over = event is SENT
            if not over:
                waiting.append(event)
        if waiting and (over or time.monotonic() - sent_at > SECONDS_BETWEEN_EVENTS):
            text = serialize_value(waiting)
            _write(folder / f"{attempt}_events_{part}.gz", gzip.compress(text.encode(), 1))
            part, waiting, sent_at = part + 1, [], time.monotonic()


def _write(file: Path, content: bytes) -> None:
    # In one go: volumes take no appended or random writes.
    file.write_bytes(content)


if __name__ == "__main__":
    # Databricks puts `dbutils` among the script's globals.
    main(Path(sys.argv[1]), dbutils.secrets)  # type: ignore[name-defined]  # noqa: F821
