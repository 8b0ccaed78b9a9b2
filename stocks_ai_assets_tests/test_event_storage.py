"""The batched event storage stores what Dagster's own stores, in a handful of transactions."""

from collections import Counter

import dagster as dg
import pytest
from dagster._core.events import (
    AssetObservationData,
    DagsterEvent,
    DagsterEventType,
    StepMaterializationData,
)
from dagster._core.events.log import EventLogEntry
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)

from stocks_ai_assets.event_storage import BatchedSqliteEventLogStorage
from stocks_ai_assets.instance import BATCHING, write_configuration
from stocks_ai_assets.settings import Settings

DAYS = dg.DailyPartitionsDefinition(start_date="2020-01-01", end_date="2022-01-01")
KEYS = DAYS.get_partition_keys()
FIRST, SECOND = dg.AssetKey(["market", "prices"]), dg.AssetKey(["signals", "risk"])


@dg.asset(
    key=FIRST, partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run(), code_version="7"
)
def prices(context: dg.AssetExecutionContext):
    context.add_output_metadata({"delta_version": 3})
    for key in context.partition_keys[:2]:
        context.log_event(dg.AssetObservation(FIRST, partition=key, metadata={"seen": 1}))


@dg.asset(
    key=SECOND, deps=[prices], partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run()
)
def risk():
    return None


def run_range(instance, n):
    """Materialize the first `n` partitions of both assets in one run."""
    tags = {ASSET_PARTITION_RANGE_START_TAG: KEYS[0], ASSET_PARTITION_RANGE_END_TAG: KEYS[n - 1]}
    return dg.materialize([prices, risk], instance=instance, tags=tags)


@pytest.fixture
def batched(tmp_path, monkeypatch):
    for name, value in BATCHING.items():
        monkeypatch.setenv(name, value)
    home = write_configuration(Settings(home=tmp_path / "batched"))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


@pytest.fixture
def stock(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path / "stock")) as instance:
        yield instance


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
        "latest": (latest.partition, latest.asset_materialization.metadata),
        "latest tags": dict(latest.asset_materialization.tags),
        "record": record.asset_entry.last_materialization.partition,
        "record run": record.asset_entry.last_run_id == latest.run_id,
        "counts": Counter(events),
        "order": [event for event in events if event[1] == "StepMaterializationData"],
        "order of ids": sorted(ids, key=ids.get),
        "tagged": sorted(tags),
        "status": status.deserialize_materialized_partition_subsets(DAYS).get_partition_keys(),
        "failed": status.deserialize_failed_partition_subsets(DAYS).get_partition_keys(),
    }


def test_a_range_leaves_the_events_and_statuses_that_stock_storage_leaves(
    batched, stock, monkeypatch
):
    ours = run_range(batched, 40)
    for name in BATCHING:
        monkeypatch.delenv(name)
    theirs = run_range(stock, 40)
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
    assert all(log[DagsterEventType.ASSET_MATERIALIZATION] == 80 for log in logged)
    # One planned event for the range instead of one a partition is what BATCHING asks for.
    for log in logged:
        del log[DagsterEventType.ASSET_MATERIALIZATION_PLANNED]
    assert logged[0] == logged[1]


def test_a_range_of_500_partitions_costs_a_handful_of_transactions(batched, monkeypatch):
    storage, opened = batched.event_log_storage, []
    connect = storage._connect
    monkeypatch.setattr(storage, "_connect", lambda shard: opened.append(shard) or connect(shard))
    result = run_range(batched, 500)
    assert len(opened) < 150, "stock storage opens several for every event"
    for key in (FIRST, SECOND):
        assert batched.get_materialized_partitions(key) == set(KEYS[:500])
        assert batched.get_latest_materialization_event(key).partition == KEYS[499]
        counts = batched.event_log_storage.get_latest_storage_id_by_partition(
            key, DagsterEventType.ASSET_MATERIALIZATION
        )
        assert len(set(counts.values())) == 500
    assert (
        len(batched.all_logs(result.run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION)) == 1000
    )


def event(kind, partition, at):
    """One event of the first asset."""
    data = (
        StepMaterializationData(dg.AssetMaterialization(FIRST, partition=partition))
        if kind == DagsterEventType.ASSET_MATERIALIZATION
        else AssetObservationData(dg.AssetObservation(FIRST, partition=partition))
    )
    dagster_event = DagsterEvent(kind.value, "job", event_specific_data=data)
    return EventLogEntry(
        error_info=None,
        level=10,
        user_message="",
        run_id="11111111-1111-1111-1111-111111111111",
        timestamp=at,
        dagster_event=dagster_event,
    )


def test_the_last_event_of_a_batch_decides_the_assets_state(batched, stock):
    kinds = [
        DagsterEventType.ASSET_MATERIALIZATION,
        DagsterEventType.ASSET_OBSERVATION,
        DagsterEventType.ASSET_MATERIALIZATION,
    ]
    events = [event(kind, KEYS[n], 1_600_000_000.0 + n) for n, kind in enumerate(kinds)]
    batched.event_log_storage.store_event_batch(events)
    for one in events:
        stock.event_log_storage.store_event(one)
    ours, theirs = (i.get_asset_records([FIRST])[0].asset_entry for i in (batched, stock))
    assert ours.last_materialization_record == theirs.last_materialization_record
    assert ours.last_materialization.partition == KEYS[2]
    assert ours == theirs


def test_other_batches_are_stored_the_stock_way(batched):
    start = DagsterEvent(DagsterEventType.ENGINE_EVENT.value, "job", message="hello")
    plain = event(DagsterEventType.ASSET_MATERIALIZATION, KEYS[0], 1.0)._replace(
        dagster_event=start
    )
    mixed = [plain, event(DagsterEventType.ASSET_MATERIALIZATION, KEYS[0], 2.0)]
    batched.event_log_storage.store_event_batch(mixed)
    assert len(batched.all_logs(plain.run_id)) == 2
    assert batched.get_materialized_partitions(FIRST) == {KEYS[0]}


def test_a_batch_that_fails_leaves_nothing_so_that_dagster_can_store_one_by_one(
    batched, monkeypatch
):
    events = [event(DagsterEventType.ASSET_MATERIALIZATION, KEYS[n], 1.0 + n) for n in range(3)]
    storage = batched.event_log_storage

    def fails(*_):
        message = "database is locked"
        raise OSError(message)

    with monkeypatch.context() as broken:
        broken.setattr(storage, "_store_asset_event", fails)
        with pytest.raises(OSError, match="locked"):
            storage.store_event_batch(events)
    assert batched.all_logs(events[0].run_id) == []
    assert batched.get_materialized_partitions(FIRST) == set()
    for one in events:
        storage.store_event(one)
    assert len(batched.all_logs(events[0].run_id)) == 3


def test_other_processes_get_the_batched_storage_too(batched):
    reference = InstanceRef.from_dict(batched.get_ref().to_dict())
    with dg.DagsterInstance.from_ref(reference) as instance:
        assert isinstance(instance.event_log_storage, BatchedSqliteEventLogStorage)
