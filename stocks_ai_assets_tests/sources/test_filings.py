"""Figures of filings: the whole record, usable from the session after the filing."""

from datetime import date

import polars as pl

from stocks_ai_assets.sources.intake import intake


def test_a_filing_is_usable_from_the_session_after_its_day(read, raw):
    facts = read(raw, "market.company_facts", first=date(2024, 6, 1))
    known = dict(facts.filter(form="10-Q").select("accession", "known_on").iter_rows())
    # Filed on Tuesday and on Friday.
    assert known == {"b-1": date(2024, 6, 5), "a-2": date(2024, 6, 10)}


def test_trap_4_a_restatement_is_a_further_row_with_its_form_and_accession(read, raw):
    facts = read(raw, "market.company_facts").filter(symbol="AAA", form="10-Q").sort("filed")
    assert facts["value"].to_list() == [100.0, 90.0]
    assert facts["accession"].to_list() == ["a-1", "a-2"]
    assert facts["fact_id"].to_list() == [
        "assets|Assets||2024-03-31|a-1",
        "assets|Assets||2024-03-31|a-2",
    ]


def test_identical_figures_are_one_row_and_contradicting_ones_none(read, raw):
    filings = raw["fundamentals_pit"]
    other = filings.filter(symbol="BBB").with_columns(value=pl.lit(51.0))
    twice = {**raw, "fundamentals_pit": pl.concat([filings, filings.filter(symbol="AAA"), other])}
    taken = intake("market.company_facts", read(twice, "market.company_facts"))
    plain = intake("market.company_facts", read(raw, "market.company_facts"))
    assert plain.quarantined.is_empty()
    assert taken.valid.height == plain.valid.height - 1
    assert taken.quarantined.height == 2


def test_statements_become_figures_with_the_period_they_cover(read, raw):
    facts = read(raw, "market.company_facts").filter(form="10-Q/A")
    found = {row["item"]: row for row in facts.iter_rows(named=True)}
    assert set(found) == {"revenue", "assets", "cf_operating", "eps_basic"}
    assert found["revenue"]["period_start"] == date(2023, 12, 31)
    assert found["cf_operating"]["period_start"] == date(2023, 9, 30)
    assert found["assets"]["period_start"] is None
    assert found["eps_basic"]["unit"] == "USD/share"
    assert {row["known_on"] for row in found.values()} == {date(2024, 6, 4)}


def test_units_are_spelled_as_in_the_contract(read, raw):
    per_share = raw["fundamentals_pit"].with_columns(
        item=pl.lit("eps_basic"), unit=pl.lit("USD/shares")
    )
    facts = read({**raw, "fundamentals_pit": per_share}, "market.company_facts")
    assert set(facts["unit"]) == {"USD", "USD/share"}


def test_figures_that_cannot_be_right_are_set_aside(read, raw):
    filings = raw["fundamentals_pit"].with_columns(
        period_end=pl.when(pl.col("accession") == "a-1")
        .then(date(2024, 12, 31))
        .otherwise("period_end"),
        unit=pl.when(pl.col("accession") == "b-1").then(pl.lit("pure")).otherwise("unit"),
    )
    rows = read({**raw, "fundamentals_pit": filings}, "market.company_facts")
    reasons = intake("market.company_facts", rows).quarantined["reason"].sort().to_list()
    assert reasons == ["period_end is after the filing", "unit does not fit the item"]


def test_what_was_filed_before_the_first_price_is_taken_up_with_it(read, raw):
    started = date(2024, 6, 6)
    late = raw["prices_daily"].filter((pl.col("symbol") != "AAA") | (pl.col("date") >= started))
    newcomer = {**raw, "prices_daily": late}
    before = read(newcomer, "market.company_facts", last=date(2024, 6, 5))
    assert before["symbol"].unique().to_list() == ["BBB"]
    on_the_day = read(newcomer, "market.company_facts", first=started, last=started)
    assert on_the_day.filter(form="10-Q")["accession"].to_list() == ["a-1"]
