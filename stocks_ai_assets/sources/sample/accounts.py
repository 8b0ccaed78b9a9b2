"""What the companies earn and own by quarter, and when they say so.

Independent of prices: what prices know about it comes through the planted skill and the reactions
to announcements only.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stocks_ai_assets.sources.sample.companies import FINANCIALS, NEVER, Companies
from stocks_ai_assets.sources.sample.timeline import (
    Days,
    Flags,
    Floats,
    Integers,
    Timeline,
    persistent,
    stream,
)
from stocks_ai_assets.sources.sample.traps import first_after, holders, positions

MONTHS_BEFORE = 33
"""Months of accounts before the first price: trailing years are complete from there on."""

FIRST_FILED = 4
"""Quarters before it are only found as comparatives of later filings."""

LATE_SESSIONS = 105
AMENDED_AFTER = 70
"""Sessions between a filing and its late date, and between a filing and its amendment."""

EXPECTED_SURPRISE = 0.75
"""Mean surprise in standard deviations: three of four announcements beat the estimate."""

PROFIT_IN_PRICE = 0.4
"""Log price to book for one sd of profitability; keeps the valuation score and the fundamentals
score unrelated, so that skill planted in one is not found in the other."""

FLOWS = (
    "revenue",
    "cost_of_revenue",
    "gross_profit",
    "operating_income",
    "net_income",
    "cf_operating",
    "capex",
)
STOCKS = ("assets", "liabilities", "equity")


@dataclass(frozen=True, kw_only=True, eq=False)
class Accounts:
    """Quarters x symbols.

    Attributes
    ----------
    month
        Last month of the fiscal quarter.
    fiscal_quarter
        0 to 3; 3 ends the fiscal year.
    announced, filed, amended
        Positions of the sessions; `amended` beyond every timeline where nothing is restated.
    before_open
        Whether the announcement comes before the open.
    surprise, reaction
        Of the announcement: in sd of surprises, and in units of the company's own volatility.
    shares
        Share count but for splits.
    figures, restated
        USD by item as first filed, and as known after amendments; flows by quarter.
    """

    month: Days
    fiscal_quarter: Integers
    announced: Integers
    filed: Integers
    amended: Integers
    before_open: Flags
    surprise: Floats
    reaction: Floats
    shares: Floats
    figures: Mapping[str, Floats]
    restated: Mapping[str, Floats]

    @property
    def reacting(self) -> Integers:
        """Position of the first session that can react to each announcement."""
        return self.announced + ~self.before_open

    @property
    def period_end(self) -> Days:
        """Last day of each quarter."""
        return (self.month + 1).astype("datetime64[D]") - 1


def accounts(seed: int, members: Companies, line: Timeline) -> Accounts:
    """Draw all quarters that end before the last session."""
    start = line.company_days[0].astype("datetime64[M]")
    start -= start.astype(int) % 3 + MONTHS_BEFORE - 2
    quarters = np.arange(start, line.last_day.astype("datetime64[M]"), 3)
    shape = (len(quarters), members.n)

    kind = stream(seed, "fiscal years").random((3, members.n))[:, members.issuer]
    month = quarters[:, None] + (kind[0] < 0.2).astype(int)
    year_end = np.where(kind[1] < 0.7, 0, np.where(kind[1] < 0.85, 1, 2))
    fiscal_quarter = (quarters.astype(int)[:, None] // 3 % 4 + year_end) % 4

    ends = (month + 1).astype("datetime64[D]") - 1
    lag = stream(seed, "filing lags").random((*shape, 2))[:, members.issuer]
    days = 20.0 + 25.0 * lag[:, :, 0] + np.where(fiscal_quarter == 3, 15.0, 0.0)
    filed = line.position(ends + days.astype("timedelta64[D]"))
    announced = line.position(ends + (days - 10.0 * lag[:, :, 1]).astype("timedelta64[D]"))
    late, when = holders("late_filing", members.n), positions("late_filing", members.n, line)
    filed[:, late] += np.where(first_after(filed[:, late], when), LATE_SESSIONS, 0)

    figures = _figures(seed, members, shape)
    restated, amended = _restated(figures, filed, members, line)
    draws = stream(seed, "surprises").standard_normal((*shape, 2))[:, members.issuer]
    surprise = EXPECTED_SURPRISE + draws[:, :, 0]
    return Accounts(
        month=month,
        fiscal_quarter=fiscal_quarter,
        announced=announced,
        filed=filed,
        amended=amended,
        before_open=np.broadcast_to(kind[2] < 0.5, shape),
        surprise=surprise,
        reaction=1.5 * (surprise - EXPECTED_SURPRISE) + 0.8 * draws[:, :, 1],
        shares=_shares(seed, members, shape),
        figures=figures,
        restated=restated,
    )


def jumps(books: Accounts, members: Companies, line: Timeline) -> tuple[Flags, Floats]:
    """Sessions that react to an announcement, and how; positions x symbols."""
    reacting = np.zeros((line.length, members.n), dtype=bool)
    reaction = np.zeros((line.length, members.n))
    quarter, who = np.nonzero((books.reacting >= 0) & (books.reacting < line.length))
    at = books.reacting[quarter, who]
    reacting[at, who] = True
    reaction[at, who] = books.reaction[quarter, who]
    return reacting, reaction


def _shares(seed: int, members: Companies, shape: tuple[int, ...]) -> Floats:
    """Share counts but for splits: a little less every quarter, in whole thousands."""
    noise = stream(seed, "share counts").standard_normal(shape)[:, members.issuer]
    change = np.cumsum(-0.0015 + 0.002 * noise, axis=0)
    return np.round(members.shares * np.exp(change), -3)


def _figures(seed: int, members: Companies, shape: tuple[int, ...]) -> dict[str, Floats]:
    """Balance sheets and quarterly flows in whole thousands of USD."""
    rng = stream(seed, "company accounts")
    level = rng.standard_normal((7, members.n))[:, members.issuer]
    noise = stream(seed, "accounts").standard_normal((*shape, 6))[:, members.issuer]
    growth, income, gross, cash, leverage, spread = np.moveaxis(noise, 2, 0)

    financial = members.sector == FINANCIALS
    scale = np.where(financial, 0.2, 1.0)
    equity_ratio = np.where(financial, 0.1, np.clip(0.45 + 0.12 * level[0], 0.15, 0.8))
    # Profitable companies cost more than their books say, so that profit is no bargain.
    price_to_book = np.exp(1.0 + 0.45 * level[1] + PROFIT_IN_PRICE * level[2])
    start = members.market_cap / price_to_book / equity_ratio
    assets = start * np.exp(np.cumsum(0.01 + 0.006 * level[3] + 0.012 * growth, axis=0))
    equity = assets * equity_ratio * np.exp(0.03 * persistent(leverage, 0.8, 1.0))

    quarter = assets / 4.0
    net_income = quarter * scale * (0.06 + 0.035 * level[2] + 0.015 * persistent(income, 0.7, 1.0))
    gross_profit = (
        quarter * scale * np.exp(np.log(0.3) + 0.3 * level[4] + 0.06 * persistent(gross, 0.8, 1.0))
    )
    margin = np.clip(0.4 + 0.12 * level[5], 0.12, 0.85)
    capex = quarter * scale * np.exp(np.log(0.045) + 0.35 * level[6] + 0.1 * spread)
    cf_operating = net_income + quarter * scale * (0.035 + 0.012 * cash)
    revenue = np.round(gross_profit / margin, -3)
    gross_profit = np.round(gross_profit, -3)
    assets, equity = np.round(assets, -3), np.round(equity, -3)
    return {
        "assets": assets,
        "equity": equity,
        "liabilities": assets - equity,
        "revenue": revenue,
        "gross_profit": gross_profit,
        "cost_of_revenue": revenue - gross_profit,
        "operating_income": np.round(net_income / 0.77, -3),
        "net_income": np.round(net_income, -3),
        "cf_operating": np.round(cf_operating, -3),
        "capex": np.round(capex, -3),
    }


def _restated(
    figures: Mapping[str, Floats], filed: Integers, members: Companies, line: Timeline
) -> tuple[dict[str, Floats], Integers]:
    """Figures after amendments, and the position of each amendment."""
    who = holders("restatement", members.n)
    changed = np.zeros(filed.shape, dtype=bool)
    amended = filed + AMENDED_AFTER
    changed[:, who] = first_after(amended[:, who], positions("restatement", members.n, line))
    restated = dict(figures)
    income = figures["net_income"]
    restated["net_income"] = income - np.where(changed, np.round(0.4 * np.abs(income), -3), 0.0)
    for item in ("assets", "equity"):
        loss = np.round(0.05 * figures["equity"], -3)
        restated[item] = figures[item] - np.where(changed, loss, 0.0)
    return restated, np.where(changed, amended, NEVER)
