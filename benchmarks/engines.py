"""The process and local Spark side by side: the replay data by asset, and markets by size.

`python -m benchmarks.engines replay` prints the parity table; `python -m benchmarks.engines scale
FIRST LAST SYMBOLS ...` measures simulated markets from one session to another (`500@spark`: on that
engine alone). Each run is a command in a process of its own.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, sleep

import psutil

from benchmarks import overhead
from benchmarks.measure import CLI, machine, reference, tree
from benchmarks.spark_events import event_settings, tasks_of

ENGINES = ("local", "spark")
REPLAY = ("2015-01-14", "2024-08-23")
TEN_YEARS = ("2014-01-02", "2023-12-29")
MEMORY_MB = 22_000
"""A run that takes more is ended, and said to have needed more."""

HOURS = 2.0
KINDS = ("driver", "heap", "workers")


@dataclass
class Run:
    """One backfill: seconds, peaks in MB by kind of process, results by asset."""

    seconds: float = 0.0
    cpu: dict[int, float] = field(default_factory=dict)
    peak: dict[str, float] = field(default_factory=dict)
    reports: list[dict[str, object]] = field(default_factory=list)
    ended: str = ""

    @property
    def cpu_seconds(self) -> float:
        """Processor seconds of the whole process tree: what other work beside it cannot change."""
        return sum(self.cpu.values())

    @property
    def memory(self) -> float:
        """Peak of the whole process tree in MB."""
        return self.peak.get("all", 0.0)


def backfill(
    home: Path,
    days: tuple[str, str],
    settings: Mapping[str, str],
    arguments: Sequence[str] = (),
) -> Run:
    """Backfill from an empty lake and watch the processes."""
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("STOCKS_AI_")},  # noqa: TID251
        "STOCKS_AI_HOME": str(home),
        "STOCKS_AI_FIRST_SESSION": days[0],
        **settings,
    }
    start = perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(
            [CLI, "backfill", "--from", days[0], "--to", days[1], "--json", *arguments],
            env=environment,
            stdout=out,
            stderr=err,
            text=True,
        )
        run = Run()
        watcher = threading.Thread(target=_watch, args=(process, run), daemon=True)
        watcher.start()
        process.wait()
        run.seconds = perf_counter() - start
        out.seek(0)
        err.seek(0)
        if process.returncode == 0:
            run.reports = json.loads(out.read())["by_asset"]
        elif not run.ended:
            run.ended = err.read().strip().splitlines()[-1][:200]
    return run


def _watch(process: "subprocess.Popen[str]", run: Run) -> None:
    start = perf_counter()
    try:
        root = psutil.Process(process.pid)
        while True:
            now = dict.fromkeys(KINDS, 0.0)
            for each in tree(root):
                with suppress(psutil.NoSuchProcess):  # it has just ended
                    now[_kind(each, root)] += each.memory_info().rss / 1e6
                    times = each.cpu_times()
                    run.cpu[each.pid] = times.user + times.system
            now["all"] = sum(now.values())
            for kind, value in now.items():
                run.peak[kind] = max(run.peak.get(kind, 0.0), value)
            if now["all"] > MEMORY_MB or perf_counter() - start > HOURS * 3600:
                what = f"more than {MEMORY_MB:,} MB" if now["all"] > MEMORY_MB else "too long"
                run.ended = f"{what} after {perf_counter() - start:,.0f} s"
                for each in reversed(tree(root)):
                    with suppress(psutil.NoSuchProcess):
                        each.kill()
                return
            sleep(0.25)
    except psutil.NoSuchProcess:
        return


def _kind(process: psutil.Process, root: psutil.Process) -> str:
    if process == root:
        return "driver"
    return "heap" if process.name() == "java" else "workers"


def replay(folder: str) -> Iterator[str]:
    """Lines of the parity table: every asset by both engines, and whether the bits agree."""
    from stocks_ai_assets.lake import Lake
    from stocks_ai_assets.settings import Settings

    source = {"STOCKS_AI_SOURCE": "folder", "STOCKS_AI_SOURCE_FOLDER": folder}
    with tempfile.TemporaryDirectory(prefix="stocks-ai-engines-") as name:
        runs, prints, events = {}, {}, Path(name) / "events"
        for engine in ENGINES:
            home = Path(name) / engine
            told = event_settings(events) if engine == "spark" else {}
            runs[engine] = backfill(home, REPLAY, {**source, "STOCKS_AI_ENGINE": engine, **told})
            if runs[engine].ended:
                sys.exit(f"benchmark: {engine}: {runs[engine].ended}")
            lake = Lake(home / "lake")
            prints[engine] = {t: lake.fingerprint(t).content_hash for t in lake.tables()}
        work = overhead.by_asset(events, runs["spark"].reports)
    here, spark = (runs[engine] for engine in ENGINES)
    same = [t for t in prints["local"] if prints["local"][t] == prints["spark"].get(t)]
    yield "## The replay data by both engines"
    yield ""
    yield (
        f"{REPLAY[0]}..{REPLAY[1]}, from empty. **{len(same)} of {len(prints['local'])} tables "
        "have the same content hash.**"
    )
    yield ""
    yield "| engine | wall | Python | Java | workers | all processes |"
    yield "|---|---|---|---|---|---|"
    for engine, run in runs.items():
        peaks = " | ".join(f"{run.peak.get(kind, 0):,.0f} MB" for kind in (*KINDS, "all"))
        yield f"| {engine} | {run.seconds:,.1f} s | {peaks} |"
    yield ""
    yield (
        f"Spark's heap was `{Settings.model_fields['spark_memory'].default}`, the engine's default "
        "(the limit is 1.5 GB); what Java takes besides are its code, the stacks of its threads "
        "and buffers."
    )
    yield ""
    yield (
        "Seconds of reading, computing and writing, by asset, with what Spark was asked for: jobs, "
        "their tasks, seconds of all tasks, MB shuffled. Facts and the ledger of trials are made "
        "by the process in both."
    )
    yield ""
    yield "| asset | rows | local | spark | jobs | tasks | seconds of tasks | shuffled |"
    yield "|---|---|---|---|---|---|---|---|"
    seconds = {r["asset"]: overhead.seconds(r) for r in here.reports}
    for report in spark.reports:
        name = str(report["asset"])
        cells = (
            name,
            f"{report['rows']:,}",
            f"{seconds[name]:.2f}",
            f"{overhead.seconds(report):.2f}",
            *_work(work.get(name)),
        )
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield "Where the difference goes, in medians:"
    yield ""
    yield from overhead.explained(here.reports, spark.reports, work)
    yield ""


def _work(found: overhead.Asked | None) -> tuple[str, ...]:
    if found is None:
        return ("",) * 4
    shuffled = f"{found.shuffled / 1e6:,.1f} MB"
    return str(found.jobs), str(found.tasks), f"{found.seconds:.1f}", shuffled


FROM_THE_SOURCE = 'key:"market/*" or key:"evaluation/trials"'
"""A simulated source is made in the driver: what reads it is made before the engine is measured."""

COMPUTED = f"not ({FROM_THE_SOURCE})"

COLUMNS = (
    "symbols",
    "engine",
    "facts",
    "computed",
    "CPU of that",
    "rows",
    "driver",
    "Java",
    "workers",
    "all",
    "spilled",
    "shuffled",
    "lake",
    "reference",
    "between tasks",
    "alone",
    "divided",
)
"""Peaks of memory are those of the computed tables; facts are read by the process in both.

