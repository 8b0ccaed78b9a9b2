"""Predictors of the market from the vintages known at each session."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.signals import macro
from stocks_ai_assets.domain.transform import Window

FIRST, LAST = date(2020, 5, 1), date(2020, 6, 30)
PAST = nyse().between(date(2019, 1, 2), LAST)

Row = tuple[str, date, float | None, date]


def month(year: int, number: int) -> date:
    return date(year, number, 1)


def observations(*rows: Row) -> pl.DataFrame:
    schema = {
        "series_id": pl.String,
        "observation_date": pl.Date,
        "value": pl.Float64,
        "known_on": pl.Date,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def daily(series_id: str, values: np.ndarray) -> list[Row]:
    """One value a session, known at the next."""
    return [
        (series_id, day, float(value), known)
        for day, known, value in zip(PAST[:-1], PAST[1:], values, strict=False)
    ]


def claims(series_id: str, days: list[date], values: np.ndarray) -> list[Row]:
    known = [nyse().offset(nyse().next_or_same(day), 5) for day in days]
    return [(series_id, d, float(v), k) for d, v, k in zip(days, values, known, strict=True)]


@pytest.fixture(scope="module")
def economy():
    """Seventeen months; production is rebased by a vintage of 2020-05-29."""
    rng = np.random.default_rng(8)
    ten, two = (2.0 + np.cumsum(rng.normal(0, 0.03, len(PAST))) for _ in range(2))
    weeks = pl.date_range(date(2019, 1, 5), date(2020, 6, 13), "7d", eager=True).to_list()
    return {
        "market.macro_observations": observations(
            *daily("DGS10", ten),
            *daily("DGS2", two),
            *daily("VIXCLS", 20.0 + rng.normal(0, 2, len(PAST))),
            *daily("BAMLH0A0HYM2", np.full(len(PAST), 4.5)),
            ("BAA", month(2020, 4), 4.13, date(2020, 4, 30)),
            ("AAA", month(2020, 4), 2.43, date(2020, 4, 30)),
            ("INDPRO", month(2019, 3), 110.0, date(2019, 4, 30)),
            ("INDPRO", month(2019, 4), 109.0, date(2019, 5, 31)),
            ("INDPRO", month(2020, 3), 104.5, date(2020, 4, 30)),
            ("INDPRO", month(2019, 3), 99.0, date(2020, 5, 29)),
            ("INDPRO", month(2019, 4), 98.0, date(2020, 5, 29)),
            ("INDPRO", month(2020, 4), 93.1, date(2020, 5, 29)),
            ("UNRATE", month(2019, 4), 3.6, date(2019, 5, 31)),
            ("UNRATE", month(2020, 4), 14.7, date(2020, 5, 8)),
            ("UNRATE", month(2020, 4), None, date(2020, 6, 5)),
            ("CPIAUCSL", month(2018, 11), 252.0, date(2019, 1, 2)),
            ("CPIAUCSL", month(2019, 11), 257.0, date(2019, 12, 31)),
            *claims("ICSA", weeks, np.linspace(200.0, 300.0, len(weeks))),
        ),
        "market.benchmarks": pl.DataFrame(
            {"session": PAST, "known_on": PAST, "close_return": rng.normal(0, 0.01, len(PAST))}
        ).with_columns(benchmark=pl.lit("market"), open_return="close_return"),
    }


@pytest.fixture(scope="module")
def rows(economy, window_of, produce, signal_parameters):
    return produce(macro.transform(signal_parameters), economy, window_of(FIRST, LAST))


def at(rows: pl.DataFrame, day: date, name: str) -> float | None:
    return rows.filter(pl.col("session") == day)[name].item()


def test_growth_compares_two_months_of_the_vintage_known_at_the_session(rows):
    assert at(rows, date(2020, 5, 28), "industrial_production") == 104.5 / 110.0 - 1.0
    # The whole series was rebased: the new level is compared with the new past.
    assert at(rows, date(2020, 5, 29), "industrial_production") == 93.1 / 98.0 - 1.0


def test_trap_11_nothing_is_seen_before_its_publication(rows, economy):
    assert at(rows, date(2020, 5, 7), "unemployment_change") is None
    assert at(rows, date(2020, 5, 8), "unemployment_change") == pytest.approx(11.1)
    spread = {
        series: {known: value for id_, _, value, known in observed.iter_rows() if id_ == series}
        for series in ("DGS10", "DGS2")
        for observed in (economy["market.macro_observations"],)
    }
    for day in (date(2020, 5, 11), date(2020, 6, 22)):
        expected = spread["DGS10"][day] - spread["DGS2"][day]
        assert at(rows, day, "term_spread") == expected


def test_a_withdrawn_figure_is_not_known_any_more(rows):
    assert at(rows, date(2020, 6, 4), "unemployment_change") is not None
    assert at(rows, date(2020, 6, 5), "unemployment_change") is None


def test_a_day_without_a_quote_leaves_the_last_quote_standing(
    rows, economy, window_of, produce, signal_parameters
):
    holiday = observations(("DGS10", date(2020, 6, 30), None, LAST))
    known = pl.concat([economy["market.macro_observations"], holiday])
    facts = {**economy, "market.macro_observations": known}
    row = produce(macro.transform(signal_parameters), facts, window_of(LAST, LAST))
    assert row.equals(rows.tail(1))


def test_a_series_that_ended_falls_silent(rows):
    age = pl.col("session") - pl.lit(month(2019, 11))
    fresh = age.dt.total_days() <= macro.MONTHLY_AGE
    assert rows.filter(fresh)["inflation"].unique().to_list() == [257.0 / 252.0 - 1.0]
    assert rows.filter(~fresh)["inflation"].drop_nulls().is_empty()
    assert rows.filter(~fresh).height > 0


def test_spreads_are_in_percent_points(rows):
    assert at(rows, LAST, "credit_spread") == pytest.approx(1.70)
    assert rows["high_yield_spread"].unique().to_list() == [4.5]


def test_the_variance_premium_is_the_months_implied_less_its_realised_variance(rows, economy):
    market = economy["market.benchmarks"].sort("session")["close_return"].to_numpy()
    observed = economy["market.macro_observations"]
    vix = observed.filter(pl.col("series_id") == "VIXCLS").sort("known_on")["value"][-1]
    expected = (vix / 100.0) ** 2 / 12.0 - np.sum(market[-21:] ** 2)
    assert at(rows, LAST, "variance_premium") == pytest.approx(expected, rel=1e-12)


def test_the_yields_change_is_taken_against_its_mean_of_252_sessions(rows, economy):
    observed = economy["market.macro_observations"]
    ten = observed.filter(pl.col("series_id") == "DGS10").sort("known_on")["value"].to_numpy()
    expected = ten[-1] - ten[-252:].mean()
    assert at(rows, LAST, "yield_change") == pytest.approx(expected, rel=1e-12)


def test_claims_compare_four_weeks_with_a_year(rows, economy):
    observed = economy["market.macro_observations"]
    weekly = observed.filter(pl.col("series_id") == "ICSA").sort("known_on")["value"].to_numpy()
    expected = weekly[-4:].mean() / weekly[-52:].mean() - 1.0
    assert at(rows, LAST, "claims") == pytest.approx(expected, rel=1e-12)


def test_monthly_claims_stand_in_where_there_are_no_weekly_ones(
    economy, window_of, produce, signal_parameters
):
    months = pl.date_range(month(2019, 1), month(2020, 5), "1mo", eager=True).to_list()
    values = np.linspace(200.0, 300.0, len(months))
    weekly = economy["market.macro_observations"].filter(pl.col("series_id") != "ICSA")
    monthly = pl.concat([weekly, observations(*claims("CLAIMSx", months, values))])
    known = {**economy, "market.macro_observations": monthly}
    rows = produce(macro.transform(signal_parameters), known, window_of(LAST, LAST))
    expected = values[-1] / values[-12:].mean() - 1.0
    assert at(rows, LAST, "claims") == pytest.approx(expected, rel=1e-12)


def test_trap_10_a_year_of_claims_needs_a_year_of_history(
    economy, window_of, produce, signal_parameters
):
    window = window_of(date(2019, 12, 2), date(2020, 2, 28))
    rows = produce(macro.transform(signal_parameters), economy, window)
    known = rows.filter(pl.col("claims").is_not_null())["session"].min()
    # 48 weeks after the first observation, published five sessions later.
    assert known == nyse().offset(date(2019, 12, 9), 5)
    assert rows["claims"].null_count() == rows.filter(pl.col("session") < known).height


def test_a_range_equals_its_days_in_any_order_of_rows(
    rows, economy, window_of, produce, signal_parameters
):
    shuffled = {name: f.sample(fraction=1.0, shuffle=True, seed=4) for name, f in economy.items()}
    declared = macro.transform(signal_parameters)
    days = [produce(declared, shuffled, window_of(day, day)) for day in nyse().between(FIRST, LAST)]
    assert pl.concat(days).equals(rows)


def test_a_corrected_return_of_the_market_counts_from_when_it_was_known(
    rows, economy, window_of, produce, signal_parameters
):
    late = (
        economy["market.benchmarks"]
        .filter(pl.col("session") == PAST[-10])
        .with_columns(close_return=pl.lit(0.2), known_on=pl.lit(PAST[-4]))
    )
    known = {**economy, "market.benchmarks": pl.concat([economy["market.benchmarks"], late])}
    corrected = produce(macro.transform(signal_parameters), known, window_of(FIRST, LAST))
    changed = corrected["variance_premium"] != rows["variance_premium"]
    assert changed.to_list() == [False] * (len(changed) - 4) + [True] * 4


def test_regressions_see_the_same_predictors_from_the_first_fact_on(
    rows, economy, signal_parameters
):
    quarter = date(2020, 7, 1)
    window = Window(partitions=(quarter,), calendar=nyse(), parameters=signal_parameters)
    found = macro.macro_predictors(
        economy["market.macro_observations"], economy["market.benchmarks"], window
    )
    assert found["session"].to_list() == list(nyse().between(PAST[0], quarter))
    assert found.filter(pl.col("session").is_between(FIRST, LAST)).equals(rows)


def test_without_facts_there_are_no_predictors_and_a_session_without_them_is_null(
    economy, window_of, produce, signal_parameters
):
    nothing = {name: frame.clear() for name, frame in economy.items()}
    window = window_of(LAST, LAST)
    empty = macro.macro_predictors(
        nothing["market.macro_observations"], nothing["market.benchmarks"], window
    )
    assert empty.is_empty()
    row = produce(macro.transform(signal_parameters), nothing, window)
    assert row.drop("session").null_count().sum_horizontal().item() == 9
