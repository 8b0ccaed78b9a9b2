"""Planted skill comes out as promised, and nothing else foretells returns."""

import numpy as np
import polars as pl
import pytest

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.graph import transform
from stocks_ai_assets.domain.transform import Parameters, Window
from stocks_ai_assets.sources.folder import FolderSource
from stocks_ai_assets.sources.sample import PLANTED, simulate
from stocks_ai_assets.sources.sample.skill import neutral_rank
from stocks_ai_assets_tests.sources.sample.conftest import (
    FIRST,
    SEED,
    World,
    rank_correlation,
    world,
)

HORIZON = 21


def residual_returns(world: World):
    """Return from the next open over 21 sessions less true beta times the market's."""
    traded, lead = world.traded, world.line.lead
    opens = np.where(traded.present, traded.open, np.nan)
    paid = np.where(traded.split == 1.0, traded.dividend, 0.0)
    growth = (opens[1:] * traded.split[1:] + paid[1:]) / opens[:-1]
    whole = (1.0 + world.whole.intraday[lead:-1]) * (1.0 + world.whole.overnight[lead + 1 :])
    held = [np.cumsum(np.log(x), axis=0) for x in (growth, whole)]
    own, common = (np.expm1(x[HORIZON:] - x[:-HORIZON]) for x in held)
    # Row t of `held` ends at the open of t+1: label of session t runs from t+1 to t+1+horizon.
    return own - world.members.beta * common[:, None]


def skill(world: World, score) -> float:
    label = residual_returns(world)
    sessions = np.arange(world.line.first, len(label), 5)
    return rank_correlation(score[sessions], label[sessions])


@pytest.mark.parametrize("agent", ["valuation", "technical"])
def test_a_planted_agent_has_the_skill_that_is_documented(worlds, agent):
    found = np.mean([skill(world, getattr(world.traded, agent)) for world in worlds])
    assert found == pytest.approx(PLANTED[agent], abs=0.015)


def as_known(world: World, values):
    """Values by quarter as they were known at each position."""
    known = np.full(world.traded.close.shape, np.nan)
    for quarter in range(4, len(values)):
        since = np.arange(world.line.length)[:, None] > world.books.filed[quarter]
        known = np.where(since, values[quarter], known)
    return known


def reactions(world: World):
    """Surprise of the last announcement, fading over 63 sessions."""
    at = np.arange(world.line.length)[:, None]
    last = np.full(world.traded.close.shape, np.nan)
    for quarter, reacting in enumerate(world.books.reacting):
        since = at - reacting
        fading = world.books.surprise[quarter] * (1.0 - since / 63.0)
        last = np.where((since >= 0) & (since < 63), fading, last)
    return last


def fundamentals(world: World):
    """Mean rank of profitability, low accruals and low asset growth, as the agent has it."""
    books, sector = world.books.figures, world.members.sector
    assets = books["assets"]
    year = {name: as_known(world, four_quarters(books[name]) / assets) for name in FLOWS}
    growth = np.full(assets.shape, np.nan)
    growth[4:] = assets[4:] / assets[:-4] - 1.0
    parts = (
        (year["gross_profit"], year["net_income"]),
        (year["cf_operating"] - year["net_income"],),
        (-as_known(world, growth),),
    )
    return sum(
        sum(np.stack([neutral_rank(row, sector) for row in value]) for value in part) / len(part)
        for part in parts
    )


FLOWS = ("gross_profit", "net_income", "cf_operating")


def four_quarters(flow):
    total = np.full(flow.shape, np.nan)
    total[3:] = flow[3:] + flow[2:-1] + flow[1:-2] + flow[:-3]
    return total


CHARACTERISTICS = {
    "fundamentals": fundamentals,
    "size": lambda w: np.broadcast_to(w.members.market_cap, w.traded.close.shape),
    "beta": lambda w: np.broadcast_to(w.members.beta, w.traded.close.shape),
    "surprise": reactions,
}


@pytest.mark.parametrize("name", CHARACTERISTICS)
def test_what_was_not_planted_foretells_nothing(worlds, name):
    found = np.mean([skill(world, CHARACTERISTICS[name](world)) for world in worlds])
    assert abs(found) < 0.02


def test_prices_lean_towards_what_the_agents_see():
    """Signals of the project, from the simulated files, against the characteristics planted."""
    raw = simulate(n_symbols=60, seed=SEED, first_session=FIRST, n_sessions=150)
    inside = world(SEED, 60, 150)
    source = FolderSource(raw, nyse(), name="sample", simulated=True)
    session, parameters = source.last_session(), Parameters(first_session=FIRST)
    window = Window(partitions=(session,), calendar=nyse(), parameters=parameters)
    tables = ("prices", "corporate_actions", "company_facts")
    found = {name: source.read(f"market.{name}", None, session) for name in tables}
    for name in ("technical", "fundamentals", "valuation"):
        found[name] = transform(f"signals/{name}", parameters).function(found, window)
    symbols = pl.DataFrame({"symbol": inside.members.symbols})
    seen = {
        name: symbols.join(found[name], on="symbol", how="left", maintain_order="left")
        for name in ("technical", "valuation")
    }
    sector = inside.members.sector
    momentum = seen["technical"]["momentum_252_21"] / seen["technical"]["volatility_126"]
    ratios = ("earnings_to_price", "book_to_price", "free_cash_flow_to_price")
    ranks = [
        neutral_rank(seen["valuation"][r].cast(pl.Float64).fill_null(np.nan).to_numpy(), sector)
        for r in ratios
    ]
    count = np.sum(~np.isnan(ranks), axis=0)
    value = np.where(count >= 2, np.nansum(ranks, axis=0) / np.maximum(count, 1), np.nan)
    momentum = neutral_rank(momentum.fill_null(np.nan).to_numpy(), sector)
    for ours, planted in (
        (momentum, inside.traded.technical[-1]),
        (value, inside.traded.valuation[-1]),
    ):
        assert rank_correlation(ours[None], planted[None]) > 0.9
