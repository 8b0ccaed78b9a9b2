"""Runs one step on a cluster. A script that is staged alone: it brings the package's code itself.

Beside it lie `code.zip` and `order.json`. It writes, by attempt, `<n>_events_<i>.gz` while the step
runs, then `<n>_output.json`; and `<n>_failure.json` when the step could not be tried or told.
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
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

SECONDS_BETWEEN_EVENTS = 1.0
SENT = None
"""Marks the end of the events."""

FEWEST = 4
"""Characters of a secret that is taken out of texts; a shorter one would be found in any."""

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between tries at the end, when the place of the files refuses one."""


class VersionSkewError(Exception):
    """The cluster has other versions of libraries than the machine that sent the step."""


class LakeUnseenError(Exception):
    """The cluster does not see the folder of the tables."""


class StepFailedError(Exception):
    """What ends a run that failed: kind and words of the error, without secrets."""


class EventsUnsentError(Exception):
    """The step ran, and the place of its files took no report of it."""


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
    except Exception as error:  # noqa: BLE001  # whatever it is, it ends the run
        traceback.print_exc(file=output["stderr"])
        # What a resource of the run met when it was opened stands inside Dagster's error.
        cause = getattr(error, "user_exception", error)
        name, said = type(cause).__name__, _shown(str(cause), order)
        failure = {"error": name, "message": said}
        _write_if_possible(folder / f"{attempt}_failure.json", json.dumps(failure).encode())
        # The workspace shows what ends the run, with its causes; these nobody has cleaned.
        raise StepFailedError(f"{name}: {said}") from None
    finally:
        texts = {name: _shown(stream.getvalue(), order) for name, stream in output.items()}
        _write_if_possible(folder / f"{attempt}_output.json", json.dumps(texts).encode())
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
        importlib.import_module("stocks_ai_assets.databricks.printed")
        importlib.import_module(order["definitions"])
        if order["spark"]:
            _give_workers(folder / "code.zip", Path(code), order["code"])
        from dagster._core.execution.plan.external_step import (
            external_instance_from_step_run_ref,
            run_step_from_ref,
        )

        reference = pickle.loads(base64.b64decode(order["reference"]))  # noqa: S301  # ours
        cleaned = importlib.import_module("stocks_ai_assets.databricks.events").cleaned
        with (
            Sender(folder, order["attempt"]) as sender,
            external_instance_from_step_run_ref(
                reference, lambda entry: sender.events.put(cleaned(entry, _values(order)))
            ) as instance,
        ):
            # Nobody asks this instance later; storing costs more than many a step computes.
            vars(instance.event_log_storage)["store_event"] = lambda _: None
            for _ in run_step_from_ref(reference, instance):
                pass


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


class Sender:
    """Writes what has happened about once a second, each time what is new.

    What the place of the files refuses is kept and written again under the same name, for whoever
    reads takes the parts in their order; at the end with patience.

    Parameters
    ----------
    folder
        Where the parts lie.
    attempt
        Number that their names begin with.

    Raises
    ------
    EventsUnsentError
        At the end of the block: the place went on refusing.
    """

    def __init__(self, folder: Path, attempt: int) -> None:
        self.events: queue.Queue[Any] = queue.Queue()
        self._folder, self._attempt = folder, attempt
        self._unsent: list[tuple[Path, bytes]] = []
        self._parts = 0
        self._failed: Exception | None = None
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.events.put(SENT)
        self._thread.join()
        if self._failed is not None:
            words = getattr(self._failed, "strerror", None) or str(self._failed)
            raise EventsUnsentError(f"{type(self._failed).__name__} ({words})") from self._failed

    def _send(self) -> None:
        waiting, sent_at, over = [], 0.0, False
        try:
            while not over:
                with contextlib.suppress(queue.Empty):
                    event = self.events.get(timeout=SECONDS_BETWEEN_EVENTS / 4)
                    over = event is SENT
                    if not over:
                        waiting.append(event)
                due = time.monotonic() - sent_at > SECONDS_BETWEEN_EVENTS
                if waiting and (over or due):
                    self._pack(waiting)
                    waiting = []
                if self._unsent and due and not over:
                    sent_at = time.monotonic()
                    with contextlib.suppress(OSError):
                        self._write_unsent()
            _patiently(self._write_unsent, PAUSES)
        except Exception as error:  # noqa: BLE001  # a thread cannot raise; `__exit__` does
            self._failed = error

    def _pack(self, events: list[Any]) -> None:
        from dagster._serdes import serialize_value

        file = self._folder / f"{self._attempt}_events_{self._parts}.gz"
        self._unsent.append((file, gzip.compress(serialize_value(events).encode(), 1)))
        self._parts += 1

    def _write_unsent(self) -> None:
        while self._unsent:
            _write(*self._unsent[0])
            del self._unsent[0]


def _shown(text: str, order: Mapping[str, Any]) -> str:
    """Return `text` without the secrets that the step was given, and without what looks like one.

    Line by line. What a secret looks like is known as soon as the package's code is there.
    """
    for value in sorted(_values(order), key=len, reverse=True):
        text = text.replace(value, "***")
    package = sys.modules.get("stocks_ai_assets.databricks.printed")
    return package.printed(text) if package else text


def _values(order: Mapping[str, Any]) -> list[str]:
    """Secrets that the step was given."""
    names = [secret["name"] for secret in order["secrets"]]
    found = [os.environ.get(name, "") for name in names]  # noqa: TID251  # set above
    return [value for value in found if len(value) >= FEWEST]


def _patiently(write: Callable[[], None], pauses: Sequence[float]) -> None:
    for pause in pauses:
        try:
            return write()
        except OSError:
            time.sleep(pause)
    return write()


def _write_if_possible(file: Path, content: bytes) -> None:
    """Write what helps to understand a run; that it cannot be written is no news then."""
    with contextlib.suppress(OSError):
        _patiently(lambda: _write(file, content), PAUSES[:3])


def _write(file: Path, content: bytes) -> None:
    # In one go: volumes take no appended or random writes.
    file.write_bytes(content)


if __name__ == "__main__":
    # Databricks puts `dbutils` among the script's globals.
    main(Path(sys.argv[1]), dbutils.secrets)  # type: ignore[name-defined]  # noqa: F821
