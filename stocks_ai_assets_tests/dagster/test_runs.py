"""What a run leaves in Dagster: a materialization a partition, verdicts, failures one can read."""

from datetime import date

import dagster as dg
import pytest
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from stocks_ai_assets.backfill import code_versions
from stocks_ai_assets.checks.registry import checks
from stocks_ai_assets.deployment import open_deployment
from stocks_ai_assets.domain.calendar import nyse, quarters_between
from stocks_ai_assets.errors import SparkError
from stocks_ai_assets.jobs import stages
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.partitions import RANGE_END, RANGE_START
from stocks_ai_assets_tests.conftest import FIRST, LAST

PRICES = ["market/prices"]
STAGE = "stage_1_market_signals_evaluation"


def key(name):
    return dg.AssetKey(name.split("/"))


def test_every_partition_of_a_range_is_recorded_as_materialized(deployed, instance):
    expected = {
        "session": {day.isoformat() for day in nyse().between(FIRST, LAST)},
        "quarter": {day.isoformat() for day in quarters_between(FIRST, LAST)},
    }
    for name, node in open_deployment(deployed).registry.nodes.items():
        if node.table.partitioned_by != "none":
            found = instance.get_materialized_partitions(key(name))
            assert found == expected[node.table.partitioned_by], name


def test_a_materialization_says_rows_version_hash_and_code(deployed, instance):
    lake, versions = Lake(deployed.lake), code_versions(open_deployment(deployed))
    for name in ("market/prices", "signals/risk", "agents/predictions/risk", "portfolio/risk"):
        (record,) = instance.fetch_materializations(key(name), limit=1).records
        said = {k: v.value for k, v in record.asset_materialization.metadata.items()}
        table, _, slice_ = name.partition("predictions/")
        table = "agents.predictions" if slice_ else name.replace("/", ".")
        # The first partition of facts also holds all that was known before it.
        stored = lake.fingerprint(table, slices=(slice_,) if slice_ else None)
        assert said["rows_of_range"] == stored.rows, name
        assert said["content_hash"] == stored.content_hash, name
        assert 0 <= said["delta_version"] <= lake.version(table), name
        assert record.asset_materialization.tags["dagster/code_version"] == versions[name]


def test_a_range_is_one_run_a_stage(deployed, instance):
    runs = sorted(instance.get_runs(), key=lambda run: run.job_name)
    assert [run.job_name for run in runs] == [
        stage.name for stage in stages(open_deployment(deployed).registry.nodes)
    ]
    for run in runs:
        assert run.is_success
        assert {RANGE_START, RANGE_END} <= set(run.tags)


def test_every_check_of_every_layer_judged_the_backfill_and_was_content(deployed, instance):
    opened = open_deployment(deployed)
    declared = checks(opened.registry.nodes, opened.parameters)
    keys = [each for layer in declared for each in layer.check_keys]
    assert len(keys) > 50
    for each in keys:
        history = instance.event_log_storage.get_asset_check_execution_history(each, limit=5)
        assert [record.status for record in history] == [
            AssetCheckExecutionRecordStatus.SUCCEEDED
        ], each
        evaluation = history[0].event.dagster_event.event_specific_data
        assert evaluation.passed, (each, evaluation.description)


def failure(result):
    """Failure of the only step that failed: message and metadata."""
    (event,) = result.get_step_failure_events()
    data = event.step_failure_data
    shown = data.user_failure_data
    assert shown.description in data.error.message
    assert data.error.cause is data.error.context is None, "our error is all there is to read"
    return shown.description, {k: v.value for k, v in shown.metadata.items()}


@pytest.mark.parametrize(
    ("first", "last", "named"),
    [
        ("2021-04-01", "2021-04-02", "2021-04-02 is not a trading session"),  # Good Friday
        ("2021-04-02", "2021-04-05", "Nearest sessions: 2021-04-01 and 2021-04-05"),
        ("2021-03-26", "2021-03-30", "STOCKS_AI_FIRST_SESSION"),
    ],
)
def test_a_range_that_ends_on_no_partition_fails_in_the_run_with_our_words(
    launch, opened, first, last, named
):
    result = launch(STAGE, PRICES, first, last)
    assert not result.success
    message, metadata = failure(result)
    assert named in message
    assert len(message.splitlines()) <= 2
    assert metadata["error"] in {"NotASessionError", "UsageError"}
    assert opened.lake.tables() == ()


def test_a_session_that_the_source_has_not_fails_in_the_run_with_the_sources_last_one(launch):
    result = launch(STAGE, PRICES, "2021-04-07", "2021-04-08")
    message, metadata = failure(result)
    assert message.startswith("SourceError: market/prices for 2021-04-08: source `folder` has")
    assert "2021-04-07" in message
    assert metadata == {"error": "SourceError"}


def test_a_lookback_that_is_not_there_fails_in_the_run_with_the_command_that_fills_it(launch):
    result = launch(STAGE, ["signals/technical"], "2021-03-31", "2021-03-31")
    message, metadata = failure(result)
    assert "--select 'key:\"market/prices\"' --from 2021-03-29 --to 2021-03-31" in message
    assert metadata == {"error": "LookbackMissingError"}


def test_one_partition_that_is_launched_says_its_own_number_of_rows(launch, opened, environment):
    with dg.DagsterInstance.ephemeral() as instance:
        assert launch(STAGE, PRICES, "2021-03-29", "2021-03-30", instance).success
        assert launch(STAGE, PRICES, "2021-03-31", instance=instance).success
        records = instance.fetch_materializations(key("market/prices"), limit=9).records
    said = {r.partition_key: r.asset_materialization.metadata for r in records}
    assert set(said) == {"2021-03-29", "2021-03-30", "2021-03-31"}
    day = date(2021, 3, 31)
    rows = opened.lake.read("market.prices", day, day)
    assert said["2021-03-31"]["dagster/partition_row_count"].value == rows.height > 0
    assert "dagster/partition_row_count" not in said["2021-03-30"]


class Closed:
    """An engine that cannot be opened."""

    def prepare(self, lake):
        raise SparkError(f"Java is missing, asked for {lake.root}") from OSError(2, "java")


def test_an_engine_that_cannot_be_opened_fails_a_run_before_its_first_fact(launch, opened):
    vars(opened)["engine"] = Closed()  # as if it had been opened
    failed = launch(STAGE, [*PRICES, "signals/technical"], "2021-03-29")
    assert not failed.success
    (ended,) = [e for e in failed.all_events if e.event_type_value == "PIPELINE_FAILURE"]
    cause = ended.event_specific_data.error.cause
    assert cause.message.strip().endswith(f"Java is missing, asked for {opened.lake.root}")
    assert cause.cause is cause.context is None, "our error is all there is to read"
    assert opened.lake.tables() == ()
    assert launch(STAGE, PRICES, "2021-03-29").success, "facts alone need none"
