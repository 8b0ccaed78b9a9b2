"""Volatility: a regression on the past alone; it beats simpler forecasts where volatility lasts."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from stocks_ai_assets.domain.agents.exposure import (
    VOLATILITY_FEATURES,
    model_parameters,
    volatility_forecast,
)
from stocks_ai_assets.domain.calendar import nyse, quarter_start, quarters_between
from stocks_ai_assets.domain.models.volatility import har_pairs, volatility_model
from stocks_ai_assets.domain.signals.risk import risk_features
from stocks_ai_assets.domain.transform import Parameters, Window
from stocks_ai_assets.tables import TABLES

FIRST, LAST, N = date(2016, 1, 4), date(2019, 12, 31), 24
SESSIONS = nyse().between(FIRST, LAST)
QUARTERS = quarters_between(date(2017, 10, 1), LAST)


def window(*quarters):
    return Window(
        partitions=quarters, calendar=nyse(), parameters=Parameters(first_session=FIRST, horizon=5)
    )


@pytest.fixture(scope="module")
def market():
    """Four years of prices whose log variance forgets slowly, and what is known when."""
    rng = np.random.default_rng(6)
    n, steps = len(SESSIONS), 26
    log_variance = np.zeros((N, n))
    slow, fast = np.zeros(N), np.zeros(N)
    for i in range(n):
        slow = 0.99 * slow + 0.08 * rng.normal(size=N)
        fast = 0.85 * fast + 0.25 * rng.normal(size=N)
        log_variance[:, i] = -8.4 + slow + fast
    sd = np.sqrt(np.exp(log_variance) / steps)
    path = np.cumsum(sd[..., None] * rng.normal(size=(N, n, steps)), axis=2)
    start = np.concatenate([np.zeros((N, 1)), np.cumsum(path[:, :-1, -1], axis=1)], axis=1)
    level = 100 * np.exp(start[..., None] + np.concatenate([np.zeros((N, n, 1)), path], axis=2))
    prices = pl.DataFrame(
        {
            "symbol": [f"S{i:02d}" for i in range(N) for _ in SESSIONS],
            "session": list(SESSIONS) * N,
            "known_on": list(SESSIONS) * N,
            "open": level[..., 0].ravel(),
            "high": level.max(axis=2).ravel(),
            "low": level.min(axis=2).ravel(),
            "close": level[..., -1].ravel(),
        }
    )
    return {
        "prices": prices,
        "corporate_actions": pl.DataFrame(schema=TABLES["market.corporate_actions"].schema),
        "benchmarks": pl.DataFrame(schema=TABLES["market.benchmarks"].schema),
    }


@pytest.fixture(scope="module")
def fitted(market):
    return volatility_model(market, window(*QUARTERS))


def parameters_of(rows, *quarters):
    found = model_parameters(rows, "volatility")
    return {quarter: found[quarter] for quarter in quarters}


def qlike(variance, realized):
    """Loss of a variance forecast (Patton 2011); 0 for a perfect one."""
    return float(np.mean(realized / variance - np.log(realized / variance) - 1.0))


def test_the_model_beats_ewma_and_the_variance_of_the_last_year_out_of_sample(market, fitted):
    features, n = risk_features(**market), len(SESSIONS)
    panel = {
        name: features[name].fill_null(float("nan")).to_numpy().reshape(N, n)
        for name in ("total_return", *VOLATILITY_FEATURES)
    }
    square = np.nan_to_num(panel["total_return"]) ** 2
    found = model_parameters(fitted, "volatility")
    by_day = {
        name: np.array([found.get(quarter_start(day), {}).get(name, np.nan) for day in SESSIONS])
        for name in found[QUARTERS[0]]
    }
    variance = {"har": volatility_forecast(panel, by_day) ** 2}
    variance["ewma"] = np.zeros((N, n))
    variance["year"] = np.zeros((N, n))
    for i in range(252, n):
        variance["ewma"][:, i] = 0.94 * variance["ewma"][:, i - 1] + 0.06 * square[:, i]
        variance["year"][:, i] = square[:, i - 251 : i + 1].mean(axis=1)
    first = SESSIONS.index(date(2017, 10, 2))
    realized = np.stack([square[:, i + 1 : i + 22].mean(axis=1) for i in range(first, n - 21)], 1)
    loss = {name: qlike(each[:, first : n - 21], realized) for name, each in variance.items()}
    assert loss["har"] < 0.9 * loss["ewma"]
    assert loss["har"] < 0.9 * loss["year"]


@pytest.mark.parametrize("n_symbols", [1, 5])
def test_the_model_has_the_same_bits_however_many_symbols_are_read_at_once(
    market, fitted, monkeypatch, n_symbols
):
    # The last symbol is listed late: alone, its history is shorter than the market's.
    late = market["prices"].filter((pl.col("symbol") < "S23") | (pl.col("session") > SESSIONS[99]))
    facts = {**market, "prices": late}
    whole = volatility_model(facts, window(*QUARTERS))
    assert not whole.equals(fitted)
    monkeypatch.setattr(
        "stocks_ai_assets.domain.models.volatility.ROWS_AT_ONCE", n_symbols * len(SESSIONS)
    )
    assert volatility_model(facts, window(*QUARTERS)).equals(whole)


def test_a_pair_sets_the_features_of_a_session_beside_what_the_next_21_brought(market):
    features = risk_features(**market)
    pairs = har_pairs(features)
    one = features.filter(pl.col("symbol") == "S05")
    at = SESSIONS.index(date(2018, 5, 1))
    row = pairs.filter(
        pl.col("log_parkinson_1") == one["log_parkinson_1"][at],
        pl.col("ended") == SESSIONS[at + 21],
    )
    realized = (one["total_return"].to_numpy()[at + 1 : at + 22] ** 2).mean()
    assert row["target"].item() == pytest.approx(np.log(realized))


def test_the_line_is_that_of_least_squares_on_pairs_that_ended_before_the_quarter(market, fitted):
    quarter = QUARTERS[3]
    pairs = har_pairs(risk_features(**market)).filter(pl.col("ended") < quarter)
    x = np.column_stack([np.ones(pairs.height), pairs.select(VOLATILITY_FEATURES).to_numpy()])
    line = np.linalg.lstsq(x, pairs["target"].to_numpy(), rcond=None)[0]
    found = parameters_of(fitted, quarter)[quarter]
    assert [found[name] for name in ("intercept", *VOLATILITY_FEATURES)] == pytest.approx(
        line, rel=1e-6
    )
    residual = pairs["target"].to_numpy() - x @ line
    assert found["smearing"] == pytest.approx(np.exp(residual).mean(), rel=1e-6)
    row = fitted.filter(pl.col("quarter") == quarter).row(0, named=True)
    assert row["n_rows"] == pairs.height
    assert row["fitted_through"] == nyse().previous_or_same(quarter - timedelta(days=1))


def test_models_keep_the_contract_of_their_table(fitted):
    rows = TABLES["agents.models"].contract.validate(fitted)
    assert rows["quarter"].to_list() == list(QUARTERS)
    assert rows["model_version"].n_unique() == len(QUARTERS)
    assert set(rows["horizon"]) == {21}


@pytest.mark.parametrize("quarter", [QUARTERS[0], QUARTERS[5]])
def test_a_quarter_alone_is_the_same_and_sees_nothing_of_itself(market, fitted, quarter):
    alone = volatility_model(market, window(quarter))
    assert alone.equals(fitted.filter(pl.col("quarter") == quarter))
    own = pl.col("session") >= quarter
    absurd = market["prices"].with_columns(
        pl.when(own).then(pl.col(name) * scale).otherwise(name).alias(name)
        for name, scale in (("high", 50.0), ("close", 7.0))
    )
    for prices in (absurd, market["prices"].filter(~own)):
        assert volatility_model({**market, "prices": prices}, window(quarter)).equals(alone)


def test_the_last_session_before_the_quarter_counts(market, fitted):
    quarter = QUARTERS[5]
    eve = nyse().previous_or_same(quarter - timedelta(days=1))
    changed = market["prices"].with_columns(
        close=pl.when(pl.col("session") == eve).then(pl.col("close") * 1.2).otherwise("close")
    )
    found = volatility_model({**market, "prices": changed}, window(quarter))
    assert parameters_of(found, quarter) != parameters_of(fitted, quarter)


@pytest.mark.parametrize(
    ("known_on", "first"),
    [
        (date(2018, 8, 1), date(2018, 10, 1)),
        (date(2018, 9, 28), date(2018, 10, 1)),
        (date(2018, 10, 1), date(2019, 1, 1)),
    ],
    ids=["during a quarter", "on its last session", "on its first session"],
)
def test_a_correction_reaches_the_first_quarter_that_begins_after_it_became_known(
    market, fitted, known_on, first
):
    wrong = market["prices"].filter(pl.col("symbol") == "S03", pl.col("session") == SESSIONS[500])
    corrected = wrong.with_columns(
        known_on=known_on, high=pl.col("high") * 1.5, close=pl.col("close") * 1.4
    )
    facts = {**market, "prices": pl.concat([market["prices"], corrected])}
    together = volatility_model(facts, window(*QUARTERS))
    for quarter in QUARTERS:
        alone = volatility_model(facts, window(quarter))
        assert alone.equals(together.filter(pl.col("quarter") == quarter))
        unchanged = alone.equals(fitted.filter(pl.col("quarter") == quarter))
        assert unchanged == (quarter < first)


def test_the_order_of_rows_changes_no_bit(market, fitted):
    shuffled = {**market, "prices": market["prices"].sample(fraction=1.0, shuffle=True, seed=2)}
    assert volatility_model(shuffled, window(*QUARTERS)).equals(fitted)


def test_fewer_than_a_thousand_pairs_make_no_model(market):
    few = {**market, "prices": market["prices"].filter(pl.col("symbol") < "S03")}
    pairs = har_pairs(risk_features(**few))
    quarters = quarters_between(date(2017, 1, 1), date(2018, 4, 1))
    found = volatility_model(few, window(*quarters))
    enough = [q for q in quarters if pairs.filter(pl.col("ended") < q).height >= 1000]
    assert found["quarter"].to_list() == enough
    assert 0 < len(enough) < len(quarters)


def test_without_prices_there_is_no_model(market):
    nothing = {**market, "prices": market["prices"].clear()}
    assert volatility_model(nothing, window(*QUARTERS)).is_empty()
