"""Steps that write the same tables by Spark at once, beside each other and beside delta-rs."""

import multiprocessing
import random
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import polars as pl
import pytest
from deltalake import DeltaTable

from stocks_ai_assets.lake import Lake
from stocks_ai_assets_tests.integration import writers
from stocks_ai_assets_tests.integration.spark.conftest import Shelf
from stocks_ai_assets_tests.integration.spark.test_statements import eventually, is_held
from stocks_ai_assets_tests.integration.writers import (
    AGENTS,
    OWNERS,
    PREDICTIONS,
    SESSIONS,
    SYNTHESIZED,
    WIDTH,
    faults,
    put,
    put_what_is_missing,
    synthesized,
    watch,
    what_to_put,
    write_what_is_missing,
    wrongly_covered,
)

pytestmark = pytest.mark.spark

ROUNDS = 2_000

PAIRS = [
    {table: {o: days[i : i + 2] for o, days in owners.items()} for table, owners in OWNERS.items()}
    for i in range(0, WIDTH, 2)
]
"""What `put_what_is_missing` writes in one commit: the first two days of each owner, the others."""


def opened():
    """A Spark of this process."""
    from stocks_ai_assets.engines.spark.session import SparkOptions, open_session

    return open_session(SparkOptions(cores=2, memory="512m"))


def put_by_spark(session, lake, table, days, owner, value):
    """Write the rows of one owner as `put` does, by Spark."""
    from stocks_ai_assets.engines.spark.arrow import arrow_schema, spark_schema, table_of
    from stocks_ai_assets.engines.spark.rows import SparkRows
    from stocks_ai_assets.engines.spark.stored import Names

    frame, target = what_to_put(table, days, owner, value)
    rows = session.createDataFrame(table_of(frame, arrow_schema(table)), spark_schema(table))
    return SparkRows(session, rows, Names()).write(lake, table, **target)


def write_what_is_missing_by_spark(root, table, days, owner, value):
    """Write the days that are not covered by this code, two at a time."""
    put = partial(put_by_spark, opened())
    put_what_is_missing(Lake(root), table, days, owner, value, put)


def write_what_is_missing_by_eight_steps(root, table, owners, value):
    """Write the days of each owner that are not covered yet, as eight steps of one Spark do."""
    put = partial(put_by_spark, opened())

    def step(owner):
        put_what_is_missing(Lake(root), table, owners[owner], owner, value, put)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(step, owners))


