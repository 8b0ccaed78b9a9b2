"""What `docs/performance.md` says in words follows from the figures beside it."""

import json

import pytest

from benchmarks.concurrency import Ran, reason
from benchmarks.overhead import Asked, asked, explained
from benchmarks.spark_events import tasks_of


def ran(writers, per_second, cores, *, steps, server=0.0, requests=0, lost=0.0):
    """What some writers did: commits a second, busy cores, seconds of a commit by step."""
    commits = 12 * writers
    return Ran(
        commits=commits,
        seconds=commits / per_second,
        retries=0,
        cores=cores,
        server=server,
        steps={
            name: commits * value
            for name, value in zip(("compare", "commit", "coverage"), steps, strict=True)
        },
        requests=requests * commits,
        refused=round(lost * commits),
    )


ALONE = ran(1, 6.0, 1.1, steps=(0.05, 0.06, 0.001))
REASONS = {
    "the cores": (
        {1: ALONE, 2: ran(2, 12.0, 1.75, steps=(0.05, 0.06, 0.001))},
        ran(8, 9.0, 1.96, steps=(0.25, 0.34, 0.001)),
        [
            "at best 2.0x with 2",
            "No waiting for a lock: on average 5.3 of 8",
            "The machine is full: 1.96 of 2 cores were busy, 1.10 with one writer.",
        ],
    ),
    "the lock": (
        {1: ALONE},
        ran(8, 6.0, 1.2, steps=(0.07, 0.09, 0.0)),
        ["The lock: on average 1.0 of 8", "each for 160 ms", "1.20 of 2 cores were busy"],
    ),
    "the store": (
        {1: ran(1, 2.7, 1.1, steps=(0.14, 0.14, 0.03), server=0.36, requests=21)},
        ran(8, 1.3, 1.5, steps=(0.5, 3.8, 0.7), server=0.77, requests=69, lost=3.2),
        [
            "The log: 3.2 versions were lost a commit",
            "69 requests instead of 21",
            "commit step took 3,800 ms instead of 140",
            "0.77 of them by the server",
        ],
    ),
}


@pytest.mark.parametrize("what", REASONS)
def test_a_goal_that_eight_writers_miss_has_the_reason_that_the_figures_show(what):
    fewer, most, shown = REASONS[what]
    said = reason({**fewer, 8: most}, cores=2)
    assert said.startswith("**missed**, ")
    assert [words for words in shown if words not in said] == [], said
    others = {"the lock": "The lock:", "the store": "The log:"}
    assert not [words for name, words in others.items() if name != what and words in said], said


def test_a_goal_that_is_met_is_said_to_be_met():
    found = reason({1: ALONE, 8: ran(8, 26.0, 7.9, steps=(0.05, 0.06, 0.001))}, cores=8)
    assert found == "**met**, 4.3x with 8."


def job(number, commit=""):
    """A job of one stage in Spark's event log: one of a commit carries the commit's tag."""
    tags = f"session,session-thread-{commit}" if commit else "session"
    event = {"Event": "SparkListenerJobStart", "Stage IDs": [number]}
    return json.dumps({**event, "Properties": {"spark.job.tags": tags}})


def task(stage, milliseconds, shuffled=0, start=0):
    metrics = {"Executor Run Time": milliseconds}
    metrics["Shuffle Write Metrics"] = {"Shuffle Bytes Written": shuffled}
    info = {"Launch Time": start, "Finish Time": start + milliseconds}
    event = {"Event": "SparkListenerTaskEnd", "Stage ID": stage}
    return json.dumps({**event, "Task Info": info, "Task Metrics": metrics})


def test_what_spark_was_asked_for_an_asset_ends_with_its_commit():
    one, two = (f"stocks-ai-{digit * 16}" for digit in "1a")
    events = [job(0), task(0, 500, 10), job(1, one), job(2, one), task(2, 250), task(0, 100)]
    events += [job(3, two), task(3, 1000, 5, start=700), job(4), task(4, 9000)]
    first, second = asked(events)
    assert first == Asked(
        jobs=3, tasks=3, seconds=0.85, shuffled=10, spans=[(0, 500), (0, 250), (0, 100)]
    )
    assert second == Asked(jobs=1, tasks=1, seconds=1.0, shuffled=5, spans=[(700, 1700)])
    assert (first.busy, second.busy) == (0.5, 1.0), "tasks beside each other count once"


SPANS = [(0, 3_000), (1_000, 4_000), (9_000, 9_500)]


def report(asset, rows, reading, writing):
    return {"asset": asset, "rows": rows, "seconds_reading": reading, "seconds_writing": writing}


