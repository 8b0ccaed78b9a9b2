"""Eight writers at once lose nothing, double nothing, and show readers whole commits only."""

import multiprocessing
import random
import signal
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import pytest

from stocks_ai_assets.lake import Lake
from stocks_ai_assets_tests.integration.writers import (
    AGENTS,
    OWNERS,
    PREDICTIONS,
    SESSIONS,
    SYNTHESIZED,
    WIDTH,
    faults,
    put,
    watch,
    write_in_turn,
    write_what_is_missing,
    wrongly_covered,
)

KILLS, ROUNDS = 12, 300


@pytest.fixture(scope="module")
def processes():
    """Processes that start quickly and share no state with this one."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["stocks_ai_assets_tests.integration.writers", "deltalake"])
    return context


@pytest.fixture(
    params=[
        "folder",
        pytest.param("store", marks=pytest.mark.cluster),
    ]
)
def place(request, tmp_path):
    """Root of an empty lake, and the environment that its writers need."""
    if request.param == "folder":
        return tmp_path / "lake", {}
    store = request.getfixturevalue("in_object_store")
    return store.url(f"{tmp_path.parent.name}/{tmp_path.name}"), store.environment


def serial(tmp_path, values):
    """A lake that one writer filled, one write after the other."""
    lake = Lake(tmp_path / "serial")
    for table, owners in OWNERS.items():
        for owner, days in owners.items():
            put(lake, table, days, owner, values(owner))
    return lake


@pytest.mark.parametrize("n_writes", [2, pytest.param(5, marks=pytest.mark.cluster)])
def test_eight_writers_lose_and_double_nothing_and_readers_see_whole_commits(
    place, processes, tmp_path, n_writes
):
    root, environment = place
    values = [*range(1, n_writes + 1)]
    # All in one file a year: whoever merges into it meets the others.
    put(Lake(root), SYNTHESIZED, SESSIONS[: WIDTH * len(AGENTS)], "all", 0)
    with ProcessPoolExecutor(9, mp_context=processes) as pool:
        reader = pool.submit(watch, root, environment, OWNERS, tmp_path / "stop")
        try:
            for table, owners in OWNERS.items():
                jobs = [
                    pool.submit(write_in_turn, root, environment, table, days, owner, values)
                    for owner, days in owners.items()
                ]
                versions = sorted(version for job in jobs for version in job.result(timeout=300))
                assert len(set(versions)) == len(jobs) * n_writes, "each write is one version"
        finally:
            (tmp_path / "stop").touch()
        torn, reads = reader.result(timeout=60)
    assert torn == []
    assert reads > 2
    lake = Lake(root)
    expected = serial(tmp_path, lambda _: n_writes)
    for table, owners in OWNERS.items():
        runs = [c.run_id for c in lake.history(table) if c.run_id not in ("", "all-0")]
        assert sorted(runs) == sorted(f"{o}-{v}" for o in owners for v in values), "once each"
        for version in range(1, lake.version(table) + 1):
            assert [*faults(lake, table, version, OWNERS)] == []
        assert lake.fingerprint(table) == expected.fingerprint(table)
        assert [*wrongly_covered(lake, table, owners)] == []
        for owner, days in owners.items():
            slice_ = owner if table == PREDICTIONS else None
            covered = lake.materialized(table, slice_)
            assert any(first <= days[0] and last >= days[-1] for first, last in covered)


def test_of_two_writers_of_the_same_rows_one_is_stored_and_covered(place, processes, tmp_path):
    root, environment = place
    days = SESSIONS[:WIDTH]
    values = [range(1, 9, 2), range(2, 9, 2)]
    with ProcessPoolExecutor(4, mp_context=processes) as pool:
        for table, owner in ((PREDICTIONS, "risk"), (SYNTHESIZED, "range-0")):
            write = partial(write_in_turn, root, environment, table, days, owner)
            for job in [pool.submit(write, each) for each in values]:
                job.result(timeout=120)
            lake, owners = Lake(root), {table: {owner: days}}
            for version in range(1, lake.version(table) + 1):
                assert [*faults(lake, table, version, owners)] == []
            assert [*wrongly_covered(lake, table, owners[table])] == []
            slice_ = owner if table == PREDICTIONS else None
            assert lake.materialized(table, slice_) == [(days[0], days[-1])]


def run_and_kill(tasks, processes, chance, lake, kills):
    """Run a process for each task, kill some, start them again; return how many were killed."""
    running, killed = {}, 0
    for number in range(ROUNDS):
        for i, task in enumerate(tasks):
            if i not in running or running[i].exitcode == -signal.SIGKILL:
                running[i] = processes.Process(target=write_what_is_missing, args=task)
                running[i].start()
        time.sleep(chance.uniform(0.02, 0.4))
        alive = [process for process in running.values() if process.is_alive()]
        if killed < kills and alive:
            chosen = chance.choice(alive)
            chosen.kill()
            chosen.join()
            killed += chosen.exitcode == -signal.SIGKILL  # it may have ended just before
        if number % 4 == 0:
            for table, owners in OWNERS.items():
                assert [*wrongly_covered(lake, table, owners)] == [], f"in round {number}"
        ends = {process.exitcode for process in running.values()}
        assert ends <= {None, 0, -signal.SIGKILL}, "no writer gives up"
        if ends == {0}:
            return killed
    return pytest.fail(f"still not done after {ROUNDS} rounds")


@pytest.mark.parametrize("seed", [1, *(pytest.param(s, marks=pytest.mark.cluster) for s in (2, 3))])
def test_writers_that_are_killed_and_started_again_end_where_one_writer_would(
    place, processes, tmp_path, seed
):
    root, environment = place
    chance = random.Random(seed)  # noqa: S311  # repeatable
    tasks = [
        (root, environment, table, days, owner)
        for table, owners in OWNERS.items()
        for owner, days in owners.items()
    ][:: 2 if environment == {} and seed == 1 else 1]
    # The last one writes what another one writes too.
    tasks.append(tasks[0])
    left, value = KILLS, 0
    while left:
        value += 1
        work = [(*task, value) for task in tasks]
        left -= run_and_kill(work, processes, chance, Lake(root), left)
    written = Lake(root)
    expected = Lake(tmp_path / "serial")
    for _, _, table, days, owner in tasks:
        put(expected, table, days, owner, value)
    for _, _, table, _, owner in tasks:
        slice_ = owner if table == PREDICTIONS else None
        assert written.materialized(table, slice_) == expected.materialized(table, slice_)
    for table in {task[2] for task in tasks}:
        assert written.fingerprint(table) == expected.fingerprint(table)
        assert [*wrongly_covered(written, table, OWNERS[table])] == []
