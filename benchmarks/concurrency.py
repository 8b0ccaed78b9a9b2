"""Writers at the same time on shared tables: commits a second, and what holds them back."""

import importlib.util
import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Barrier
from time import perf_counter, process_time
from typing import Any
from urllib.request import urlopen

import psutil

from benchmarks.measure import machine

WRITERS = (1, 2, 4, 8)
WRITES = 12
"""Commits of each writer."""

GOAL = 4.0
"""Throughput of the most writers, in that of one."""

ONE_AT_A_TIME = 1.2
"""Writers at work on average, up to which the others are said to wait for their turn."""

FULL = 0.9
"""Share of busy cores from which the machine is said to be full."""

SESSIONS, SYMBOLS = 20, 100
PLACES = {"a folder": None, "S3 (moto)": (), "S3 (moto), 20 ms away": ("--far-away",)}
WAYS = {
    "agents.predictions": "range writes, a slice each",
    "meta.synthesized_predictions": "MERGE, sessions of their own",
}


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What some writers did together."""

    commits: int
    seconds: float
    retries: int
    cores: float
    server: float
    steps: dict[str, float]
    requests: int
    refused: int

    @property
    def per_second(self) -> float:
        return self.commits / self.seconds


def section() -> Iterator[str]:
    """Lines for docs/performance.md."""
    yield "## Writers at the same time"
    yield ""
    yield (
        f"Processes on one machine; each makes {WRITES} commits of {SESSIONS * SYMBOLS:,} rows and "
        "changes every row each time. A commit compares, writes, commits and records coverage. "
        "Cores: busy ones on average, those of the S3 server with them. Requests: all that the "
        "server saw for a commit; lost: of these, versions and records that another writer put "
        "first. A lost version makes delta-rs read the log again, without a new comparison; "
        "`tries again` counts the comparisons that had to be repeated."
    )
    yield ""
    yield (
        "| table | place | writers | commits/s | rows/s | against one | tries again | cores busy "
        "| of these, server | requests | lost |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    reasons = []
    for table, way in WAYS.items():
        for place, arguments in PLACES.items():
            if arguments is not None and importlib.util.find_spec("moto") is None:
                continue
            found = {n: _run(table, arguments, n) for n in WRITERS}
            for n, ran in found.items():
                yield (
                    f"| {way} | {place} | {n} | {ran.per_second:.1f} | "
                    f"{ran.per_second * SESSIONS * SYMBOLS:,.0f} | "
                    f"{ran.per_second / found[1].per_second:.1f}x | {ran.retries} | "
                    f"{ran.cores:.2f} | {ran.server:.2f} | "
                    f"{ran.requests / ran.commits:.0f} | {ran.refused / ran.commits:.1f} |"
                )
            reasons.append((way, place, found))
    yield from ("", *_reasons(reasons), "")


def _reasons(found: list[tuple[str, str, dict[int, Ran]]]) -> Iterator[str]:
    """Where one commit's time goes, alone and among eight, and what keeps eight from the goal."""
    yield "Milliseconds of one commit by step, one writer and eight:"
    yield ""
    yield "| table | place | compare | commit | coverage | rest |"
    yield "|---|---|---|---|---|---|"
    for way, place, runs in found:
        steps = [_steps(runs[n], n) for n in (WRITERS[0], WRITERS[-1])]
        cells = (
            f"{steps[0][name]:.0f} / {steps[1][name]:.0f}"
            for name in ("compare", "commit", "coverage", "rest")
        )
        yield f"| {way} | {place} | {' | '.join(cells)} |"
    yield ""
    yield (
        f"The goal: {WRITERS[-1]} writers on disjoint parts commit at least {GOAL:.0f} times as "
        "much as one, or the measured reason. A folder has one lock for each slice, under which a "
        "write compares, commits and records coverage: in a table without slices it is one "
        "writer's turn at a time. A store has no lock: who finds the next version taken reads the "
        "log again and tries the one after it."
    )
    yield ""
    cores = os.cpu_count() or 1
    yield from (f"- {way}, {place}: {reason(runs, cores)}" for way, place, runs in found)


def reason(runs: dict[int, Ran], cores: int) -> str:
    """Say whether the most writers reach the goal, and if not, what the figures show instead.

    Parameters
    ----------
    runs
        What one writer did, what the most did, and those between.
    cores
        Of the machine.
    """
    alone, most, n = runs[WRITERS[0]], runs[WRITERS[-1]], WRITERS[-1]
    times = {writers: ran.per_second / alone.per_second for writers, ran in runs.items()}
    best = max(times, key=lambda writers: times[writers])
    said = f"{times[n]:.1f}x with {n}"
    if times[n] >= GOAL:
        return f"**met**, {said}."
    said += f", at best {times[best]:.1f}x with {best}" if best not in (1, n) else ""
    why = [*_waiting(alone, most, n), _busy(alone, most, cores)]
    return f"**missed**, {said}. {' '.join(why)}"


