"""What the supervisor made of the agents: weights, their vote, and what it has been worth."""

from datetime import date
from math import e, fsum, sqrt
from statistics import NormalDist, mean, stdev, variance

import polars as pl
import pytest

pytestmark = pytest.mark.real

VOTERS = ("fundamentals", "valuation", "technical", "events", "sector")
YEAR = 252


def items(pairs):
    return {pair["key"]: pair["value"] for pair in pairs}


@pytest.fixture(scope="module")
def skills(table):
    """Shrunk ic of every voter in a quarter's models."""

    def of(quarter):
        rows = table("agents.models").filter(
            pl.col("quarter") == quarter, pl.col("model").is_in(VOTERS)
        )
        models = rows.select("model", "parameters").iter_rows()
        return {name: items(parameters)["ic"] for name, parameters in models}

    return of


@pytest.fixture(scope="module")
def weights(table):
    rows = table("meta.supervisor_models").select("quarter", "weights").iter_rows()
    return {quarter: items(pairs) for quarter, pairs in rows}


@pytest.mark.parametrize("quarter", [date(2017, 4, 1), date(2022, 10, 1)])
def test_weights_are_a_quarter_spread_evenly_and_the_rest_by_shrunk_skill(quarter, skills, weights):
    ic = skills(quarter)
    total = fsum(ic.values())
    assert total > 0.0
    expected = {name: 0.25 / 5 + 0.75 * ic[name] / total for name in VOTERS}
    assert weights[quarter] == pytest.approx(expected, abs=1e-12)


def test_the_first_quarter_has_no_skill_and_equal_weights(skills, weights):
    first = min(weights)
    assert set(skills(first).values()) == {0.0}
    assert weights[first] == dict.fromkeys(VOTERS, pytest.approx(0.2))


def test_the_synthesized_score_is_the_rank_of_the_weighted_votes(table, weights):
    session, quarter = date(2022, 11, 15), date(2022, 10, 1)
    scores = {}
    for agent in VOTERS:
        rows = table("agents.predictions", "symbol", "prediction_date", "score", only=agent)
        of_day = rows.filter(pl.col("prediction_date") == session)
        scores[agent] = dict(of_day.select("symbol", "score").iter_rows())
    votes = {}
    for symbol in sorted(set().union(*scores.values())):
        present = [agent for agent in VOTERS if symbol in scores[agent]]
        weight = fsum(weights[quarter][agent] for agent in present)
        if len(present) >= 3 and weight >= 0.5 and symbol != "GOOGL":
            said = fsum(weights[quarter][agent] * scores[agent][symbol] for agent in present)
            votes[symbol] = said / weight
    ordered = sorted(votes.values())
    expected = {
        symbol: 2.0 * ordered.index(value) / (len(ordered) - 1) - 1.0
        for symbol, value in votes.items()
    }
    stored = table("meta.synthesized_predictions").filter(pl.col("prediction_date") == session)
    found = dict(stored.select("symbol", "score").iter_rows())
    assert len(expected) >= 100
    assert found.pop("GOOGL") == found["GOOG"]
    assert found == pytest.approx(expected, abs=1e-9)


def test_the_deflated_sharpe_ratio_is_that_of_the_returns_the_spreads_and_the_ledger(
    table, last_quarter
):
    returns = table("portfolio.returns").filter(pl.col("session") < last_quarter).sort("session")
    net = {}
    for strategy in ("long_only", "long_short", "equal_agents"):
        rows = returns.filter(pl.col("strategy") == strategy)
        held = (rows["n_long"] + rows["n_short"] > 0).to_list()
        net[strategy] = rows["net_return"].to_list()[held.index(True) :]
    tried = [mean(series) / stdev(series) for series in net.values()]
    skill = table("evaluation.agent_skill").filter(
        pl.col("quarter") == last_quarter,
        pl.col("label") == "residual",
        pl.col("window") == "all",
        ~pl.col("agent").is_in(["supervisor", "equal_weight"]),
    )
    tried += [sharpe / sqrt(YEAR) for sharpe in skill["spread_sharpe"]]
    n = table("evaluation.trials").height
    best, second = (NormalDist().inv_cdf(1.0 - 1.0 / each) for each in (n, n * e))
    luck = sqrt(variance(tried)) * ((1.0 - 0.5772156649) * best + 0.5772156649 * second)

    series = net["long_only"]
    sharpe, middle = mean(series) / stdev(series), mean(series)
    moment = [mean((x - middle) ** power for x in series) for power in (2, 3, 4)]
    skewness, kurtosis = moment[1] / moment[0] ** 1.5, moment[2] / moment[0] ** 2
    error = sqrt((1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2) / (len(series) - 1))
    deflated = NormalDist().cdf((sharpe - luck) / error)

    stored = table("evaluation.performance").filter(
        pl.col("quarter") == last_quarter, pl.col("strategy") == "long_only"
    )
    row = stored.row(0, named=True)
    assert (row["n_sessions"], row["n_trials"]) == (len(series), n)
    assert len(tried) == 10
    assert row["sharpe"] == pytest.approx(sharpe * sqrt(YEAR), rel=1e-9)
    assert row["expected_max_sharpe"] == pytest.approx(luck, rel=1e-9)
    assert row["deflated_sharpe"] == pytest.approx(deflated, rel=1e-9)
    assert deflated < 0.95, "a deflated Sharpe ratio that would be significant"
