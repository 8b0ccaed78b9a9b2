"""Dagster's SQLite storage, with batches of asset events in one transaction a database.

Stock storage opens a connection and commits for every event: a range of 2,500 partitions takes
minutes instead of seconds. What is stored is the same, and every reader stays Dagster's own.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, cast

from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationPlanned,
)
from dagster._core.events import ASSET_EVENTS
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite_storage import (
    DagsterSqliteStorage,
    _event_logs_directory,
)
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.event import listen

MAX_ENGINES = 64
"""Databases kept at hand: the index and the newest runs."""

BUSY_TIMEOUT = 60.0
"""Seconds to wait for another process that writes."""


class BatchedSqliteEventLogStorage(SqliteEventLogStorage):
    """Event log that writes batches as batches. Used when `DAGSTER_EVENT_BATCH_SIZE` is set."""

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        """Connect with an engine made once a database: stock storage makes one an event."""
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def dispose(self) -> None:
        """Close what is kept open."""
        super().dispose()
        while self._engines:
            self._engines.popitem()[1].dispose()

    @cached_property
    def _engines(self) -> dict[str, Engine]:
        return {}

    def _engine(self, shard: str) -> Engine:
        engines = self._engines
        if shard not in engines:
            if len(engines) >= MAX_ENGINES:
                engines.pop(next(iter(engines))).dispose()
            engines[shard] = create_engine(
                self.conn_string_for_shard(shard),
                # Closing the last connection would check the write-ahead log in every time.
                pool_size=1,
                connect_args={"timeout": BUSY_TIMEOUT},
            )
            # In write-ahead mode a process that dies loses nothing with this either.
            listen(engines[shard], "connect", _do_not_wait_for_the_disk)
        return engines[shard]

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events in order; asset events of one run in one transaction a database."""
        if not _is_batch_of_asset_events(events):
            super().store_event_batch(events)
            return
        rows = [self._event_to_row(event) for event in events]
        with self.index_transaction() as connection:
            insert = SqlEventLogStorageTable.insert().returning(
                SqlEventLogStorageTable.c.id, sort_by_parameter_order=True
            )
            ids = list(connection.execute(insert, rows).scalars())
            self._store_asset_event_tags(connection, events, ids)
            for event, event_id in _last_of_each_asset(events, ids):
                self._store_asset_event(connection, event, event_id)
        # Last: when the index is locked nothing was stored, and Dagster stores one by one.
        with self.run_connection(events[0].run_id) as connection:
            connection.execute(SqlEventLogStorageTable.insert(), rows)

    def _store_asset_check_evaluation_planned(
        self, event: EventLogEntry, event_id: int | None
    ) -> None:
        """Store one row a check: our checks have no partitions and judge a range as a whole.

        Dagster plans a row for every partition of the run, each with the whole event in it, and
        never updates them: 2 GB for ten years.
        """
        dagster_event = event.get_dagster_event()
        planned = cast("AssetCheckEvaluationPlanned", dagster_event.event_specific_data)
        whole = AssetCheckEvaluationPlanned(
            asset_key=planned.asset_key, check_name=planned.check_name
        )
        super()._store_asset_check_evaluation_planned(
            event._replace(dagster_event=dagster_event._replace(event_specific_data=whole)),
            event_id,
        )


class BatchedSqliteStorage(DagsterSqliteStorage):
    """Dagster's default storage with the batched event log; configured as `storage: custom:`.

    Parameters
    ----------
    base_dir
        Folder of the databases.
    inst_data
        How Dagster configured this storage; it hands this to other processes.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = BatchedSqliteEventLogStorage(_event_logs_directory(base_dir))

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "BatchedSqliteStorage":
        """Build the storage from `dagster.yaml`."""
        return cls.from_local(inst_data=inst_data, **config_value)


def _do_not_wait_for_the_disk(connection: Any, _: object) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")


def _is_batch_of_asset_events(events: Sequence[EventLogEntry]) -> bool:
    one_run = len({event.run_id for event in events}) == 1
    return one_run and all(
        event.is_dagster_event and event.dagster_event_type in ASSET_EVENTS for event in events
    )


def _last_of_each_asset(
    events: Sequence[EventLogEntry], ids: Sequence[int]
) -> list[tuple[EventLogEntry, int]]:
    """Return the last event of each kind of each asset, in order: it decides the asset's state."""
    last: dict[object, tuple[EventLogEntry, int]] = {}
    for event, event_id in zip(events, ids, strict=True):
        key = (event.get_dagster_event().asset_key, event.dagster_event_type)
        last.pop(key, None)
        last[key] = event, event_id
    return list(last.values())