The reference is a fixed work of one core, before and after: a shared machine varies. The last three
are what `Tasks` says of Spark's: what more cores would shorten, and what they would not.
"""


def scale(symbols: int, engine: str, days: tuple[str, str] = TEN_YEARS, memory: str = "2g") -> str:
    """Return one line of the table of sizes: facts of a simulated market, then what is computed."""
    with tempfile.TemporaryDirectory(prefix="stocks-ai-scale-") as name:
        home, events = Path(name), Path(name) / "events"
        settings = {
            "STOCKS_AI_SAMPLE_SYMBOLS": str(symbols),
            "STOCKS_AI_ENGINE": engine,
            "STOCKS_AI_SPARK_MEMORY": memory,
            **event_settings(events),
        }
        quick = reference()
        facts = backfill(home, days, settings, ("--select", FROM_THE_SOURCE))
        run = backfill(home, days, settings, ("--select", COMPUTED))
        quick = (quick + reference()) / 2
        size = sum(f.stat().st_size for f in (home / "lake").rglob("*") if f.is_file()) / 1e9
        tasks = tasks_of(events, run.seconds)
    rows = sum(int(str(r["rows"])) for r in (*facts.reports, *run.reports))
    ways = (tasks.between, tasks.alone, tasks.divided)
    cells = [
        f"{symbols:,}",
        engine,
        facts.ended or f"{facts.seconds:,.0f} s",
        run.ended or f"{run.seconds:,.0f} s",
        f"{run.cpu_seconds:,.0f} s",
        f"{rows / 1e6:,.1f} M",
        *(f"{run.peak.get(kind, 0) / 1000:,.1f} GB" for kind in (*KINDS, "all")),
        *(f"{value:,.1f} GB" for value in (tasks.spilled, tasks.shuffled, size)),
        f"{quick:,.1f} s",
        *(f"{value:,.0f} s" if engine == "spark" else "-" for value in ways),
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    print(f"Machine: {machine()}.", flush=True)
    what, *rest = sys.argv[1:] or [""]
    if what == "replay":
        folder = os.environ.get("STOCKS_AI_REPLAY_FOLDER", "")  # noqa: TID251  # as in the tests
        print("\n".join(replay(folder)))
    elif what == "scale":
        first, last, *symbols = rest
        print(f"Sessions {first}..{last}; heap of Spark 2 GB.\n")
        print(f"| {' | '.join(COLUMNS)} |")
        print(f"|{'---|' * len(COLUMNS)}", flush=True)
        for each in symbols:
            size, _, only = each.partition("@")
            for engine in [only] if only else ENGINES:
                print(scale(int(size), engine, (first, last)), flush=True)
    else:
        sys.exit(
            "usage: python -m benchmarks.engines replay | scale FIRST LAST SYMBOLS[@ENGINE] ..."
        )


if __name__ == "__main__":
    main()
