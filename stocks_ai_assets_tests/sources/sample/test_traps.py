"""Every trap of the catalogue is in the files, in the company that it names, where it is due."""

from collections.abc import Callable
from datetime import timedelta

import polars as pl
import pytest

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.sources.sample import TRAPS, simulate
from stocks_ai_assets.sources.sample.companies import SECTORS
from stocks_ai_assets.sources.sample.traps import SPLITS
from stocks_ai_assets_tests.sources.sample.conftest import FIRST

Frames = dict[str, pl.DataFrame]


def symbol(trap: str) -> str:
    place = TRAPS[trap].place
    return "SIM007-B" if trap == "second_class" else f"SIM{place + 1:03d}"


def day(trap: str):
    return nyse().offset(FIRST, TRAPS[trap].session)


def of(frames: Frames, name: str, trap: str) -> pl.DataFrame:
    return frames[name].filter(pl.col("symbol") == symbol(trap))


def split(trap: str) -> Callable[[Frames], bool]:
    def check(frames: Frames) -> bool:
        found = of(frames, "prices_daily", trap).filter(pl.col("stock_splits") != 0.0)
        return found.select("date", "stock_splits").rows() == [(day(trap), SPLITS[trap][0])]

    return check


def spin_off_twice(frames: Frames) -> bool:
    row = of(frames, "prices_daily", "spin_off_twice").filter(pl.col("stock_splits") == 1.283)
    fall = 1.0 - 1.0 / 1.283
    return row["dividends"].item() / row["open"].item() == pytest.approx(fall * 1.283, abs=0.06)


def special_dividend(frames: Frames) -> bool:
    row = of(frames, "prices_daily", "special_dividend").filter(
        pl.col("dividends") > 0.1 * pl.col("close")
    )
    return row["date"].to_list() == [day("special_dividend")] and row["stock_splits"].item() == 0.0


def share_classes(frames: Frames) -> bool:
    rows = frames["instruments"].filter(pl.col("symbol").is_in(["SIM007", "SIM007-B"]))
    counts = frames["fundamentals_pit"].filter(pl.col("item") == "shares_outstanding")
    a, b = (
        of(frames, "prices_daily", name)["adj_close"].pct_change().drop_nulls()
        for name in ("first_class", "second_class")
    )
    close = pl.DataFrame({"a": a, "b": b}).select(pl.corr("a", "b")).item() > 0.98
    return (
        rows["cik"].n_unique() == 1
        and rows.height == 2
        and close
        and (not counts["symbol"].is_in(["SIM007", "SIM007-B"]).any())
    )


def listing(frames: Frames) -> bool:
    first = of(frames, "prices_daily", "listing")["date"].min()
    return first == day("listing") <= of(frames, "fundamentals_pit", "listing")["filed"].min()


def delisting(frames: Frames) -> bool:
    last = of(frames, "prices_daily", "delisting")["date"].max()
    later = of(frames, "fundamentals_pit", "delisting")["filed"].max()
    return last < day("delisting") and later < day("delisting")


def absent(name: str, trap: str) -> Callable[[Frames], bool]:
    return lambda frames: of(frames, name, trap).is_empty() and not frames[name].is_empty()


def scale_error(item: str, trap: str) -> Callable[[Frames], bool]:
    """One filing is wrong by 1,000, and the next one has its figure right again."""

    def check(frames: Frames) -> bool:
        rows = of(frames, "fundamentals_pit", trap).filter(pl.col("item") == item)
        newest = rows.group_by("filed").agg(pl.col("value").sort_by("period_end").last())
        ratio = newest.sort("filed")["value"].pct_change()
        first = newest.sort("filed").filter(pl.col("filed") >= day(trap))["filed"][0]
        wrong = newest.sort("filed").filter(ratio > 500.0)["filed"].to_list()
        return wrong == [first] and (ratio < -0.99).sum() == 1

    return check


def restatement(frames: Frames) -> bool:
    """The amended quarter is lower than first filed, and later filings keep to it."""
    rows = of(frames, "fundamentals_pit", "restatement").filter(pl.col("item") == "net_income")
    amended = rows.filter(pl.col("form") == "10-Q/A").sort("period_end").tail(1)
    others = rows.join(amended, on=["period_start", "period_end"], suffix="_amended")
    before = others.filter(pl.col("filed") < pl.col("filed_amended"))
    after = others.filter(pl.col("filed") > pl.col("filed_amended"))
    return (
        before.height == after.height == 1
        and before["value_amended"].item() < before["value"].item()
        and after["value_amended"].item() == after["value"].item()
    )


def reclassification(frames: Frames) -> bool:
    rows = of(frames, "sp500_constituents_history", "reclassification")
    return rows["gics_sector"].n_unique() == 2 and rows["snapshot_date"].max() >= day(
        "reclassification"
    )


def renaming(frames: Frames) -> bool:
    lists, members = frames["sp500_constituents_history"], frames["sp500_membership"]
    old = lists.filter(pl.col("symbol") == "OLD016")
    spans = members.filter(pl.col("symbol").is_in(["OLD016", "SIM016"])).sort("start_date")
    return (
        old["status"].to_list() == ["present", "removed"]
        and spans["end_date"].to_list() == [day("renaming"), None]
        and old["name"][0] != of(frames, "sp500_constituents_history", "renaming")["name"][0]
        and of(frames, "prices_daily", "renaming").height
        == frames["prices_daily"]["date"].n_unique()
    )


