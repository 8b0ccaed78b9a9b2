"""Ratings as they were known."""

from datetime import date

import polars as pl

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.signals.esg import RISKS, transform
from stocks_ai_assets.domain.transform import Parameters, Window
from stocks_ai_assets.tables import TABLES

SESSIONS = nyse().between(date(2024, 6, 20), date(2024, 6, 28))
PARAMETERS = Parameters(first_session=SESSIONS[0])
TRANSFORM = transform(PARAMETERS)


def ratings(*rows):
    """Rows of symbol, total risk, known_on; the parts are thirds of the total."""
    schema = {"symbol": pl.String, "total_risk": pl.Float64, "known_on": pl.Date}
    parts = [(pl.col("total_risk") / 3).alias(name) for name in RISKS[1:]]
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(parts)


def rows(facts, *partitions, symbols=("A", "B")):
    technical = pl.DataFrame({"symbol": symbols}).join(
        pl.DataFrame({"session": SESSIONS}), how="cross"
    )
    window = Window(partitions=partitions, calendar=nyse(), parameters=PARAMETERS)
    frame = TRANSFORM.function({"technical": technical, "esg_ratings": facts}, window)
    return frame.sort("symbol", "session")


FACTS = ratings(
    ("A", 20.0, SESSIONS[1]),
    ("A", 25.0, SESSIONS[3]),
    ("A", 21.0, SESSIONS[4]),
    ("A", None, SESSIONS[6]),
)


def test_a_rating_counts_from_the_session_on_which_it_became_known_until_the_next():
    seen = rows(FACTS, *SESSIONS).filter(pl.col("symbol") == "A")
    assert seen.get_column("total_risk").to_list() == [None, 20.0, 20.0, 25.0, 21.0, 21.0, None]
    assert seen.get_column("rated_on").to_list()[:3] == [None, SESSIONS[1], SESSIONS[1]]


def test_a_symbol_without_a_rating_keeps_its_row():
    assert rows(FACTS, SESSIONS[2], symbols=("B",)).row(0) == ("B", SESSIONS[2], *[None] * 5)


def test_a_range_equals_its_days_and_the_order_of_rows_does_not_matter():
    whole = rows(FACTS, *SESSIONS)
    days = [rows(FACTS.reverse().filter(pl.col("known_on") <= day), day) for day in SESSIONS]
    assert pl.concat(days).sort("symbol", "session").equals(whole)
    table = TABLES[TRANSFORM.table]
    table.contract.validate(whole.select(table.columns))
