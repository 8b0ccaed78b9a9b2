"""What a transform reads is whole, also while others write."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.signals import esg
from stocks_ai_assets.domain.transform import Parameters, Window
from stocks_ai_assets.engines.inputs import load
from stocks_ai_assets.errors import LookbackMissingError
from stocks_ai_assets.lake import Lake, Stamps
from stocks_ai_assets.tables import TABLES

SESSION, LATER = date(2023, 6, 1), date(2023, 6, 2)


def write(root, table, day):
    Lake(root).write(
        table,
        pl.DataFrame(schema=TABLES[table].schema),
        first=day,
        last=day,
        slice=None,
        stamps=Stamps(
            run_id="test",
            code_version="1",
            input_versions={},
            created=datetime(2024, 1, 1, tzinfo=UTC),
        ),
    )


class Disturbed(Lake):
    """A lake into which somebody else writes as soon as a version was pinned."""

    def version(self, table):
        found = super().version(table)
        write(self.root, "signals.technical", LATER)
        return found


def test_partitions_that_somebody_writes_after_the_versions_were_pinned_are_missing(tmp_path):
    parameters = Parameters(first_session=SESSION)
    window = Window(partitions=(LATER,), calendar=nyse(), parameters=parameters)
    transform = esg.transform(parameters)
    for table in ("signals.technical", "market.esg_ratings"):
        write(tmp_path, table, SESSION)
    write(tmp_path, "market.esg_ratings", LATER)
    with pytest.raises(LookbackMissingError, match="signals/technical"):
        load(Disturbed(tmp_path), transform, window)
    write(tmp_path, "signals.technical", LATER)
    assert load(Disturbed(tmp_path), transform, window).versions.keys() == {
        "market.esg_ratings",
        "signals.technical",
    }