@pytest.fixture(scope="module")
def processes():
    """Processes that share no state with this one; each starts a Java of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["stocks_ai_assets_tests.integration.writers", "deltalake"])
    return context


def test_eight_steps_of_one_cluster_lose_and_double_nothing(engine, tmp_path, processes):
    root, value, session = tmp_path / "lake", 1, engine.session
    put(Lake(root), SYNTHESIZED, SESSIONS[: WIDTH * len(AGENTS)], "all", 0)
    with ProcessPoolExecutor(1, mp_context=processes) as reading, ThreadPoolExecutor(8) as pool:
        reader = reading.submit(watch, root, {}, OWNERS, tmp_path / "stop")
        try:
            for table, owners in OWNERS.items():
                jobs = [
                    # Each step has opened the lake for itself.
                    pool.submit(put_by_spark, session, Lake(root), table, days, owner, value)
                    for owner, days in owners.items()
                ]
                versions = sorted(job.result(timeout=300).version for job in jobs)
                assert len(set(versions)) == len(jobs), "each write is one version"
        finally:
            (tmp_path / "stop").touch()
        torn, reads = reader.result(timeout=60)
    assert (torn, reads > 2) == ([], True)
    lake, expected = Lake(root), Lake(tmp_path / "serial")
    for table, owners in OWNERS.items():
        runs = [c.run_id for c in lake.history(table) if c.run_id not in ("", "all-0")]
        assert sorted(runs) == sorted(f"{owner}-{value}" for owner in owners), "once each"
        for owner, days in owners.items():
            put(expected, table, days, owner, value)
        assert lake.fingerprint(table) == expected.fingerprint(table)
        assert [*wrongly_covered(lake, table, owners)] == []
        for version in range(1, lake.version(table) + 1):
            assert [*faults(lake, table, version, OWNERS)] == []
        for owner, days in owners.items():
            covered = lake.materialized(table, owner if table == PREDICTIONS else None)
            assert any(first <= days[0] and last >= days[-1] for first, last in covered)


def test_eight_steps_that_are_killed_with_their_spark_end_where_one_writer_would(
    processes, tmp_path
):
    root, chance, value = tmp_path / "lake", random.Random(7), 1  # noqa: S311  # repeatable
    lake, lock, table, owners = Lake(root), commit_lock(root, PREDICTIONS), PREDICTIONS, PAIRS[0]

    def start():
        arguments = (root, table, owners[table], value)
        steps = processes.Process(target=write_what_is_missing_by_eight_steps, args=arguments)
        steps.start()
        return steps

    steps, several = start(), chance.randint(2, 5)
    eventually(lambda: not steps.is_alive() or (lake.version(table) or 0) >= several, 300)
    eventually(lambda: not steps.is_alive() or is_held(lock), 300)
    assert killed(steps), "some have written, one was in its statement, the others were to come"
    steps = start()
    steps.join(300)
    assert steps.exitcode == 0
    written = [(table, owner, days) for owner, days in owners[table].items()]
    ends_where_one_writer_would(lake, Lake(tmp_path / "serial"), written, value)
    runs = [commit.run_id for commit in lake.history(table) if commit.run_id]
    assert sorted(runs) == sorted(f"{owner}-{value}" for owner in owners[table]), "once each"


def test_processes_of_both_engines_that_are_killed_end_where_one_writer_would(processes, tmp_path):
    root, chance, value = tmp_path / "lake", random.Random(5), 3  # noqa: S311  # repeatable
    owners = [(table, owner, days) for table in OWNERS for owner, days in OWNERS[table].items()]
    tasks = {
        (table, owner): (
            (write_what_is_missing_by_spark, (root, table, days, owner, value))
            if i % 8 == 0
            else (write_what_is_missing, (root, {}, table, days, owner, value))
        )
        for i, (table, owner, days) in enumerate(owners)
    }
    by_spark = {
        name: commit_lock(root, name[0])
        for name, (function, _) in tasks.items()
        if function is write_what_is_missing_by_spark
    }
    running, unhit, left = {}, set(by_spark), 4
    for _ in range(ROUNDS):
        for name, (function, arguments) in tasks.items():
            if name not in running or running[name].exitcode == -signal.SIGKILL:
                running[name] = processes.Process(target=function, args=arguments)
                running[name].start()
        end = time.monotonic() + chance.uniform(0.1, 0.6)
        # One of a table writes by Spark: if Java holds the lock, it is in its statement.
        while not (hit := {name for name in unhit if is_held(by_spark[name])}):
            if time.monotonic() > end:
                break
            time.sleep(0.01)
        unhit -= {name for name in hit if killed(running[name])}
        alive = [p for name, p in running.items() if name not in by_spark and p.is_alive()]
        if left and alive:
            left -= killed(chance.choice(alive))
        assert {p.exitcode for p in running.values()} <= {None, 0, -signal.SIGKILL}
        if {p.exitcode for p in running.values()} == {0}:
            break
    else:
        pytest.fail("still not done")
    assert not unhit, "every writer by Spark was hit while Java wrote for it"
    # Whoever is quick has written everything before the last ones of these.
    assert left <= 2, "four processes were to be hit, two were at least"
    ends_where_one_writer_would(Lake(root), Lake(tmp_path / "serial"), owners, value)


def ends_where_one_writer_would(lake, expected, owners, value):
    """Compare content, coverage and every version with what one writer leaves in `expected`."""
    for table, owner, days in owners:
        put(expected, table, days, owner, value)
    for table, owner, _ in owners:
        slice_ = owner if table == PREDICTIONS else None
        assert lake.materialized(table, slice_) == expected.materialized(table, slice_)
    for table in {table for table, *_ in owners}:
        assert lake.fingerprint(table) == expected.fingerprint(table)
        assert [*wrongly_covered(lake, table, OWNERS[table])] == []
        for version in range(1, lake.version(table) + 1):
            assert [*faults_of_pairs(lake, table, version)] == []


def commit_lock(root, table):
    """Lock file of commits to a table."""
    handle = Lake(root)._handle(table)
    return handle.commit_lock(handle.storage)


def killed(process):
    """Kill a process; tell whether it had not ended just before."""
    process.kill()
    process.join()
    return process.exitcode == -signal.SIGKILL


def faults_of_pairs(lake, table, version):
    """Owners of which a version has half of two days."""
    for pairs in PAIRS:
        yield from faults(lake, table, version, pairs)


def test_rows_that_another_writer_put_there_after_the_comparison_are_compared_again(
    engine, tmp_path, monkeypatch
):
    from stocks_ai_assets.engines.spark import rows

    monkeypatch.setattr("stocks_ai_assets.lake.lake.open_storage", Shelf)
    session, days = engine.session, SESSIONS[:WIDTH]
    lake, rival = Lake(tmp_path / "lake"), Lake(tmp_path / "lake")
    for table, owner in ((PREDICTIONS, "risk"), (SYNTHESIZED, "range-0")):
        put(lake, table, days, owner, 1)
        original, pending = rows.commit, [lambda o=owner, t=table: put(rival, t, days, o, 2)]

        def commit(*arguments, original=original, pending=pending, **named):
            if pending:
                pending.pop()()
            return original(*arguments, **named)

        with monkeypatch.context() as once:
            once.setattr(rows, "commit", commit)
            # Half of the rows are as they were: only the others are merged.
            frame_days = days[2:]
            put_by_spark(session, lake, table, frame_days, owner, 3)
        slices = [owner] if table == PREDICTIONS else None
        stored = lake.read(table, slices=slices)
        scores = dict(stored.group_by("prediction_date").agg(pl.col("score").first()).iter_rows())
        assert [scores[d] for d in days] == [0.002, 0.002, 0.003, 0.003]
        assert [*wrongly_covered(lake, table, {owner: days[:2]})] == []
        assert [*wrongly_covered(lake, table, {owner: days[2:]})] == []


def test_another_systems_commit_in_between_is_compared_too(engine, tmp_path, monkeypatch):
    from stocks_ai_assets.engines.spark import rows

    session, days = engine.session, SESSIONS[:WIDTH]
    lake = Lake(tmp_path / "lake")
    put(lake, SYNTHESIZED, days, "range-0", 1)
    original, pending = rows.commit, [True]

    def commit(*arguments, **named):
        if pending:
            pending.pop()
            DeltaTable(lake.location(SYNTHESIZED)).update(
                updates={"score": "0.9"}, predicate=f"prediction_date = '{days[0]}'"
            )
        return original(*arguments, **named)

    monkeypatch.setattr(rows, "commit", commit)
    changed = synthesized(days, 1).with_columns(
        score=pl.when(pl.col("prediction_date") == days[-1]).then(0.003).otherwise("score")
    )
    monkeypatch.setattr(writers, "synthesized", lambda *_: changed)
    written = put_by_spark(session, lake, SYNTHESIZED, days, "range-0", 3)
    assert lake.read(SYNTHESIZED).equals(changed.sort("symbol", "prediction_date"))
    assert written.changed
    last = next(s for s in lake.coverage(SYNTHESIZED) if s.last >= days[-1])
    prints = [
        lake.fingerprint(SYNTHESIZED, days[-1], days[-1], version=version).content_hash
        for version in (last.changed_version - 1, last.changed_version, lake.version(SYNTHESIZED))
    ]
    assert last.changed_version > 1, "what another session must look at again"
    assert prints[1] == prints[2]


def test_spark_waits_until_nobody_else_commits_to_a_folder(engine, tmp_path, monkeypatch):
    from stocks_ai_assets.lake import locks

    waits, days = threading.Event(), SESSIONS[:WIDTH]
    pause = locks.sleep
    monkeypatch.setattr(locks, "sleep", lambda seconds: (waits.set(), pause(seconds)))
    lake, other = Lake(tmp_path / "lake"), Lake(tmp_path / "lake")
    put(lake, PREDICTIONS, days, "risk", 1)
    with ThreadPoolExecutor(1) as pool:
        with other._handle(PREDICTIONS).committing():  # as a commit of delta-rs holds it
            job = pool.submit(put_by_spark, engine.session, lake, PREDICTIONS, days, "risk", 2)
            assert waits.wait(60)
            assert other.version(PREDICTIONS) == 1
        assert job.result(timeout=60).version == 2
