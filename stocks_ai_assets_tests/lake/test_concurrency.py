"""Writers at the same time lose nothing, double nothing, and give up in the end."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from stocks_ai_assets.errors import ConflictError
from stocks_ai_assets.lake import Lake, replacing

PREDICTIONS, ESG = "agents.predictions", "signals.esg"
AGENTS = ("fundamentals", "valuation", "technical", "macro", "events", "sector", "risk", "esg")


def write_daily(root: Path, agent: str, work) -> int:
    """Write the days one after the other, as one agent's process does."""
    lake = Lake(root)
    for day, frame, stamps in work:
        lake.write(PREDICTIONS, frame, first=day, last=day, slice=agent, stamps=stamps)
    return len(work)


def test_eight_processes_writing_their_slices_lose_and_double_nothing(
    lake, rows, sessions, processes
):
    days = sessions[12:15]
    work = {
        agent: [(day, rows.predictions([day], agent), rows.stamps(n)) for n, day in enumerate(days)]
        for agent in AGENTS
    }
    with ProcessPoolExecutor(8, mp_context=processes) as pool:
        jobs = [pool.submit(write_daily, lake.root, agent, work[agent]) for agent in AGENTS]
        assert sum(job.result(timeout=120) for job in jobs) == 24
    keys = lake.read(PREDICTIONS).select("agent", "prediction_date").rows()
    assert sorted(keys) == sorted((agent, day) for agent in AGENTS for day in days)
    assert lake.version(PREDICTIONS) == 24, "one version a write, none of them a repetition"
    for agent in AGENTS:
        assert lake.materialized(PREDICTIONS, agent) == [(days[0], days[-1])]


def test_threads_that_write_one_table_wait_for_each_other(lake, rows, sessions):
    def write(n: int) -> bool:
        day = sessions[n % 4]
        return lake.write(
            ESG, rows.esg([day], n), first=day, last=day, slice=None, stamps=rows.stamps(n)
        ).changed

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(write, range(12)))
    assert lake.read(ESG).height == 8
    assert lake.version(ESG) == 12


class Rival:
    """Another system that commits between our comparison and our commit."""

    def __init__(self, monkeypatch, lake, day, times):
        self._commit, self._left = replacing.commit, times
        self._lake, self._day = lake, day
        monkeypatch.setattr(replacing, "commit", self)

    def __call__(self, *arguments):
        if self._left:
            self._left -= 1
            path = str(self._lake.root / "signals" / "esg")
            DeltaTable(path).update(
                updates={"total_risk": f"{70 + self._left}"},
                predicate=f"session = '{self._day}'",
            )
        return self._commit(*arguments)


def test_a_commit_that_lost_against_another_system_is_compared_and_tried_again(
    lake, rows, sessions, write_esg, monkeypatch
):
    write_esg(sessions[:2])
    Rival(monkeypatch, lake, sessions[0], times=2)
    written = write_esg(sessions[:2], 30.0, n=1)
    assert written.changed
    assert written.version == 4, "one commit of ours, two of the rival's before it"
    assert lake.read(ESG)["total_risk"].to_list() == [30.0] * 4
    assert lake.fingerprint(ESG).content_hash == written.content_hash


def test_a_rival_on_other_partitions_does_not_disturb(lake, rows, sessions, write_esg, monkeypatch):
    write_esg(sessions[:2])
    write_esg([sessions[20]])
    Rival(monkeypatch, lake, sessions[20], times=1)
    assert write_esg(sessions[:2], 30.0, n=1).version == 4
    assert lake.read(ESG, sessions[20])["total_risk"].to_list() == [70.0, 70.0]


def test_a_writer_that_keeps_losing_gives_up_and_says_so(
    lake, rows, sessions, write_esg, monkeypatch
):
    write_esg(sessions[:2])
    monkeypatch.setattr(replacing, "sleep", lambda _: None)
    monkeypatch.setattr(replacing, "ATTEMPTS", 10)
    Rival(monkeypatch, lake, sessions[0], times=99)
    with pytest.raises(ConflictError, match=r"signals\.esg for .* 10 commits failed") as given_up:
        write_esg(sessions[:2], 30.0, n=1)
    assert isinstance(given_up.value.__cause__, CommitFailedError)
    assert lake.materialized(ESG, None) == [], "the range is left to be run again"