def _waiting(alone: Ran, most: Ran, writers: int) -> Iterator[str]:
    """What writers wait for: a lock, or the log of a table whose versions others took."""
    before, after = _steps(alone, 1), _steps(most, writers)
    inside = sum(most.steps.values()) / most.seconds
    if not most.requests and inside <= ONE_AT_A_TIME:
        yield (
            f"The lock: on average {inside:.1f} of {writers} writers had it, each for "
            f"{sum(after.values()) - after['rest']:.0f} ms; the others waited, "
            f"{after['rest'] - before['rest']:,.0f} ms a commit."
        )
    elif not most.requests:
        yield f"No waiting for a lock: on average {inside:.1f} of {writers} writers had their own."
    if most.refused >= most.commits:
        yield (
            f"The log: {most.refused / most.commits:.1f} versions were lost a commit, which took "
            f"{most.requests / most.commits:.0f} requests instead of "
            f"{alone.requests / alone.commits:.0f}; its commit step took {after['commit']:,.0f} ms "
            f"instead of {before['commit']:,.0f}."
        )


def _busy(alone: Ran, most: Ran, cores: int) -> str:
    """How much of the machine was at work, and of its server."""
    busy = f"{most.cores:.2f} of {cores} cores were busy, {alone.cores:.2f} with one writer"
    if most.requests:
        busy += f"; {most.server:.2f} of them by the server, which is one process"
    full = most.cores >= FULL * cores
    return f"The machine is full: {busy}." if full else f"{busy[0].upper()}{busy[1:]}."


def _steps(ran: Ran, writers: int) -> dict[str, float]:
    each = {name: seconds / ran.commits * 1000 for name, seconds in ran.steps.items()}
    each["rest"] = ran.seconds * writers / ran.commits * 1000 - sum(each.values())
    return each


def _run(table: str, arguments: tuple[str, ...] | None, writers: int) -> Ran:
    with tempfile.TemporaryDirectory(prefix="stocks-ai-writers-") as name:
        if arguments is None:
            return _together(table, str(Path(name, "lake")), {}, None, writers)
        from stocks_ai_assets_tests.integration.conftest import s3_server

        with s3_server(*arguments) as store:
            server = next(
                child
                for child in psutil.Process().children()
                if any("s3_server" in part for part in child.cmdline())
            )
            return _together(table, store.url("lake"), store.environment, server, writers)


def _together(
    table: str,
    root: str,
    environment: dict[str, str],
    server: psutil.Process | None,
    writers: int,
) -> Ran:
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(writers, context) as pool:
        barrier: Any = manager.Barrier(writers + 1)
        work = partial(_write, table, root, environment, barrier)
        jobs = [pool.submit(work, number) for number in range(writers)]
        barrier.wait()
        start, before, asked = perf_counter(), _cpu(server), _counted(environment)
        done = [job.result() for job in jobs]
        seconds, busy = perf_counter() - start, _cpu(server) - before
        answered = _counted(environment)
    return Ran(
        commits=writers * WRITES,
        seconds=seconds,
        retries=sum(each["retries"] for each in done),
        cores=(sum(each["cpu"] for each in done) + busy) / seconds,
        server=busy / seconds,
        steps={
            name: sum(each["steps"][name] for each in done)
            for name in ("compare", "commit", "coverage")
        },
        requests=answered["requests"] - asked["requests"],
        refused=answered["refused"] - asked["refused"],
    )


def _counted(environment: dict[str, str]) -> dict[str, int]:
    if not environment:
        return {"requests": 0, "refused": 0}
    with urlopen(f"{environment['AWS_ENDPOINT_URL']}/counted") as answer:  # noqa: S310  # our own
        found: dict[str, int] = json.load(answer)
    return found


def _cpu(server: psutil.Process | None) -> float:
    return sum(server.cpu_times()[:2]) if server else 0.0


def _write(
    table: str, root: str, environment: dict[str, str], barrier: Barrier, number: int
) -> dict[str, Any]:
    os.environ.update(environment)  # noqa: TID251  # what the store needs, in a process of its own
    from stocks_ai_assets.lake import Lake, journal, replacing
    from stocks_ai_assets.lake.coverage import Ledger
    from stocks_ai_assets_tests.integration import writers

    steps: dict[str, float] = dict.fromkeys(("compare", "commit", "coverage"), 0.0)
    retries = [0]

    def timed(owner: type, name: str, step: str) -> None:
        original = getattr(owner, name)

        def measured(*arguments: Any) -> Any:
            start = perf_counter()
            try:
                return original(*arguments)
            finally:
                steps[step] += perf_counter() - start

        setattr(owner, name, measured)

    timed(replacing.FrameContent, "compared", "compare")
    timed(replacing.FrameContent, "commit", "commit")
    for ledger in (Ledger, journal.SliceJournal):
        timed(ledger, "segments", "coverage")
        timed(ledger, "covered", "coverage")
    pause = replacing.sleep

    def again(seconds: float) -> None:
        retries[0] += 1
        pause(seconds)

    replacing.sleep = again
    symbols = [f"S{i:03}" for i in range(SYMBOLS)]
    is_sliced = table == writers.PREDICTIONS
    first = 0 if is_sliced else number * SESSIONS
    days = writers.LONG[first : first + SESSIONS]
    lake = Lake(root if "://" in root else Path(root))
    # The first write makes the table: it is not measured.
    writers.put(lake, table, days, f"agent-{number}", 0, symbols)
    steps |= dict.fromkeys(steps, 0.0)
    retries[0] = 0
    barrier.wait()
    cpu = process_time()
    for value in range(1, WRITES + 1):
        writers.put(lake, table, days, f"agent-{number}", value, symbols)
    return {"retries": retries[0], "cpu": process_time() - cpu, "steps": steps}


def main() -> None:
    print(f"Machine: {machine()}.\n")
    for line in section():
        print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
