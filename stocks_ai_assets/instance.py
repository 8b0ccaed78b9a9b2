"""Dagster's instance: one folder per deployment, batched event storage, no telemetry."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import dagster as dg
from dagster._core.instance.ref import InstanceRef

from stocks_ai_assets.settings import Settings

BATCHING = {
    "DAGSTER_EVENT_BATCH_SIZE": "2000",
    "DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS": "true",
}
"""Without these every materialization is a transaction of its own."""

IN_PROCESS = {
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
}
"""Runs of this process print to its console; capturing that would start four processes a run."""


def write_configuration(settings: Settings) -> Path:
    """Write `dagster.yaml` into the Dagster home if it differs, and return the folder."""
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    # JSON is YAML.
    file, text = home / "dagster.yaml", json.dumps(_configuration(home), indent=2) + "\n"
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")
    return home


def environment(settings: Settings) -> Mapping[str, str]:
    """Variables that every process of Dagster needs to use this instance well."""
    return {"DAGSTER_HOME": str(settings.dagster_home), **BATCHING}


def process_environment(settings: Settings) -> dict[str, str]:
    """Environment of a process of Dagster that works on this instance."""
    # Dagster warns on the console about its own commands; nobody can act on that.
    quiet = {"PYTHONWARNINGS": "ignore"}
    return {**os.environ, **quiet, **environment(settings)}  # noqa: TID251  # handed on, not read


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """Return the instance of this deployment, made ready if it is new."""
    home = write_configuration(settings)
    # Dagster reads these from the environment alone, and asks for them at every event.
    os.environ.update(environment(settings))  # noqa: TID251
    return dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home), overrides=IN_PROCESS))


def _configuration(home: Path) -> dict[str, object]:
    return {
        "storage": {
            "custom": {
                "module": "stocks_ai_assets.event_storage",
                "class": "BatchedSqliteStorage",
                "config": {"base_dir": str(home)},
            }
        },
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
    }
