"""Run in the environment of the sharing client: times of reading, directly and through a share."""

import contextlib
import io
import json
import sys
from time import perf_counter

import delta_sharing
import pandas as pd
from pyarrow.dataset import dataset

WAYS = ("direct", "parquet", "delta")


def main() -> None:
    task = json.load(sys.stdin)
    # In turns, so that what else the machine does weighs on all alike.
    times = [{way: _seconds(task, way) for way in WAYS} for _ in range(task["repeats"])]
    best = {way: min(each[way] for each in times) for way in WAYS}
    # The server makes its copies of a view when somebody asks for the first time.
    print(json.dumps({**best, "first": times[0]["parquet"]}))


def _seconds(task: dict, way: str) -> float:
    start = perf_counter()
    # The client prints what it received.
    with contextlib.redirect_stdout(io.StringIO()):
        rows = _direct(task["files"]) if way == "direct" else _shared(task["url"], way)
    seconds = perf_counter() - start
    if len(rows) != task["rows"]:
        sys.exit(f"benchmark: {way} read {len(rows)} rows of {task['rows']}")
    return seconds


def _shared(url: str, way: str) -> pd.DataFrame:
    return delta_sharing.load_as_pandas(url, use_delta_format=way == "delta")


def _direct(files: list) -> pd.DataFrame:
    """Read the same files as the client does, from the disk."""
    parts = []
    for file in files:
        table = dataset(source=file["path"], format="parquet").to_table(columns=file["columns"])
        part = table.to_pandas(
            date_as_object=True, use_threads=False, split_blocks=False, self_destruct=True
        )
        parts.append(part.assign(**file["values"]))
    return pd.concat(parts, axis=0, ignore_index=True, copy=False)


if __name__ == "__main__":
    main()
