"""Announcements, grades and ESG ratings."""

from datetime import date

import polars as pl

from stocks_ai_assets.sources.intake import intake


def eps(facts, symbol="AAA"):
    columns = ("reaction_session", "eps_estimate", "eps_reported")
    return facts.filter(symbol=symbol).sort("reaction_session").select(columns).rows()


def test_trap_8_eps_are_per_share_of_the_session_that_reacts(read, raw):
    # 2:1 on 2024-06-05 and 3:1 on 2024-06-12: six new shares for one, then three for one.
    assert eps(read(raw, "market.earnings")) == [
        (date(2024, 5, 30), 0.6, 0.66),
        (date(2024, 6, 6), 0.6, None),
    ]


def test_eps_with_a_basis_are_adjusted_for_the_splits_until_then(read, raw):
    dated = raw["events_earnings"].with_columns(eps_basis=pl.lit(date(2024, 6, 7)))
    assert eps(read({**raw, "events_earnings": dated}, "market.earnings")) == [
        (date(2024, 5, 30), 0.2, 0.22),
        (date(2024, 6, 6), 0.2, None),
    ]


def test_eps_are_never_adjusted_for_spin_offs(read, raw):
    spun = raw["prices_daily"].with_columns(
        stock_splits=pl.when((pl.col("symbol") == "BBB") & (pl.col("date") == date(2024, 6, 13)))
        .then(1.319)
        .otherwise("stock_splits")
    )
    assert eps(read({**raw, "prices_daily": spun}, "market.earnings"), "BBB") == [
        (date(2024, 6, 11), 1.0, 1.1)
    ]


def test_trap_8_a_split_after_the_last_price_comes_from_the_public_record(read, raw):
    renamed = {
        name: raw[name].with_columns(pl.col("symbol").replace("BBB", "NFLX"))
        for name in ("prices_daily", "events_earnings")
    }
    assert eps(read({**raw, **renamed}, "market.earnings"), "NFLX") == [
        (date(2024, 6, 11), 10.0, 11.0)
    ]


def test_an_announcement_is_known_at_the_close_of_the_session_that_reacts(read, raw):
    known = read(raw, "market.earnings").select("reaction_session", "known_on")
    assert (known["reaction_session"] == known["known_on"]).all()


def test_an_announcement_is_not_known_before_its_own_day_whatever_the_reaction_says(read, raw):
    late = raw["events_earnings"].with_columns(reaction_date=pl.lit(date(2024, 5, 28)))
    facts = read({**raw, "events_earnings": late}, "market.earnings").sort("announced_at")
    assert facts["known_on"].to_list() == [date(2024, 5, 30), date(2024, 6, 6), date(2024, 6, 11)]


def test_two_announcements_for_one_session_are_both_set_aside(read, raw):
    twice = raw["events_earnings"].with_columns(reaction_date=pl.lit(date(2024, 6, 11)))
    taken = intake("market.earnings", read({**raw, "events_earnings": twice}, "market.earnings"))
    assert taken.valid["symbol"].to_list() == ["BBB"]
    assert taken.quarantined.height == 2


def test_a_grade_is_usable_from_the_session_after_its_new_york_day(read, raw):
    grades = read(raw, "market.analyst_ratings")
    assert grades.select("from_grade", "to_grade", "known_on").rows() == [
        (None, "Buy", date(2024, 6, 5))
    ]
    evening = raw["events_analyst_ratings"].with_columns(
        graded_at=pl.lit("2024-06-05 02:00+0000").str.to_datetime("%Y-%m-%d %H:%M%z")
    )
    moved = read({**raw, "events_analyst_ratings": evening}, "market.analyst_ratings")
    assert moved["known_on"].to_list() == [date(2024, 6, 5)]


def test_a_company_without_a_rating_has_no_row(read, raw):
    ratings = read(raw, "market.esg_ratings").sort("known_on")
    assert ratings.select("symbol", "total_risk", "known_on").rows() == [
        ("AAA", 20.0, date(2024, 5, 31)),
        ("AAA", 21.0, date(2024, 6, 7)),
    ]


def test_the_undated_snapshot_is_never_used_before_its_latest_possible_date(raw, calendar):
    from stocks_ai_assets.sources.folder import FolderSource

    undated = raw["esg_snapshot"].drop("available_date").unique("symbol", keep="first")
    source = FolderSource({**raw, "esg_snapshot": undated}, calendar)
    assert source.read("market.esg_ratings", None, date(2024, 6, 24)).is_empty()
    found = source.read("market.esg_ratings", None, date(2024, 6, 25))
    assert found["known_on"].to_list() == [date(2024, 6, 25)]
