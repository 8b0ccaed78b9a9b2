"""What Spark's event log says of its tasks: bytes moved, seconds, and what more cores could do."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ALONE = 0.9
"""Share of its stage's seconds from which a task counts as one block that nothing can divide."""


@dataclass(frozen=True, kw_only=True)
class Tasks:
    """GB spilled and shuffled, and the seconds of a run.

    Attributes
    ----------
    spilled, shuffled
        GB that tasks spilled to disk, and wrote for others to read.
    alone
        Seconds of stages in which one task did nine tenths of the work or more.
    divided
        Seconds of all other tasks, added up.
    between
        Seconds of the run in which no task ran: Python, planning, commits.
    """

    spilled: float
    shuffled: float
    alone: float
    divided: float
    between: float

    def seconds(self, cores: int) -> float:
        """Seconds of the same run on `cores` cores, by Amdahl's law: nothing else changes."""
        return self.between + self.alone + self.divided / cores


def event_settings(folder: Path) -> dict[str, str]:
    """Make the folder and return what lets local Spark write its events into it."""
    folder.mkdir()
    return {
        "PYSPARK_SUBMIT_ARGS": (
            "--conf spark.eventLog.enabled=true --conf spark.eventLog.rolling.enabled=false "
            f"--conf spark.eventLog.compress=false --conf spark.eventLog.dir={folder} "
            "pyspark-shell"
        )
    }


def tasks_of(folder: Path, wall: float) -> Tasks:
    """Read the event logs in `folder` of a run that took `wall` seconds."""
    spilled = shuffled = 0
    stages: dict[tuple[str, int, int], list[tuple[int, int]]] = defaultdict(list)
    for file in folder.iterdir():
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                if '"SparkListenerTaskEnd"' in line:
                    event = json.loads(line)
                    metrics = event.get("Task Metrics") or {}
                    spilled += metrics.get("Disk Bytes Spilled", 0)
                    shuffled += metrics.get("Shuffle Write Metrics", {}).get(
                        "Shuffle Bytes Written", 0
                    )
                    stage = (file.name, event["Stage ID"], event["Stage Attempt ID"])
                    info = event["Task Info"]
                    stages[stage].append((info["Launch Time"], info["Finish Time"]))
    alone = divided = 0.0
    for spans in stages.values():
        taken = [(end - start) / 1000 for start, end in spans]
        if max(taken) >= ALONE * sum(taken):
            alone += sum(taken)
        else:
            divided += sum(taken)
    busy = covered(span for spans in stages.values() for span in spans) / 1000
    return Tasks(
        spilled=spilled / 1e9,
        shuffled=shuffled / 1e9,
        alone=alone,
        divided=divided,
        between=max(wall - busy, 0.0),
    )


def covered(spans: Iterable[Sequence[int]]) -> int:
    """Length of the union of spans, each from its start to its end."""
    total, reached = 0, 0
    for start, end in sorted(spans):
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total
