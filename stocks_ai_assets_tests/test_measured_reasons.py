"""What `docs/performance.md` says in words follows from the figures beside it."""

import pytest

from benchmarks.concurrency import Ran, reason


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
