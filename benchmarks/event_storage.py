"""A range run of trivial assets on the default storage and on ours, in processes of their own."""

import json
import subprocess
import sys
from pathlib import Path
from time import perf_counter

ASSETS = 3
PARTITIONS = 500


def compare(home: Path) -> tuple[float, float]:
    """Milliseconds a materialization: default storage, batched storage."""
    return _one(home / "default", "default"), _one(home / "batched", "batched")


def _one(home: Path, kind: str) -> float:
    home.mkdir(parents=True)
    finished = subprocess.run(
        [sys.executable, "-m", "benchmarks.event_storage", str(home), kind],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    # Dagster may print a notice first.
    return float(json.loads(finished.stdout.splitlines()[-1]))


def _run(home: Path, kind: str) -> float:
    import dagster as dg

    from stocks_ai_assets.instance import open_instance
    from stocks_ai_assets.settings import load_settings

    days = dg.DailyPartitionsDefinition("2020-01-01", end_date="2022-01-01")
    keys = days.get_partition_keys()[:PARTITIONS]

    def asset(i: int) -> dg.AssetsDefinition:
        @dg.asset(
            name=f"asset_{i}",
            partitions_def=days,
            backfill_policy=dg.BackfillPolicy.single_run(),
        )
        def nothing() -> None:
            return None

        return nothing

    assets = [asset(i) for i in range(ASSETS)]
    if kind == "batched":
        instance = open_instance(load_settings(home=home))
    else:
        instance = dg.DagsterInstance.local_temp(str(home))
    tags = {
        "dagster/asset_partition_range_start": keys[0],
        "dagster/asset_partition_range_end": keys[-1],
    }
    job = dg.Definitions(assets=assets, jobs=[dg.define_asset_job("all_assets")])
    resolved = job.resolve_job_def("all_assets")
    start = perf_counter()
    result = resolved.execute_in_process(
        instance=instance,
        tags=tags,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    seconds = perf_counter() - start
    stored = instance.get_materialized_partitions(dg.AssetKey("asset_0"))
    if not result.success or len(stored) != PARTITIONS:
        sys.exit("benchmark: the range run did not store every materialization")
    return seconds * 1000 / (ASSETS * PARTITIONS)


if __name__ == "__main__":
    print(json.dumps(_run(Path(sys.argv[1]), sys.argv[2])))
