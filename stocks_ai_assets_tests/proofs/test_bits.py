"""The same bits for a range and its days, any threads, more history, any order of rows."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import polars as pl
import pytest

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.graph import transforms
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.proofs.graph import materialize, materialize_daily
from stocks_ai_assets.sources.sample import write_folder
from stocks_ai_assets.tables import TABLES

IN_A_NEW_PROCESS = """
import json, sys
from datetime import date
from pathlib import Path
import polars as pl
from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.proofs.graph import Graph, materialize
from stocks_ai_assets.sources.folder import FolderSource
from stocks_ai_assets.sources.raw import read_folder

raw, folder, *days = sys.argv[1:]
start, first, last = map(date.fromisoformat, days)
source = FolderSource(read_folder(Path(raw)), nyse(), name="sample", simulated=True)
graph, lake = Graph(source=source, parameters=Parameters(first_session=start)), Lake(Path(folder))
materialize(graph, lake, first, last)
prints = {name: lake.fingerprint(name).content_hash for name in lake.tables()}
print(json.dumps({"threads": pl.thread_pool_size(), "prints": prints}))
"""


@pytest.fixture
def copy(past, tmp_path) -> Lake:
    """A lake of its own that ends on the eve."""
    return Lake(shutil.copytree(past, tmp_path / "lake"))


def test_a_range_equals_its_days_in_every_table(graph, days, whole, copy, changed):
    materialize_daily(graph, copy, days.after, days.last)
    assert changed(whole, copy) == {}
    empty = {"market.quarantine", "evaluation.var_backtests"}
    assert {name for name in TABLES if not whole.read(name).height} <= empty


def test_the_window_has_an_early_close_a_new_quarter_and_a_split(days, whole):
    assert nyse().cutoff(days.quarter).hour == 17
    assert days.quarter.replace(day=1) in whole.read("agents.models").get_column("quarter")
    actions = whole.read("market.corporate_actions", days.split, days.split)
    assert 1.5 in actions.get_column("split_ratio")


def test_more_history_than_declared_changes_nothing(graph, parameters, days, whole, copy, changed):
    def longer(transform):
        inputs = {
            name: replace(declared, lookback=declared.lookback + 30)
            if declared.lookback is not None and TABLES[declared.table].partitioned_by == "session"
            else declared
            for name, declared in transform.inputs.items()
        }
        return replace(transform, inputs=inputs)

    declared = tuple(longer(each) for each in transforms(parameters))
    materialize(replace(graph, transforms=declared), copy, days.after, days.last)
    assert changed(whole, copy) == {}


def test_the_order_of_rows_changes_nothing(graph, parameters, days, whole, copy, changed):
    def shuffled(transform):
        def function(frames, window):
            mixed = {
                name: frame.sample(fraction=1.0, shuffle=True, seed=seed)
                for seed, (name, frame) in enumerate(frames.items())
            }
            return transform.function(mixed, window)

        return replace(transform, function=function)

    declared = tuple(shuffled(each) for each in transforms(parameters))
    materialize(replace(graph, transforms=declared), copy, days.after, days.last)
    assert changed(whole, copy) == {}


def test_the_number_of_threads_changes_nothing(days, raw, whole, copy, tmp_path_factory):
    threads = 1 if pl.thread_pool_size() > 1 else 2
    folder = tmp_path_factory.mktemp("raw")
    write_folder(raw, folder)
    answer = subprocess.run(
        [
            *(sys.executable, "-c", IN_A_NEW_PROCESS, str(folder), str(copy.root)),
            *(day.isoformat() for day in (days.first, days.after, days.last)),
        ],
        env={**os.environ, "POLARS_MAX_THREADS": str(threads)},  # noqa: TID251  # passed on
        capture_output=True,
        check=True,
        text=True,
    )
    found = json.loads(answer.stdout)
    assert found["threads"] == threads
    assert found["prints"] == {
        name: whole.fingerprint(name).content_hash for name in whole.tables()
    }
