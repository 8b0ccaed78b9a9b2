"""The batched event storage stores what Dagster's own stores, in a handful of transactions."""

from collections import Counter
from datetime import UTC
from uuid import NAMESPACE_OID, uuid5

import dagster as dg
import pytest
from dagster._core.events import (
    AssetObservationData,
    DagsterEvent,
    DagsterEventType,
    EngineEventData,
    StepMaterializationData,
)
from dagster._core.events.log import EventLogEntry
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log.schema import AssetKeyTable
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)
from sqlalchemy import select

from stocks_ai_assets.event_storage import BatchedSqliteEventLogStorage
from stocks_ai_assets.instance import BATCHING, write_configuration
from stocks_ai_assets.settings import Settings

DAYS = dg.DailyPartitionsDefinition(start_date="2020-01-01", end_date="2022-01-01")
KEYS = DAYS.get_partition_keys()
FIRST, SECOND = dg.AssetKey(["market", "prices"]), dg.AssetKey(["signals", "risk"])


@dg.asset(
    key=FIRST, partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run(), code_version="7"
)
def prices(context: dg.AssetExecutionContext) -> None:
    context.add_output_metadata({"delta_version": 3})
    for key in context.partition_keys[:2]:
        context.log_event(dg.AssetObservation(FIRST, partition=key, metadata={"seen": 1}))


@dg.asset(
    key=SECOND,
    deps=[prices],
    partitions_def=DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    code_version="8",
)
def risk() -> None:
    pass


def run_range(instance, n):
    """Materialize the first `n` partitions of both assets in one run."""
    tags = {ASSET_PARTITION_RANGE_START_TAG: KEYS[0], ASSET_PARTITION_RANGE_END_TAG: KEYS[n - 1]}
    return dg.materialize([prices, risk], instance=instance, tags=tags)


@pytest.fixture(scope="module")
def batched(tmp_path_factory):
    home = write_configuration(Settings(home=tmp_path_factory.mktemp("batched")))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("stock"))) as instance:
        yield instance


@pytest.fixture
def batching(monkeypatch):
    """Switch that lets Dagster hand events over in batches."""

    def switch(*, on):
        for name, value in BATCHING.items():
            if on:
                monkeypatch.setenv(name, value)
            else:
                monkeypatch.delenv(name, raising=False)

    return switch


def description(instance, key):
    """Everything that readers can ask about one asset, without run ids and clock times."""
    storage = instance.event_log_storage
    latest = instance.get_latest_materialization_event(key)
    (record,) = instance.get_asset_records([key])
    status = get_and_update_asset_status_cache_value(instance, key, DAYS)
    events = [
        (r.partition_key, type(r.event_log_entry.dagster_event.event_specific_data).__name__)
        for fetch in (instance.fetch_materializations, instance.fetch_observations)
        for r in fetch(key, limit=1000, ascending=True).records
    ]
    tags = storage.get_latest_tags_by_partition(
        key, DagsterEventType.ASSET_MATERIALIZATION, ["dagster/data_version"]
    )
    ids = storage.get_latest_storage_id_by_partition(key, DagsterEventType.ASSET_MATERIALIZATION)
    return {
        "partitions": instance.get_materialized_partitions(key),
        "latest": (latest.get_dagster_event().partition, latest.asset_materialization.metadata),
        "latest tags": {
            name: value
            for name, value in latest.asset_materialization.tags.items()
            if "event_pointer" not in name  # a storage id
        },
        "record": record.asset_entry.last_materialization.get_dagster_event().partition,
        "record run": record.asset_entry.last_run_id == latest.run_id,
        "counts": Counter(events),
        "order": [event for event in events if event[1] == "StepMaterializationData"],
        "order of ids": sorted(ids, key=ids.get),
        "tagged": sorted(tags),
        "status": status.deserialize_materialized_partition_subsets(DAYS).get_partition_keys(),
        "failed": status.deserialize_failed_partition_subsets(DAYS).get_partition_keys(),
    }


def test_a_range_leaves_the_events_and_statuses_that_stock_storage_leaves(batched, stock, batching):
    batching(on=True)
    ours = run_range(batched, 20)
    batching(on=False)
    theirs = run_range(stock, 20)
    for key in (FIRST, SECOND):
        assert description(batched, key) == description(stock, key)
    logged = [
        Counter(
            entry.dagster_event_type
            for entry in instance.all_logs(result.run_id)
            if entry.is_dagster_event
        )
        for instance, result in ((batched, ours), (stock, theirs))
    ]
    assert all(log[DagsterEventType.ASSET_MATERIALIZATION] == 40 for log in logged)
    # One planned event for the range instead of one a partition is what BATCHING asks for.
    for log in logged:
        del log[DagsterEventType.ASSET_MATERIALIZATION_PLANNED]
    assert logged[0] == logged[1]