def test_sparks_seconds_are_told_of_the_first_asset_of_small_ones_and_of_large_ones():
    names = ("signals/macro", "agents/models/esg", "signals/risk")
    spark = [
        report("market/prices", 400_000, 1.0, 1.0),
        *map(report, names, (2_000, 39, 250_000), (20.0, 0.5, 0.7), (13.0, 9.5, 19.3)),
    ]
    here = [report(each["asset"], each["rows"], 0.5, 0.5) for each in spark]
    work = {
        name: Asked(jobs=12, tasks=30, seconds=6.0, shuffled=2_000_000, spans=SPANS)
        for name in names
    }
    first, few, many, _ = explained(here, spark, work)
    assert (
        "For its 2,000 rows signals/macro takes 33.0 s, 1.0 s in the process, by 12 jobs" in first
    )
    assert "10.0 s, 1.0 s in the process, by 12 jobs of 30 tasks that shuffle 2.0 MB" in few
    assert "During 4.5 s of that tasks ran (6.0 s added up), in the rest none did." in few
    assert "One of 200,000 or more takes 20.0 s, 1.0 s in the process" in many
    assert not any("jobs" in line for line in explained(here, spark, {}))


COSTS = {  # rows, seconds here, by Spark, jobs, seconds of tasks, megabytes
    "signals/macro": (2_000, 1.0, 90.0, 12, 60.0, 5),
    "agents/models/esg": (39, 1.0, 12.0, 12, 9.0, 30),
    "signals/risk": (260_000, 2.0, 20.0, 13, 22.0, 53),
    "agents/predictions/esg": (4_400, 1.0, 12.0, 16, 13.0, 27),
    "agents/predictions/risk": (259_000, 2.0, 14.0, 12, 16.0, 72),
    "meta/synthesized_predictions": (255_000, 20.0, 41.0, 18, 55.5, 160),
    "evaluation/agent_skill": (1_600, 25.0, 45.0, 15, 24.0, 52),
}


@pytest.mark.parametrize(
    ("changed", "asset", "beside"),
    [
        ({}, "meta/synthesized_predictions", "200,000 or more rows shuffle 72.0 MB by 13 jobs"),
        ({"evaluation/agent_skill": 47.0}, "evaluation/agent_skill", "up to 2,000 rows shuffle 41"),
        ({"agents/predictions/esg": 50.0}, "agents/predictions/esg", "2,000 to 200,000 rows shu"),
    ],
)
def test_the_asset_that_costs_most_over_the_process_is_told_beside_those_of_its_size(
    changed, asset, beside
):
    here = [report(name, rows, seconds, 0.0) for name, (rows, seconds, *_) in COSTS.items()]
    spark = [
        report(name, rows, changed.get(name, seconds), 0.0)
        for name, (rows, _, seconds, *_) in COSTS.items()
    ]
    work = {
        name: Asked(jobs=jobs, tasks=50, seconds=added, shuffled=size * 10**6, spans=SPANS)
        for name, (_, _, _, jobs, added, size) in COSTS.items()
    }
    *_, most = explained(here, spark, work)
    assert most.startswith(f"- **The most.** The first aside, {asset} costs most over the process")
    assert f"assets of {beside}" in most
    if not changed:
        assert "for its 255,000 rows it takes 41.0 s, 20.0 s in the process, by 18 jobs" in most
        assert "shuffle 160.0 MB. During 4.5 s of that tasks ran (55.5 s added up)" in most
        assert most.endswith("by 13 jobs, whose tasks take 22.0 s added up.")
    *_, untold = explained(here, spark, {})
    assert asset in untold
    assert "jobs" not in untold


def test_more_cores_shorten_what_tasks_share_and_nothing_else(tmp_path):
    def task(stage, start, end):
        return {
            "Event": "SparkListenerTaskEnd",
            "Stage ID": stage,
            "Stage Attempt ID": 0,
            "Task Info": {"Launch Time": 1_000 * start, "Finish Time": 1_000 * end},
            "Task Metrics": {"Disk Bytes Spilled": 10**9},
        }

    # A stage of two equal tasks beside each other; one of a single block, and a tiny second task.
    events = [task(1, 0, 4), task(1, 0, 4), task(2, 6, 16), task(2, 6, 7)]
    (tmp_path / "log").write_text("\n".join(map(json.dumps, events)), encoding="utf-8")
    found = tasks_of(tmp_path, wall=20.0)
    assert (found.divided, found.alone, found.between) == (8.0, 11.0, 6.0)
    assert found.spilled == 4.0
    assert found.seconds(8) == 6.0 + 11.0 + 1.0
