"""The process and local Spark side by side: the replay data by asset, and markets by size.

`python -m benchmarks.engines replay` prints the parity table; `python -m benchmarks.engines scale
SYMBOLS ...` measures ten years of simulated markets. Each run is a command in a process of its own.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, sleep

import psutil

from benchmarks.measure import CLI, machine

ENGINES = ("local", "spark")
REPLAY = ("2015-01-14", "2024-08-23")
TEN_YEARS = ("2014-01-02", "2023-12-29")
MEMORY_MB = 20_000
"""A run that takes more is ended, and said to have needed more."""

HOURS = 2.0
KINDS = ("driver", "heap", "workers")


@dataclass
class Run:
    """One backfill: seconds, peaks in MB by kind of process, results by asset."""

    seconds: float = 0.0
    cpu: dict[int, float] = field(default_factory=dict)
    peak: dict[str, float] = field(default_factory=dict)
    spilled_mb: float = 0.0
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
    home: Path, days: tuple[str, str], settings: Mapping[str, str], *, memory_mb: int = MEMORY_MB
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
            [CLI, "backfill", "--from", days[0], "--to", days[1], "--json"],
            env=environment,
            stdout=out,
            stderr=err,
            text=True,
        )
        run = Run()
        watcher = threading.Thread(target=_watch, args=(process, run, memory_mb), daemon=True)
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


def _watch(process: "subprocess.Popen[str]", run: Run, memory_mb: int) -> None:
    start = perf_counter()
    try:
        root = psutil.Process(process.pid)
        while True:
            now = dict.fromkeys(KINDS, 0.0)
            for each in [root, *root.children(recursive=True)]:
                now[_kind(each, root)] += each.memory_info().rss / 1e6
                times = each.cpu_times()
                run.cpu[each.pid] = times.user + times.system
            now["all"] = sum(now.values())
            for kind, value in now.items():
                run.peak[kind] = max(run.peak.get(kind, 0.0), value)
            if now["all"] > memory_mb or perf_counter() - start > HOURS * 3600:
                what = f"more than {memory_mb:,} MB" if now["all"] > memory_mb else "too long"
                run.ended = f"{what} after {perf_counter() - start:,.0f} s"
                for each in reversed([root, *root.children(recursive=True)]):
                    each.kill()
                return
            sleep(0.25)
    except psutil.Error:
        return


def _kind(process: psutil.Process, root: psutil.Process) -> str:
    if process == root:
        return "driver"
    return "heap" if process.name() == "java" else "workers"


def replay(folder: str) -> Iterator[str]:
    """Lines of the parity table: every asset by both engines, and whether the bits agree."""
    from stocks_ai_assets.lake import Lake

    source = {"STOCKS_AI_SOURCE": "folder", "STOCKS_AI_SOURCE_FOLDER": folder}
    with tempfile.TemporaryDirectory(prefix="stocks-ai-engines-") as name:
        runs, prints = {}, {}
        for engine in ENGINES:
            home = Path(name) / engine
            runs[engine] = backfill(home, REPLAY, {**source, "STOCKS_AI_ENGINE": engine})
            if runs[engine].ended:
                sys.exit(f"benchmark: {engine}: {runs[engine].ended}")
            lake = Lake(home / "lake")
            prints[engine] = {t: lake.fingerprint(t).content_hash for t in lake.tables()}
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
    yield "Seconds of reading, computing and writing, by asset:"
    yield ""
    yield "| asset | rows | local | spark |"
    yield "|---|---|---|---|"
    seconds = {r["asset"]: _seconds(r) for r in here.reports}
    for report in spark.reports:
        name = report["asset"]
        yield f"| {name} | {report['rows']:,} | {seconds[name]:.2f} | {_seconds(report):.2f} |"
    yield ""


def _seconds(report: Mapping[str, object]) -> float:
    return sum(float(str(v)) for k, v in report.items() if k.startswith("seconds"))


def scale(symbols: int, engine: str, memory: str) -> str:
    """Return one line of the table of sizes: ten years of a simulated market."""
    with tempfile.TemporaryDirectory(prefix="stocks-ai-scale-") as name:
        home = Path(name)
        settings = {
            "STOCKS_AI_SAMPLE_SYMBOLS": str(symbols),
            "STOCKS_AI_ENGINE": engine,
            "STOCKS_AI_SPARK_MEMORY": memory,
        }
        run = backfill(home, TEN_YEARS, settings)
        size = sum(f.stat().st_size for f in (home / "lake").rglob("*") if f.is_file()) / 1e9
    peaks = " | ".join(f"{run.peak.get(kind, 0):,.0f}" for kind in (*KINDS, "all"))
    wall = run.ended or f"{run.seconds:,.0f} s"
    rows = sum(int(str(r["rows"])) for r in run.reports)
    return f"| {symbols:,} | {engine} | {wall} | {run.cpu_seconds:,.0f} | {rows:,} | {peaks} | {size:.1f} |"


def main() -> None:
    print(f"Machine: {machine()}.", flush=True)
    what, *rest = sys.argv[1:] or [""]
    if what == "replay":
        folder = os.environ.get("STOCKS_AI_REPLAY_FOLDER", "")  # noqa: TID251  # as in the tests
        print("\n".join(replay(folder)))
    elif what == "scale":
        print(
            "| symbols | engine | wall | CPU s | rows | Python MB | Java MB | workers MB | all MB | GB |"
        )
        print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
        for symbols in map(int, rest):
            for engine in ENGINES:
                print(scale(symbols, engine, "2g"), flush=True)
    else:
        sys.exit("usage: python -m benchmarks.engines replay | scale SYMBOLS ...")


if __name__ == "__main__":
    main()