def test_a_range_of_500_partitions_costs_a_handful_of_transactions(batched, batching, monkeypatch):
    batching(on=True)
    storage, opened = batched.event_log_storage, []
    connect = storage._connect
    monkeypatch.setattr(storage, "_connect", lambda shard: opened.append(shard) or connect(shard))
    result = run_range(batched, 500)
    assert len(opened) < 150, "stock storage opens several for every event"
    for key in (FIRST, SECOND):
        assert batched.get_materialized_partitions(key) == set(KEYS[:500])
        assert (
            batched.get_latest_materialization_event(key).get_dagster_event().partition == KEYS[499]
        )
        counts = batched.event_log_storage.get_latest_storage_id_by_partition(
            key, DagsterEventType.ASSET_MATERIALIZATION
        )
        assert len(set(counts.values())) == 500
    assert (
        len(batched.all_logs(result.run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION)) == 1000
    )


def event(kind, asset, n):
    """The `n`-th event of an asset, of a run of its own."""
    key, partition = dg.AssetKey(asset), KEYS[n]
    data = {
        DagsterEventType.ASSET_MATERIALIZATION: StepMaterializationData(
            dg.AssetMaterialization(key, partition=partition)
        ),
        DagsterEventType.ASSET_OBSERVATION: AssetObservationData(
            dg.AssetObservation(key, partition=partition)
        ),
        DagsterEventType.ENGINE_EVENT: EngineEventData(),
    }
    return EventLogEntry(
        error_info=None,
        level=10,
        user_message="",
        run_id=str(uuid5(NAMESPACE_OID, asset)),
        timestamp=1_600_000_000.0 + n,
        dagster_event=DagsterEvent(kind.value, "job", event_specific_data=data[kind]),
    )


def test_the_last_event_of_a_batch_decides_the_assets_state(batched, stock):
    kinds = [
        DagsterEventType.ASSET_MATERIALIZATION,
        DagsterEventType.ASSET_OBSERVATION,
        DagsterEventType.ASSET_MATERIALIZATION,
    ]
    events = [event(kind, "last", n) for n, kind in enumerate(kinds)]
    batched.event_log_storage.store_event_batch(events)
    for one in events:
        stock.event_log_storage.store_event(one)
    for instance in (batched, stock):
        (entry,) = (r.asset_entry for r in instance.get_asset_records([dg.AssetKey("last")]))
        assert entry.last_materialization.get_dagster_event().partition == KEYS[2]
        with instance.event_log_storage.index_connection() as connection:
            query = select(AssetKeyTable.c.last_materialization_timestamp).where(
                AssetKeyTable.c.asset_key == '["last"]'
            )
            (moment,) = connection.execute(query).scalars()
        assert moment.replace(tzinfo=UTC).timestamp() == events[2].timestamp


def test_other_batches_are_stored_the_stock_way(batched):
    kinds = [DagsterEventType.ENGINE_EVENT, DagsterEventType.ASSET_MATERIALIZATION]
    events = [event(kind, "mixed", n) for n, kind in enumerate(kinds)]
    batched.event_log_storage.store_event_batch(events)
    assert len(batched.all_logs(events[0].run_id)) == 2
    assert batched.get_materialized_partitions(dg.AssetKey("mixed")) == {KEYS[1]}


def test_a_batch_that_fails_leaves_nothing_so_that_dagster_can_store_one_by_one(
    batched, monkeypatch
):
    events = [event(DagsterEventType.ASSET_MATERIALIZATION, "fails", n) for n in range(3)]
    storage = batched.event_log_storage

    def fails(*_):
        message = "database is locked"
        raise OSError(message)

    with monkeypatch.context() as broken:
        broken.setattr(storage, "_store_asset_event", fails)
        with pytest.raises(OSError, match="locked"):
            storage.store_event_batch(events)
    assert batched.all_logs(events[0].run_id) == []
    assert batched.get_materialized_partitions(dg.AssetKey("fails")) == set()
    for one in events:
        storage.store_event(one)
    assert len(batched.all_logs(events[0].run_id)) == 3


def test_other_processes_get_the_batched_storage_too(batched):
    reference = InstanceRef.from_dict(batched.get_ref().to_dict())
    with dg.DagsterInstance.from_ref(reference) as instance:
        assert isinstance(instance.event_log_storage, BatchedSqliteEventLogStorage)
