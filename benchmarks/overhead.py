"""What Spark was asked for each asset, from its event log, and what that costs over the process."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.spark_events import covered

COMMIT = re.compile(r"stocks-ai-[0-9a-f]{16}")
"""Tag of the jobs of one commit: an asset makes one, as the last thing."""

FEW, MANY = 2_000, 200_000
"""Rows up to which an asset costs what any does, and from which rows are most of it."""

Report = Mapping[str, object]


@dataclass(kw_only=True)
class Asked:
    """Work of Spark for one asset.

    Parameters
    ----------
    jobs, tasks
        Their number.
    seconds
        Seconds of all tasks, those that ran beside each other added.
    shuffled
        Bytes that tasks wrote for others to read.
    spans
        When each task began and ended, in milliseconds.
    """

    jobs: int = 0
    tasks: int = 0
    seconds: float = 0.0
    shuffled: int = 0
    spans: list[tuple[int, int]] = field(default_factory=list)

    @property
    def busy(self) -> float:
        """Seconds in which any task ran."""
        return covered(self.spans) / 1000


def asked(lines: Iterable[str]) -> list[Asked]:
    """Return the work up to each commit, in their order; what comes after the last is left out."""
    found, commit = [Asked()], ""
    of_stage: dict[int, Asked] = {}
    for line in lines:
        if '"SparkListenerJobStart"' in line:
            event = json.loads(line)
            tag = COMMIT.search(str((event.get("Properties") or {}).get("spark.job.tags", "")))
            if commit and (tag is None or tag[0] != commit):
                found.append(Asked())
            commit = tag[0] if tag else ""
            found[-1].jobs += 1
            of_stage |= dict.fromkeys(event["Stage IDs"], found[-1])
        elif '"SparkListenerTaskEnd"' in line:
            event = json.loads(line)
            metrics, one = event.get("Task Metrics") or {}, of_stage[event["Stage ID"]]
            info = event["Task Info"]
            one.spans.append((info["Launch Time"], info["Finish Time"]))
            one.tasks += 1
            one.seconds += metrics.get("Executor Run Time", 0) / 1000
            written = metrics.get("Shuffle Write Metrics") or {}
            one.shuffled += written.get("Shuffle Bytes Written", 0)
    return found if commit else found[:-1]


def by_asset(events: Path, reports: Sequence[Report]) -> dict[str, Asked]:
    """Return the work for each asset; of none when commits and assets are not as many."""
    (file,) = events.iterdir()
    with file.open(encoding="utf-8") as lines:
        found = asked(lines)
    names = [str(report["asset"]) for report in reports if on_spark(report)]
    return dict(zip(names, found, strict=True)) if len(names) == len(found) else {}


def on_spark(report: Report) -> bool:
    """Whether the engine computes an asset: facts and the ledger of trials come from here."""
    name = str(report["asset"])
    return not name.startswith("market/") and name != "evaluation/trials"


def seconds(report: Report) -> float:
    """Reading, computing and writing."""
    return sum(float(str(v)) for k, v in report.items() if k.startswith("seconds"))


def explained(
    here: Sequence[Report], spark: Sequence[Report], work: Mapping[str, Asked]
) -> Iterator[str]:
    """Say where Spark's seconds over those of the process go.

    Parameters
    ----------
    here, spark
        What was reported by either engine, assets in the order of their writing.
    work
        Work of Spark by asset; empty: not known.
    """
    local = {str(report["asset"]): seconds(report) for report in here}
    first, *others = [report for report in spark if on_spark(report)]
    few = [report for report in others if _rows(report) <= FEW]
    many = [report for report in others if _rows(report) >= MANY]
    yield (
        f"- **The first.** For its {_rows(first):,} rows {first['asset']} takes "
        f"{_group([first], local, work)}.{_busy([first], work)} Until then no worker runs "
        "and nothing is compiled: the next one finds both ready. Spark's own start, and opening "
        "the inputs, come before the figure begins; they are in the wall time."
    )
    yield (
        f"- **Whatever the rows.** An asset of up to {FEW:,} takes {_group(few, local, work)}."
        f"{_busy(few, work)} Delta's log is read for every input and for the table, the "
        "rows are computed and kept, compared with what is stored, and committed: each is planned "
        "and compiled anew."
    )
    yield (
        f"- **With the rows.** One of {MANY:,} or more takes {_group(many, local, work)}."
        f"{_busy(many, work)} Rows are shuffled to the workers twice, by block to be "
        "computed and by quarter to be compared. None is merged here: from empty, all are new and "
        "replace a range."
    )
    yield _most(others, local, work)


def _most(others: Sequence[Report], local: Mapping[str, float], work: Mapping[str, Asked]) -> str:
    """The asset with most seconds over those of the process, beside the assets of its size."""
    most = max(others, key=lambda report: seconds(report) - local[str(report["asset"])])
    said = (
        f"- **The most.** The first aside, {most['asset']} costs most over the process: for its "
        f"{_rows(most):,} rows it takes {_group([most], local, work)}.{_busy([most], work)}"
    )
    size = _size(most)
    alike = _known([report for report in others if _size(report) == size], work)
    if not _known([most], work):
        return said
    jobs, shuffled = median(one.jobs for one in alike), median(one.shuffled for one in alike)
    return (
        f"{said} In the median, assets of {size} rows shuffle {shuffled / 1e6:,.1f} MB by "
        f"{jobs:.0f} jobs, whose tasks take {median(one.seconds for one in alike):.1f} s added up."
    )


def _group(reports: Sequence[Report], local: Mapping[str, float], work: Mapping[str, Asked]) -> str:
    """Medians of some assets: seconds by both engines, and Spark's work."""
    here = median(local[str(report["asset"])] for report in reports)
    said = f"{median(map(seconds, reports)):.1f} s, {here:.1f} s in the process"
    if known := _known(reports, work):
        jobs, tasks = median(one.jobs for one in known), median(one.tasks for one in known)
        shuffled = median(one.shuffled for one in known) / 1e6
        said += f", by {jobs:.0f} jobs of {tasks:.0f} tasks that shuffle {shuffled:,.1f} MB"
    return said


def _busy(reports: Sequence[Report], work: Mapping[str, Asked]) -> str:
    known = _known(reports, work)
    if not known:
        return ""
    busy, added = median(one.busy for one in known), median(one.seconds for one in known)
    return f" During {busy:.1f} s of that tasks ran ({added:.1f} s added up), in the rest none did."


def _known(reports: Sequence[Report], work: Mapping[str, Asked]) -> list[Asked]:
    return [work[str(r["asset"])] for r in reports if str(r["asset"]) in work]


def _rows(report: Report) -> int:
    return int(str(report["rows"]))


def _size(report: Report) -> str:
    """How the group of an asset is called."""
    if _rows(report) <= FEW:
        return f"up to {FEW:,}"
    return f"{MANY:,} or more" if _rows(report) >= MANY else f"{FEW:,} to {MANY:,}"
