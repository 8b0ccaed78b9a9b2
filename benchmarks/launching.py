"""The same work here and launched on the local workspace of the tests: what launching adds.

The workspace is a process of this machine, so the start of a cluster on a cloud is not in it.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import CLI, measure

SYMBOLS = 60
FIRST, LAST = "2021-01-04", "2021-12-31"
"""252 sessions."""

VOLUME = "/Volumes/main/ops/staging"
FACTS = "group:market"
TWO = 'key:"signals/risk" or key:"signals/technical"'
REPEATS = 3


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way to launch: its words, and its settings."""

    name: str
    compute: str
    settings: dict[str, str]


def section() -> Iterator[str]:
    """Lines of the page of performance."""
    from stocks_ai_assets_tests.workspace.server import start

    with tempfile.TemporaryDirectory(prefix="stocks-ai-launching-") as name:
        home = Path(name, "home")
        home.mkdir()
        _backfill(home, {}, "--select", FACTS)
        with start(Path(name, "workspace"), external=(home,)) as running:
            running.workspace.add_volume(VOLUME)
            made = running.client().clusters.create(
                spark_version="19.x-scala2.13", num_workers=1, node_type_id="i3.xlarge"
            )
            yield from (
                f"## Launching, {SYMBOLS} simulated companies, {FIRST}..{LAST}",
                "",
                (
                    "On the local workspace of the tests, so without the start of a cluster. "
                    "`over`: seconds that were not reading, computing and writing."
                ),
                "",
                "| work | way | compute | seconds | over | Dagster runs | Databricks runs |",
                "|---|---|---|---|---|---|---|",
            )
            here, step, pipes, *cold = _ways(running, str(made.cluster_id))
            first = _on(running, home, pipes, "--select", TWO, "--refresh")
            yield _row("two assets, the cluster's first run", pipes, first)
            for way in (here, step, pipes, *cold):
                repeats = 1 if way in cold else REPEATS
                found = min(
                    (_on(running, home, way, "--select", TWO, "--refresh") for _ in range(repeats)),
                    key=lambda ran: ran["seconds"],
                )
                yield _row("two assets", way, found)
            for way in (here, pipes):
                empty = home / way.name
                empty.mkdir()
                yield _row("all assets, from empty", way, _on(running, empty, way))
            yield ""


def _ways(running: Any, cluster: str) -> list[Way]:
    common = {
        "DATABRICKS_HOST": running.url,
        "DATABRICKS_TOKEN": running.token,
        "STOCKS_AI_DATABRICKS__STAGING_FOLDER": VOLUME,
    }
    warm = {**common, "STOCKS_AI_DATABRICKS__CLUSTER_ID": cluster}
    pipes = {"STOCKS_AI_LAUNCH": "pipes"}
    return [
        Way(name="here", compute="-", settings={}),
        Way(
            name="step launcher",
            compute="warm cluster",
            settings={**warm, "STOCKS_AI_LAUNCH": "step"},
        ),
        Way(name="Pipes", compute="warm cluster", settings={**warm, **pipes}),
        Way(
            name="Pipes",
            compute="new cluster",
            settings={**common, **pipes, "STOCKS_AI_DATABRICKS__WORKERS": "0"},
        ),
        Way(
            name="Pipes",
            compute="serverless",
            settings={**common, **pipes, "STOCKS_AI_DATABRICKS__SERVERLESS": "true"},
        ),
    ]


def _on(running: Any, home: Path, way: Way, *arguments: str) -> dict[str, Any]:
    """Result of a backfill, with the number of runs that the workspace had."""
    before = _n_runs(running)
    found = _backfill(home, way.settings, *arguments)
    return {**found, "remote": _n_runs(running) - before}


def _n_runs(running: Any) -> int:
    with running.workspace.lock:
        return len(running.workspace.collection("runs"))


def _backfill(home: Path, settings: dict[str, str], *arguments: str) -> dict[str, Any]:
    environment = {
        "STOCKS_AI_HOME": str(home),
        "STOCKS_AI_LAKE_ROOT": str(home / "lake"),
        "STOCKS_AI_SOURCE": "sample",
        "STOCKS_AI_SAMPLE_SYMBOLS": str(SYMBOLS),
        **settings,
    }
    command = [CLI, "backfill", "--from", FIRST, "--to", LAST, "--json", *arguments]
    found: dict[str, Any] = measure(command, environment).result
    return found


def _row(work: str, way: Way, ran: dict[str, Any]) -> str:
    cells = (
        work,
        way.name,
        way.compute,
        f"{ran['seconds']:.1f}",
        f"{ran['seconds_dagster']:.1f}",
        ran["runs"],
        ran["remote"],
    )
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    print("\n".join(section()))


if __name__ == "__main__":
    main()
