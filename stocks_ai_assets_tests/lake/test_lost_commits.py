"""A commit that landed though its writer was told that it had lost: what it changed is known."""

from datetime import date

import polars as pl
from deltalake.exceptions import CommitFailedError

from stocks_ai_assets.lake import Lake
from stocks_ai_assets.lake.contract import conforming
from stocks_ai_assets.lake.replacing import FrameContent
from stocks_ai_assets.lake.target import Target
from stocks_ai_assets.tables import TABLES
from stocks_ai_assets_tests.integration.writers import PREDICTIONS, put, what_to_put

DAYS = [date(2021, 1, 4), date(2021, 1, 5), date(2021, 1, 6)]


class LandsAndLoses(FrameContent):
    """Reports its first commit as lost, as an engine does that cannot tell what came before it."""

    commits = 0

    def commit(self, *arguments):
        version = super().commit(*arguments)
        self.commits += 1
        if self.commits == 1:
            raise CommitFailedError("another writer came before")
        return version


def test_what_a_commit_that_was_thought_lost_changed_counts_as_changed(tmp_path):
    lake = Lake(tmp_path)
    put(lake, PREDICTIONS, DAYS, "risk", 1)
    rows, given = what_to_put(PREDICTIONS, DAYS, "risk", 1)
    changed = rows.with_columns(
        score=pl.when(pl.col("prediction_date") == DAYS[-1]).then(0.5).otherwise("score")
    )
    target = Target(table=TABLES[PREDICTIONS], first=DAYS[0], last=DAYS[-1], slice="risk")
    content = LandsAndLoses(conforming(changed, target), PREDICTIONS)
    written = lake.replace(target, content, given["stamps"])
    assert (content.commits, lake.version(PREDICTIONS)) == (1, 2)
    assert written.changed, "steps after this one must look again"
    assert [(s.first, s.last, s.changed_version) for s in lake.coverage(PREDICTIONS, "risk")] == [
        (DAYS[0], DAYS[1], 1),
        (DAYS[2], DAYS[2], 2),
    ]
