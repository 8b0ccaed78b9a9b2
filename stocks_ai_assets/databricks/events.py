"""Events of a remote step, as they arrive: read part by part, given the run's link, recorded."""

import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, cast
from uuid import uuid4

from dagster import AssetMaterialization, DagsterEventType, MetadataValue
from dagster._core.events import (
    DagsterEvent,
    DagsterEventBatchMetadata,
    StepMaterializationData,
)
from dagster._core.events.log import EventLogEntry
from dagster._core.instance import DagsterInstance
from dagster._serdes import deserialize_value
from dagster_shared.error import SerializableErrorInfo

from stocks_ai_assets.databricks.printed import hidden, printed
from stocks_ai_assets.databricks.runs import RemoteRun
from stocks_ai_assets.databricks.staging import Staging

LAST = frozenset(
    {
        DagsterEventType.STEP_SUCCESS,
        DagsterEventType.STEP_FAILURE,
        DagsterEventType.STEP_UP_FOR_RETRY,
        DagsterEventType.STEP_SKIPPED,
    }
)
"""Events that say how a step ended; they count when the run has ended too."""


class RemoteEvents:
    """What one attempt of a step reports, each event once.

    Parameters
    ----------
    staging
        Where the remote process writes.
    prefix
        Path of the attempt's files, up to their names' common beginning.
    """

    def __init__(self, staging: Staging, prefix: str) -> None:
        self._staging = staging
        self._prefix = prefix
        self._part = 0

    def new(self) -> list[EventLogEntry]:
        """Return what has arrived since the last call."""
        found: list[EventLogEntry] = []
        while (part := self._read()) is not None:
            found += part
            self._part += 1
        return found

    def _read(self) -> Sequence[EventLogEntry] | None:
        packed = self._staging.read(f"{self._prefix}_events_{self._part}.gz")
        try:
            text = gzip.decompress(packed).decode() if packed else ""
        except (OSError, EOFError, zlib.error):
            return None  # still being written
        return cast("Sequence[EventLogEntry]", deserialize_value(text)) if text else None


def cleaned(entry: EventLogEntry, values: Sequence[str]) -> EventLogEntry:
    """Return an event without these secrets, and without what looks like one where an error is."""
    entry = entry._replace(user_message=hidden(entry.user_message, values))
    event = entry.get_dagster_event() if entry.is_dagster_event else None
    if event is None:
        return entry
    data = cast("Any", event.event_specific_data)
    if error := getattr(data, "error", None):  # of a failure, a retry, the engine, a resource
        data = data._replace(error=_cleaned(error, values))
    if ours := getattr(data, "user_failure_data", None):  # an error of ours, which stays whole
        said = hidden(ours.description or "", values)
        data = data._replace(user_failure_data=ours._replace(description=said))
    said = hidden(event.message or "", values)
    return entry._replace(dagster_event=event._replace(event_specific_data=data, message=said))


def _cleaned(error: SerializableErrorInfo, values: Sequence[str]) -> SerializableErrorInfo:
    cause, around = error.cause, error.context
    return error._replace(
        message=printed(error.message, values) + "\n",
        stack=[printed(line, values) + "\n" for line in error.stack],
        cause=_cleaned(cause, values) if cause else None,
        context=_cleaned(around, values) if around else None,
    )


def ends_step(entry: EventLogEntry) -> bool:
    """Whether an event says how the step ended."""
    return entry.is_dagster_event and entry.get_dagster_event().event_type in LAST


def starts_step(entry: EventLogEntry) -> bool:
    """Whether an event says that the step begins."""
    event = entry.get_dagster_event() if entry.is_dagster_event else None
    return event is not None and event.event_type == DagsterEventType.STEP_START


def materialization(entry: EventLogEntry) -> AssetMaterialization | None:
    """Return the materialization that an event reports, if it does."""
    event = entry.get_dagster_event() if entry.is_dagster_event else None
    if event is None or event.event_type != DagsterEventType.ASSET_MATERIALIZATION:
        return None
    return event.step_materialization_data.materialization


def with_run(entry: EventLogEntry, run: RemoteRun) -> EventLogEntry:
    """Return an event whose materialization, if it has one, names the remote run."""
    found = materialization(entry)
    if found is None:
        return entry
    event = entry.get_dagster_event()
    data = cast("StepMaterializationData", event.event_specific_data)
    told = found.with_metadata({**found.metadata, **run_metadata(run)})
    return entry._replace(
        dagster_event=event._replace(event_specific_data=data._replace(materialization=told))
    )


def run_metadata(run: RemoteRun) -> Mapping[str, Any]:
    """Number and page of the run."""
    page = {"databricks_run_url": MetadataValue.url(run.url)} if run.url else {}
    return {"databricks_run_id": run.run_id, **page}


def record(instance: DagsterInstance, entries: Sequence[EventLogEntry]) -> Iterator[DagsterEvent]:
    """Store events as if they had happened here; materializations of a range as one batch."""
    for together, group in groupby(entries, key=lambda entry: materialization(entry) is not None):
        batch, batch_id = list(group), uuid4().hex
        for position, entry in enumerate(batch):
            last = position == len(batch) - 1
            instance.handle_new_event(
                entry,
                batch_metadata=DagsterEventBatchMetadata(batch_id, last) if together else None,
            )
            if entry.is_dagster_event:
                yield entry.get_dagster_event()
