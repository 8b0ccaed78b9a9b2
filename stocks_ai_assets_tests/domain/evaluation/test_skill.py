"""Skill by quarter: what is known, what is luck, what is suspicious."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from stocks_ai_assets.domain.evaluation.limits import suspicions
from stocks_ai_assets.domain.evaluation.skill import agent_skill
from stocks_ai_assets.tables import TABLES

KEY = ["quarter", "agent", "label", "window"]


@pytest.fixture(scope="module")
def table(world):
    return agent_skill(world.frames, world.by_quarter())


def test_it_keeps_its_contract(table):
    TABLES["evaluation.agent_skill"].contract.validate(table)


def test_agents_supervisor_and_plain_mean_stand_beside_each_other(table, world):
    last = table.filter(pl.col("quarter") == world.quarters[-1])
    assert set(last["agent"]) == {"events", "risk", "esg", "supervisor", "equal_weight"}
    assert set(last["label"]) == {"raw", "residual"}
    assert set(last["window"]) == {"all", "252"}


def test_nothing_is_known_before_the_first_label_matured(table, world):
    assert table["quarter"].min() == world.quarters[1]


def test_an_agent_has_no_rows_before_its_first_matured_score(table, world):
    started = world.frames["predictions"].filter(agent="esg")["prediction_date"].min()
    assert table.filter(agent="esg")["quarter"].min() > started


def test_only_outcomes_matured_strictly_before_the_quarter_count(table, world):
    quarter = world.quarters[-1]
    first = world.calendar.next_or_same(quarter)
    matured = world.frames["outcomes"].filter(pl.col("matured_on") < first)
    n = matured["prediction_date"].n_unique()
    row = table.filter(quarter=quarter, agent="risk", label="raw", window="all")
    assert row.item(0, "n_sessions") == n
    later = pl.col("matured_on") >= first
    poisoned = world.frames["outcomes"].with_columns(
        total_return=pl.when(later).then(99.0).otherwise("total_return"),
        market_return=pl.when(later).then(-0.9).otherwise("market_return"),
    )
    again = agent_skill(world.frames | {"outcomes": poisoned}, world.by_quarter(quarter))
    expected = table.filter(pl.col("quarter") == quarter)
    assert_frame_equal(again.sort(KEY), expected.sort(KEY), check_exact=True)


def test_a_quarter_alone_and_shuffled_gives_the_bits_of_the_range(table, world):
    for quarter in world.quarters[1:]:
        known = {
            name: frame.sample(fraction=1.0, shuffle=True, seed=3)
            for name, frame in world.known_before(quarter).items()
        }
        alone = agent_skill(known, world.by_quarter(quarter))
        expected = table.filter(pl.col("quarter") == quarter)
        assert_frame_equal(alone.sort(KEY), expected.sort(KEY), check_exact=True)


def test_coverage_is_the_share_of_outcomes_with_a_prediction(table, world):
    last = table.filter(quarter=world.quarters[-1], label="raw", window="all")
    coverage = dict(last.select("agent", "coverage").iter_rows())
    assert coverage["risk"] == 1.0
    assert coverage["events"] == pytest.approx(0.8, abs=0.02)


def with_score(world, name, score):
    """The world with one agent whose score is an expression over outcomes and technical."""
    outcomes = world.frames["outcomes"].join(
        world.frames["technical"],
        left_on=["symbol", "prediction_date"],
        right_on=["symbol", "session"],
    )
    rank = pl.col("x").rank().over("prediction_date")
    count = pl.len().over("prediction_date")
    predictions = (
        outcomes.sort("symbol", "prediction_date")
        .with_columns(x=score)
        .select(
            pl.lit(name).alias("agent"),
            "symbol",
            "prediction_date",
            (2 * (rank - 0.5) / count - 1).alias("score"),
        )
    )
    return world.frames | {"predictions": predictions}


def last_rows(world, frames):
    rows = agent_skill(frames, world.by_quarter(world.quarters[-1]))
    return rows.filter(pl.col("window").is_in(["all", "1260"]))


def test_random_scores_are_neither_significant_nor_suspicious(long_world):
    rng = np.random.default_rng(5)
    placebos = [
        with_score(long_world, f"placebo {i}", pl.Series(noise))["predictions"]
        for i, noise in enumerate(rng.normal(size=(12, long_world.frames["outcomes"].height)))
    ]
    frames = long_world.frames | {"predictions": pl.concat(placebos)}
    rows = last_rows(long_world, frames).filter(pl.col("agent").str.starts_with("placebo"))
    assert rows.height == 4 * 12
    assert not rows["significant"].any()
    assert not rows["suspicious"].any()
    assert rows["rank_ic"].abs().max() < 0.02
    assert 0.6 < rows.filter(label="residual", window="all")["t_newey_west"].std() < 1.6
    assert rows.select(pl.lit(0.0).is_between("ic_low", "ic_high")).to_series().mean() > 0.8


def test_share_classes_of_one_issuer_have_one_vote(world, table):
    sector = world.frames["sector"]
    twin = pl.col("symbol") == "S01"
    copies = {
        name: pl.concat([f, f.filter(twin).with_columns(symbol=pl.lit("S01B"))])
        for name, f in world.frames.items()
        if "symbol" in f.columns and name != "sector"
    }
    rows = sector.filter(twin).with_columns(symbol=pl.lit("S01B"))
    copies["sector"] = pl.concat([sector, rows])
    doubled = agent_skill(world.frames | copies, world.by_quarter())
    voted = [c for c in table.columns if c not in {"coverage", "turnover"}]
    assert_frame_equal(
        doubled.sort(KEY).select(voted), table.sort(KEY).select(voted), check_exact=True
    )


def test_momentum_that_sees_the_month_of_its_label_is_flagged(long_world):
    past = pl.col("open_return").rolling_mean(20).over("symbol").fill_null(0.0)
    honest = last_rows(long_world, with_score(long_world, "momentum", past))
    leaking = last_rows(
        long_world,
        with_score(long_world, "momentum", past.shift(-15).over("symbol").fill_null(0.0)),
    )
    honest, leaking = (rows.filter(agent="momentum") for rows in (honest, leaking))
    assert not honest["suspicious"].any()
    assert leaking["suspicious"].all()
    assert leaking["rank_ic"].min() > 0.2
    assert all("rank IC" in text and "|t|" in text for text in leaking["suspicion"])


def test_planted_skill_comes_back_as_large_as_it_was_planted(long_world):
    rng = np.random.default_rng(6)
    noise = pl.Series(rng.normal(size=long_world.frames["outcomes"].height))
    residual = pl.col("total_return").rank().over("prediction_date") / 40 - 0.5
    rows = last_rows(
        long_world, with_score(long_world, "planted", 0.05 * residual * 12**0.5 + noise)
    ).filter(agent="planted", window="all", label="raw")
    assert rows.item(0, "rank_ic") == pytest.approx(0.05, abs=0.01)


def test_the_residual_label_takes_away_what_only_beta_earned(long_world):
    frames = with_score(long_world, "foresight of the market", pl.col("market_return"))
    beta = long_world.frames["risk"].rename({"session": "prediction_date"})
    market = long_world.frames["outcomes"].select("symbol", "prediction_date", "market_return")
    bet = (
        market.join(beta, on=["symbol", "prediction_date"])
        .with_columns(x=pl.col("beta_raw") * pl.col("market_return").sign())
        .with_columns(
            score=2 * pl.col("x").rank().over("prediction_date") / pl.len().over("prediction_date")
            - 1
        )
    )
    predictions = bet.select(pl.lit("bet").alias("agent"), "symbol", "prediction_date", "score")
    rows = last_rows(long_world, frames | {"predictions": predictions})
    ic = dict(rows.filter(agent="bet", window="all").select("label", "rank_ic").iter_rows())
    assert ic["raw"] > 0.1
    assert abs(ic["residual"]) < 0.02


def test_limits_apply_only_to_histories_long_enough_for_them():
    good = {"rank_ic": 0.2, "hit_rate": 0.6, "spread_sharpe": 3.0, "t": 9.0}
    assert suspicions(n_sessions=251, **good) is None
    assert suspicions(n_sessions=252, **good) == "|t| 9.0 > 4"
    assert suspicions(n_sessions=1260, **good).count(";") == 3
    nothing = dict.fromkeys(good, float("nan"))
    assert suspicions(n_sessions=1260, **nothing) is None
