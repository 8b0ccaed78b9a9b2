"""Measure everything that docs/performance.md states, and write it."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from benchmarks import concurrency, engines, event_storage, launching, sharing
from benchmarks.measure import CLI, Measured, machine, measure, reference

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
REPLAY = {"first": "2015-01-14", "before_last": "2024-08-22", "last": "2024-08-23"}
SYMBOLS = (100, 500, 1000, 2000)
SAMPLE_SESSIONS = ("2021-01-04", "2021-12-31")


def main() -> None:
    folder = os.environ.get("STOCKS_AI_REPLAY_FOLDER", "")  # noqa: TID251  # as in the tests
    if not Path(folder, "prices_daily.parquet").is_file():
        sys.exit(f"STOCKS_AI_REPLAY_FOLDER must name the replay data's folder, found {folder!r}.")
    with tempfile.TemporaryDirectory(prefix="stocks-ai-benchmark-") as name:
        home, before = Path(name), reference()
        lines = [
            "# Performance",
            "",
            "Written by `make benchmark` (with `STOCKS_AI_REPLAY_FOLDER`); do not edit.",
            f"Machine: {machine()}.",
            "",
            *_replay(folder, home / "replay"),
            *_events(home / "events"),
            *_symbols(home),
            *_sessions(home),
            "",
            *engines.replay(folder),
            *concurrency.section(),
            *sharing.section(home / "sharing"),
            *launching.section(),
            "Markets of 500 to 5,000 symbols on both engines: [scaling](scaling.md).",
            "",
            (
                f"A fixed work of one core took {before:.1f} s before all this and "
                f"{reference():.1f} s after it: a shared machine is not always as quick."
            ),
        ]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"wrote {PAGE}")


def _folder(folder: str, home: Path) -> dict[str, str]:
    return {
        "STOCKS_AI_HOME": str(home),
        "STOCKS_AI_SOURCE": "folder",
        "STOCKS_AI_SOURCE_FOLDER": folder,
        "STOCKS_AI_FIRST_SESSION": REPLAY["first"],
    }


def _replay(folder: str, home: Path) -> Iterator[str]:
    environment = _folder(folder, home)
    whole = measure(
        [CLI, "backfill", "--from", REPLAY["first"], "--to", REPLAY["before_last"], "--json"],
        environment,
    )
    report = measure([CLI, "report"], environment)
    session = measure([CLI, "predict", "--session", REPLAY["last"], "--json"], environment)
    again = measure(
        [CLI, "backfill", "--from", REPLAY["first"], "--to", REPLAY["last"], "--json"], environment
    )
    size = sum(f.stat().st_size for f in (home / "lake").rglob("*") if f.is_file()) / 1e6
    yield from (
        "## The replay data: 108 symbols, 2015-01-14..2024-08-22, all tables, from empty",
        "",
        "| command | wall | peak memory |",
        "|---|---|---|",
        _row("`stocks-ai backfill` from an empty lake", whole),
        _row("`stocks-ai report`", report),
        _row("`stocks-ai predict`: one more session", session),
        _row("`stocks-ai backfill` again: everything is up to date", again),
        "",
        f"Backfill and report: {whole.seconds + report.seconds:.1f} s. The lake: {size:.0f} MB.",
        "",
        "Where the backfill's time goes:",
        "",
        *_split(whole),
        "",
    )


def _split(measured: Measured) -> Iterator[str]:
    found = measured.result
    inside = found["seconds"]
    yield "| part | seconds |"
    yield "|---|---|"
    yield f"| compute: transforms and reading of vendor files | {found['seconds_computing']:.1f} |"
    yield f"| Delta: reading inputs | {found['seconds_reading']:.1f} |"
    yield f"| Delta: writing, validation, content hashes | {found['seconds_writing']:.1f} |"
    yield f"| Dagster: runs, events, asset checks | {found['seconds_dagster']:.1f} |"
    yield f"| start: imports, calendar, source, plan | {measured.seconds - inside:.1f} |"


def _row(title: str, measured: Measured) -> str:
    return f"| {title} | {measured.seconds:.1f} s | {measured.peak_mb:,.0f} MB |"


def _events(home: Path) -> Iterator[str]:
    default, batched = event_storage.compare(home)
    yield from (
        "## Event storage",
        "",
        f"{event_storage.ASSETS} assets x {event_storage.PARTITIONS} partitions in one range run:",
        "",
        "| storage | ms a materialization, run included |",
        "|---|---|",
        f"| Dagster's default SQLite | {default:.2f} |",
        f"| `stocks_ai_assets.event_storage`, batched | {batched:.2f} |",
        "",
    )


def _simulated(home: Path, symbols: int) -> dict[str, str]:
    return {
        "STOCKS_AI_HOME": str(home),
        "STOCKS_AI_SOURCE": "sample",
        "STOCKS_AI_SAMPLE_SYMBOLS": str(symbols),
    }


def _symbols(home: Path) -> Iterator[str]:
    first, last = SAMPLE_SESSIONS
    yield from (
        f"## Cost against symbols (simulated, {first}..{last})",
        "",
        "| symbols | wall | computing | Delta | Dagster | ms per symbol | peak memory |",
        "|---|---|---|---|---|---|---|",
    )
    found = [
        (symbols, _scaled(home / f"symbols-{symbols}", symbols, first, last, per=symbols))
        for symbols in SYMBOLS
    ]
    yield from (row for _, (row, _) in found)
    yield from ("", _slopes("symbol", [(n, seconds) for n, (_, seconds) in found]), "")


def _sessions(home: Path) -> Iterator[str]:
    yield from (
        "## Cost against sessions (simulated, 100 symbols)",
        "",
        "| to | wall | computing | Delta | Dagster | ms per session | peak memory |",
        "|---|---|---|---|---|---|---|",
    )
    found = [
        (n, _scaled(home / f"sessions-{n}", 100, "2021-01-04", last, per=n, label=last))
        for last, n in (("2021-12-31", 252), ("2022-12-30", 503), ("2024-06-28", 877))
    ]
    yield from (row for _, (row, _) in found)
    yield from ("", _slopes("session", [(n, seconds) for n, (_, seconds) in found]))


def _slopes(unit: str, points: list[tuple[int, float]]) -> str:
    """Cost of one more unit between neighbouring rows: equal where cost is linear."""
    steps = [
        f"{(b - a) * 1000 / (m - n):.0f} ms from {n:,} to {m:,}"
        for (n, a), (m, b) in pairwise(points)
    ]
    return f"Each further {unit}: {', '.join(steps)}. The rest is a fixed cost of the run."


def _scaled(
    home: Path, symbols: int, first: str, last: str, *, per: int, label: str = ""
) -> tuple[str, float]:
    """One row of a table, and its wall seconds."""
    measured = measure(
        [CLI, "backfill", "--from", first, "--to", last, "--json"], _simulated(home, symbols)
    )
    found = measured.result
    delta = found["seconds_reading"] + found["seconds_writing"]
    shutil.rmtree(home)
    row = (
        f"| {label or symbols} | {measured.seconds:.1f} s | {found['seconds_computing']:.1f} s | "
        f"{delta:.1f} s | {found['seconds_dagster']:.1f} s | {measured.seconds * 1000 / per:.0f} | "
        f"{measured.peak_mb:,.0f} MB |"
    )
    return row, measured.seconds


if __name__ == "__main__":
    main()
