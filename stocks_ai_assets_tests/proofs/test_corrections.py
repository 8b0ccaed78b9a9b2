"""A correction is invisible before the session on which it became known, and counts from it on."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import polars as pl
import pytest

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.proofs.graph import materialize
from stocks_ai_assets.sources.folder import FolderSource

COMPANY, PRICE, FILING, MACRO = (date(2023, 6, day) for day in (14, 16, 21, 23))
"""Sessions on which the corrections became known."""

SIGNALS = ("technical", "sector", "fundamentals", "macro")


@dataclass(frozen=True)
class Corrected:
    """A source that also tells corrections."""

    honest: FolderSource
    rows: dict[str, pl.DataFrame] = field(default_factory=dict)

    def __getattr__(self, name):
        return getattr(self.honest, name)

    def read(self, table, first, last):
        found = self.honest.read(table, first, last)
        if table not in self.rows:
            return found
        known = (pl.col("known_on") >= (first or date.min)) & (pl.col("known_on") <= last)
        return pl.concat([found, self.rows[table].select(found.columns).filter(known)])


@pytest.fixture(scope="module")
def corrected(source, graph, days, tmp_path_factory) -> Lake:
    def known(session):
        moment = pl.lit(nyse().cutoff(session), pl.Datetime("us", "UTC"))
        return {"known_on": pl.lit(session), "available_at": moment}

    def newest(table, until, of, **where):
        rows = source.read(table, None, until).filter(**where)
        return rows.sort("known_on", of).tail(1)

    price = newest("market.prices", date(2023, 6, 1), "session", symbol="SIM002")
    company = newest("market.companies", COMPANY, "symbol", symbol="SIM004")
    filing = newest("market.company_facts", FILING, "period_end", symbol="SIM002", item="assets")
    macro = newest("market.macro_observations", MACRO, "observation_date", series_id="INDPRO")
    facts = Corrected(
        source,
        {
            "market.prices": price.with_columns(
                pl.col("open", "high", "low", "close") * 1.02, **known(PRICE)
            ),
            "market.companies": company.with_columns(sector=pl.lit("Utilities"), **known(COMPANY)),
            "market.company_facts": filing.with_columns(
                pl.col("value") * 1.1,
                fact_id=pl.col("fact_id") + "/A",
                filed=pl.lit(FILING - timedelta(days=1)),
                **known(FILING),
            ),
            "market.macro_observations": macro.with_columns(pl.col("value") * 1.02, **known(MACRO)),
        },
    )
    lake = Lake(tmp_path_factory.mktemp("corrected"))
    select = tuple(f"signals/{name}" for name in SIGNALS)
    materialize(replace(graph, source=facts, select=select), lake, days.first, days.last)
    return lake


def test_no_correction_shows_before_it_became_known(whole, corrected, changed):
    eve = nyse().offset(COMPANY, -1)
    differing = changed(whole, corrected, eve)
    assert [table for table in corrected.tables() if table in differing] == []


@pytest.mark.parametrize(
    ("table", "symbol", "known_on"),
    [
        ("signals.sector", "SIM004", COMPANY),
        ("signals.technical", "SIM002", PRICE),
        ("signals.fundamentals", "SIM002", FILING),
        ("signals.macro", None, MACRO),
    ],
)
def test_a_correction_counts_from_the_session_on_which_it_became_known(
    whole, corrected, days, table, symbol, known_on
):
    def rows(lake, first, last):
        found = lake.read(table, first, last)
        return found.filter(symbol=symbol) if symbol else found

    eve = nyse().offset(known_on, -1)
    assert rows(corrected, days.first, eve).equals(rows(whole, days.first, eve))
    # Until the eve nothing newer replaces it.
    for session in nyse().between(known_on, days.eve):
        assert not rows(corrected, session, session).equals(rows(whole, session, session))


def test_the_first_version_of_a_corrected_fact_stays_in_the_lake(whole, corrected):
    for table in ("market.prices", "market.companies", "market.macro_observations"):
        before, now = whole.read(table), corrected.read(table)
        assert now.height == before.height + 1
        assert before.join(now, on=before.columns, how="anti", nulls_equal=True).is_empty()
