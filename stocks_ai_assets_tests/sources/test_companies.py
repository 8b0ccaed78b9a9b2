"""Companies as they were published; index membership."""

from datetime import date

import polars as pl

from stocks_ai_assets.sources.intake import intake


def test_trap_9_a_sector_is_known_from_the_session_after_it_was_published(read, raw):
    rows = read(raw, "market.companies").filter(symbol="AAA").sort("known_on")
    assert rows.select("sector", "sub_industry", "known_on").rows() == [
        (None, None, date(2024, 5, 28)),
        ("Energy", None, date(2024, 6, 4)),
        ("Utilities", "Gas Utilities", date(2024, 6, 10)),
    ]


def test_share_classes_have_the_issuer_in_common_from_the_first_price_on(read, raw):
    issuers = read(raw, "market.companies", last=date(2024, 5, 28))
    assert dict(issuers.select("symbol", "issuer_id").iter_rows()) == {
        "AAA": "0000000077",
        "BBB": "0000000077",
        "CCC": "CCC",
    }


def test_trap_9_a_mislabelled_sector_is_set_aside_and_the_last_one_stands(read, raw):
    history = raw["sp500_constituents_history"].with_columns(
        gics_sector=pl.col("gics_sector").replace("Utilities", "Gas Utilities")
    )
    rows = read({**raw, "sp500_constituents_history": history}, "market.companies")
    taken = intake("market.companies", rows)
    assert taken.valid["sector"].drop_nulls().to_list() == ["Energy"]
    assert taken.quarantined["reason"].to_list() == ["sector is not a GICS sector"]


def renamed(raw, old, new):
    return {
        **raw,
        "prices_daily": raw["prices_daily"].with_columns(
            symbol=pl.col("symbol").replace("AAA", new)
        ),
        "sp500_constituents_history": raw["sp500_constituents_history"].with_columns(
            symbol=pl.lit(old)
        ),
        "sp500_membership": pl.DataFrame(
            {
                "symbol": [old],
                "start_date": [date(2013, 12, 23)],
                "end_date": [date(2022, 6, 9)],
            }
        ),
    }


def test_trap_9_lists_use_the_tickers_of_their_day_and_other_spellings(read, raw):
    spelled = read(renamed(raw, "BRK.B", "BRK-B"), "market.companies")
    assert "Energy" in spelled.filter(symbol="BRK-B")["sector"]
    # FB belongs to nobody in 2024.
    assert "Energy" not in read(renamed(raw, "FB", "META"), "market.companies")["sector"]


def test_a_change_of_ticker_is_not_a_change_of_membership(read, raw):
    spans = pl.DataFrame(
        {
            "symbol": ["FB", "META"],
            "start_date": [date(2013, 12, 23), date(2022, 6, 9)],
            "end_date": [date(2022, 6, 9), None],
        }
    )
    members = read({**raw, "sp500_membership": spans}, "market.index_members")
    assert members.select("symbol", "effective_date", "is_member").rows() == [
        ("META", date(2013, 12, 23), True)
    ]


def test_a_list_from_before_the_first_price_is_about_another_company(read, raw):
    early = raw["sp500_constituents_history"].with_columns(snapshot_date=pl.lit(date(2017, 3, 8)))
    rows = read({**raw, "sp500_constituents_history": early}, "market.companies")
    assert rows["sector"].drop_nulls().is_empty()


def test_members_that_left_long_ago_are_kept(read, raw):
    members = read(raw, "market.index_members").filter(symbol="GONE").sort("effective_date")
    assert members["is_member"].to_list() == [True, False]
    assert read(raw, "market.index_members").filter(symbol="AAA").sort("known_on")[
        "known_on"
    ].to_list() == [date(2024, 6, 4), date(2024, 6, 11)]