def late_filing(frames: Frames) -> bool:
    rows = of(frames, "fundamentals_pit", "late_filing").filter(pl.col("item") == "revenue")
    ends = rows.group_by("filed").agg(pl.col("period_end").max()).sort("filed")["period_end"]
    return (ends.diff().drop_nulls() < timedelta(0)).sum() == 1


def eps_basis(frames: Frames) -> bool:
    filed = of(frames, "fundamentals_pit", "eps_basis").filter(
        pl.col("item") == "eps_diluted", pl.col("form") == "10-Q"
    )
    told = of(frames, "events_earnings", "eps_basis").sort("reaction_date")
    both = filed.sort("filed").join_asof(told, left_on="filed", right_on="reaction_date")
    return (both["reported_eps"] / both["value"]).round(2).median() == 10.0


def late_member(frames: Frames) -> bool:
    lists = of(frames, "sp500_constituents_history", "late_member")
    start = of(frames, "sp500_membership", "late_member")["start_date"].item()
    return start == day("late_member") <= lists["snapshot_date"].min()


def removed_member(frames: Frames) -> bool:
    lists = of(frames, "sp500_constituents_history", "removed_member")
    prices = of(frames, "prices_daily", "removed_member")
    return lists["status"].to_list() == ["present", "removed"] and (
        prices["date"].max() == frames["prices_daily"]["date"].max()
    )


def halt(frames: Frames) -> bool:
    days = frames["prices_daily"]["date"].unique()
    missing = days.filter(~days.is_in(of(frames, "prices_daily", "halt")["date"].to_list())).sort()
    return missing.to_list() == [nyse().offset(day("halt"), i) for i in range(4)]


def mislabelled(frames: Frames) -> bool:
    rows = of(frames, "sp500_constituents_history", "mislabelled").sort("snapshot_date")
    return rows["gics_sector"].is_in(SECTORS).to_list() == [True, False, True]


CHECKS: dict[str, Callable[[Frames], bool]] = {
    "split_2_1": split("split_2_1"),
    "split_4_1": split("split_4_1"),
    "split_3_2": split("split_3_2"),
    "reverse_split": split("reverse_split"),
    "spin_off": split("spin_off"),
    "spin_off_twice": spin_off_twice,
    "first_class": share_classes,
    "second_class": share_classes,
    "listing": listing,
    "delisting": delisting,
    "no_earnings": absent("events_earnings", "no_earnings"),
    "balance_error": scale_error("assets", "balance_error"),
    "share_error": scale_error("shares_outstanding", "share_error"),
    "restatement": restatement,
    "reclassification": reclassification,
    "renaming": renaming,
    "late_filing": late_filing,
    "eps_basis": eps_basis,
    "no_esg": absent("esg_snapshot", "no_esg"),
    "late_member": late_member,
    "special_dividend": special_dividend,
    "halt": halt,
    "mislabelled": mislabelled,
    "removed_member": removed_member,
    "no_analysts": absent("events_analyst_ratings", "no_analysts"),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_is_in_the_smallest_market(frames, trap):
    assert CHECKS[trap](frames)


def test_a_larger_market_has_each_trap_once_in_every_sixty_companies():
    splits = simulate(n_symbols=130, n_sessions=90)["corporate_actions"].filter(
        pl.col("stock_splits") == 2.0
    )
    assert splits["symbol"].to_list() == ["SIM001", "SIM061", "SIM121"]
    assert splits["date"].n_unique() == 3


def test_financial_companies_file_neither_gross_profit_nor_capital_expenditure(frames):
    banks = frames["instruments"].filter(pl.col("gics_sector") == "Financials")["symbol"]
    items = frames["fundamentals_pit"].filter(pl.col("symbol").is_in(banks.to_list()))["item"]
    assert "gross_profit" not in items
    assert "net_income" in items


def test_cash_flows_are_filed_since_the_start_of_the_fiscal_year_only(frames):
    rows = frames["fundamentals_pit"].filter(
        pl.col("item") == "cf_operating", pl.col("fiscal_period") == "Q3"
    )
    months = (rows["period_end"] - rows["period_start"]).dt.total_days() / 30.4
    assert rows.height > 0
    assert months.is_between(8.9, 9.1).all()


def test_filings_come_twenty_to_sixty_days_after_the_quarter(frames):
    rows = frames["fundamentals_pit"].filter(
        pl.col("item") == "net_income",
        ~pl.col("form").str.ends_with("/A"),
        pl.col("symbol") != symbol("late_filing"),
    )
    newest = rows.group_by("symbol", "filed").agg(pl.col("period_end").max())
    lag = (newest["filed"] - newest["period_end"]).dt.total_days()
    assert lag.is_between(20, 64).all()  # a weekend or holiday at the end of the lag


def test_a_withdrawn_observation_of_the_economy_comes_back(frames):
    rows = frames["macro_vintages_fredmd"]
    gone = rows.filter(pl.col("value").is_null())
    versions = rows.join(gone, on=["series_id", "date"], how="semi").sort("vintage_month")
    assert gone.height == 1
    at = versions["value"].is_null().arg_max()
    assert versions["value"][at - 1] == versions["value"][at + 1]
    assert gone["available_date"].item() > FIRST


def test_revised_series_differ_from_their_first_print(frames):
    rows = frames["macro_vintages_fredmd"].filter(pl.col("series_id") == "INDPRO")
    prints = rows.group_by("date").agg(pl.col("value").n_unique())["value"]
    assert prints.median() >= 3
