"""Pipes without a workspace: what the wheel computes elsewhere is the same, and so recorded."""

import dagster as dg

from stocks_ai_assets.backfill import plan, run
from stocks_ai_assets.deployment import open_deployment
from stocks_ai_assets.pipeline import pipeline
from stocks_ai_assets.settings import Settings
from stocks_ai_assets_tests.databricks.piping import FIRST, LAST, RUN, materialized


def test_assets_launched_through_pipes_are_the_same_assets(tmp_path):
    def graph(launch):
        settings = Settings(home=tmp_path, launch=launch, lake_root=str(tmp_path))
        return pipeline(open_deployment(settings)).resolve_asset_graph()

    here, there = graph("here"), graph("pipes")
    assert there.get_all_asset_keys() == here.get_all_asset_keys()
    assert set(there.asset_check_keys) == set(here.asset_check_keys)
    for key in here.get_all_asset_keys():
        for name in ("partitions_def", "code_version", "metadata", "group_name", "parent_keys"):
            assert getattr(there.get(key), name) == getattr(here.get(key), name), (key, name)
        mapped = [there.get_partition_mapping(key, parent) for parent in there.get(key).parent_keys]
        kept = [here.get_partition_mapping(key, parent) for parent in here.get(key).parent_keys]
        assert mapped == kept


def test_a_range_computed_by_the_wheel_elsewhere_has_the_same_content_and_verdicts(
    piped, instance, tmp_path
):
    deployment, execute = piped
    result, written = execute(instance)
    assert result.success
    assert materialized(result) == {"market/prices", "market/earnings"}
    assert {report.name for report in written} == {"market/prices", "market/earnings"}

    local = open_deployment(Settings(home=tmp_path / "here", sample_symbols=25))
    steps = plan(local, FIRST, LAST, ("market/prices", "market/earnings"))
    with dg.DagsterInstance.ephemeral() as other:
        run(local, FIRST, LAST, instance=other, steps=steps)
        key = dg.AssetKey(["market", "prices"])
        expected = other.get_latest_materialization_event(key).asset_materialization
        found = instance.get_latest_materialization_event(key).asset_materialization
    assert deployment.lake.fingerprint("market.prices") == local.lake.fingerprint("market.prices")
    told = {name: value.value for name, value in found.metadata.items()}
    assert told.pop("databricks_run_id") == RUN.run_id
    assert told.pop("databricks_run_url") == RUN.url
    assert told == {name: value.value for name, value in expected.metadata.items()}
    assert found.tags["dagster/code_version"] == expected.tags["dagster/code_version"]
    days = instance.get_materialized_partitions(key)
    assert days == {f"2021-01-0{day}" for day in range(4, 9)}
    check_verdicts(result)


def check_verdicts(result):
    found = {
        (event.asset_key.to_user_string(), event.check_name): event
        for event in result.get_asset_check_evaluations()
    }
    late = found["market/prices", "published_in_time"]
    assert late.passed
    assert late.severity == dg.AssetCheckSeverity.ERROR
    assert late.description.startswith("0 of ")
    assert late.metadata["late_rows"].value == 0
    assert found["market/prices", "fresh"].severity == dg.AssetCheckSeverity.WARN
    assert ("market/earnings", "few_in_quarantine") in found
