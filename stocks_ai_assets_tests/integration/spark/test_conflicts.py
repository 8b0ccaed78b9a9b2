"""Spark itself finds that another writer was quicker: where no lock keeps writers apart."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

from stocks_ai_assets.engines.spark import commits
from stocks_ai_assets.engines.spark.failures import CONFLICTS
from stocks_ai_assets.errors import ConflictError
from stocks_ai_assets.lake import Lake, replacing
from stocks_ai_assets_tests.integration.spark.conftest import Shelf
from stocks_ai_assets_tests.integration.spark.test_statements import eventually
from stocks_ai_assets_tests.integration.spark.test_writers import put_by_spark
from stocks_ai_assets_tests.integration.writers import (
    PREDICTIONS,
    SESSIONS,
    SYNTHESIZED,
    put,
    wrongly_covered,
)

pytestmark = pytest.mark.spark

OURS, RIVALS = SESSIONS[10:12], SESSIONS[12:14]
"""Sessions of one year, so of the same files."""


@pytest.fixture
def overtaken(tmp_path, monkeypatch):
    """Let a rival commit while Spark is in its statement; tell what Spark raised, each time."""
    monkeypatch.setattr("stocks_ai_assets.lake.lake.open_storage", Shelf)
    original, raised = commits.run_to_its_end, []

    def rival_commits(table, owner, value, waits, goes):
        try:
            eventually(waits.exists, 300)
            put(Lake(tmp_path / "lake"), table, RIVALS, owner, value)
        finally:
            goes.touch()

    def overtake(table, owner, times):
        def run(session, statement, locks):
            n = len(raised) + 1
            if n > times:
                return original(session, statement, locks)
            waits, goes = tmp_path / f"waits_{n}", tmp_path / f"goes_{n}"

            def held(batches):
                waits.touch()
                while not goes.exists():
                    time.sleep(0.01)
                yield from batches

            view = re.search(r"\bnew_\w+", statement)[0]
            rows = session.table(view)
            rows.mapInArrow(held, rows.schema).createOrReplaceTempView(f"held_{view}")
            with ThreadPoolExecutor(1) as pool:
                rival = pool.submit(rival_commits, table, owner, n + 1, waits, goes)
                try:
                    return original(session, statement.replace(view, f"held_{view}"), locks)
                except Exception as error:
                    raised.append(str(error))
                    raise
                finally:
                    rival.result(timeout=300)

        monkeypatch.setattr(commits, "run_to_its_end", run)
        return raised

    return overtake


def scores(lake, table):
    """Score of each day, which tells by whom it was written."""
    rows = lake.read(table).group_by("prediction_date").agg(pl.col("score").unique())
    return {day: round(1000 * score) for day, (score,) in rows.iter_rows()}


@pytest.mark.parametrize(
    ("table", "owner"), [(PREDICTIONS, "risk"), (SYNTHESIZED, "all")], ids=["replaced", "merged"]
)
def test_a_conflict_that_spark_finds_is_tried_again_and_both_contents_stand(
    engine, tmp_path, overtaken, table, owner
):
    lake = Lake(tmp_path / "lake")
    put(lake, table, [*OURS, *RIVALS], owner, 1)
    raised = overtaken(table, owner, times=1)
    put_by_spark(engine.session, lake, table, OURS, owner, 9)
    assert [any(name in text for name in CONFLICTS) for text in raised] == [True], raised
    assert scores(lake, table) == dict.fromkeys(OURS, 9) | dict.fromkeys(RIVALS, 2)
    for days in (OURS, RIVALS):
        assert [*wrongly_covered(lake, table, {owner: days})] == []


def test_a_writer_by_spark_that_is_always_overtaken_gives_up(
    engine, tmp_path, overtaken, monkeypatch
):
    monkeypatch.setattr(replacing, "ATTEMPTS", 2)
    lake = Lake(tmp_path / "lake")
    put(lake, PREDICTIONS, [*OURS, *RIVALS], "risk", 1)
    raised = overtaken(PREDICTIONS, "risk", times=3)
    with pytest.raises(ConflictError, match=r"predictions.*kept winning, 2 commits failed"):
        put_by_spark(engine.session, lake, PREDICTIONS, OURS, "risk", 9)
    assert len(raised) == 2
    assert scores(lake, PREDICTIONS) == dict.fromkeys(OURS, 1) | dict.fromkeys(RIVALS, 3)
