"""Accounting ratios of a symbol from the newest filings known; whom they suit is the agent's call.

Which figure counts when is decided in `filings` (figures at one date) and `trailing` (sums over
twelve months); here they are put beside each other.
"""

import polars as pl

from stocks_ai_assets.domain.calendar import SESSIONS_PER_YEAR
from stocks_ai_assets.domain.signals import filings
from stocks_ai_assets.domain.signals.as_known import known_at
from stocks_ai_assets.domain.signals.filings import SHARES
from stocks_ai_assets.domain.signals.splits import COLUMNS as ACTION_COLUMNS
from stocks_ai_assets.domain.signals.splits import real_splits, split_factor
from stocks_ai_assets.domain.signals.trailing import trailing_flows
from stocks_ai_assets.domain.transform import ALL, Frames, Input, Parameters, Transform, Window

CASH_FLOW = "cf_operating"
BALANCE = ("assets", "equity", "equity_incl_nci", SHARES)
FLOWS = ("net_income", "gross_profit", filings.MARGIN, CASH_FLOW, "capex")
"""Items used; capital expenditure is a positive outflow."""

STATE = ("symbol", "item", "value", "as_of")

MAX_LAG = 366
"""Days behind the company's newest figure after which an item is no longer reported."""

SAME_END = 14
"""Days by which two sums may end apart and still cover the same twelve months."""


def transform(parameters: Parameters) -> Transform:  # noqa: ARG001  # one signature for all signals
    """Declare signals.fundamentals."""
    return Transform(
        name="signals/fundamentals",
        table="signals.fundamentals",
        inputs={
            "technical": Input(table="signals.technical", columns=("symbol", "session")),
            "company_facts": Input(
                table="market.company_facts", lookback=ALL, columns=filings.COLUMNS
            ),
            "corporate_actions": Input(
                table="market.corporate_actions", lookback=ALL, columns=ACTION_COLUMNS
            ),
        },
        by="symbol",
        function=fundamentals,
        description=(
            "Profitability, accruals and asset growth from the newest filings known at each "
            "session: trailing-twelve-month flows, newest balance sheet, share count carried over "
            "real splits. Restatements count from the session on which they became known."
        ),
    )


def fundamentals(frames: Frames, window: Window) -> pl.DataFrame:
    """Rows of signals.fundamentals for the window's sessions.

    Everything changes only on a session on which a figure or a split becomes known, so it is
    worked out there and carried to the sessions after it. `balance_age` counts calendar days from
    the date of total assets, `flow_age` from the end of the oldest sum shown; from the filing date
    where the source gives no period. An item whose newest figure is more than a year behind the
    company's newest one is no longer reported and counts as unknown. Equity is that of the
    shareholders, with minorities where only that is filed; gross profit is revenue less cost of
    revenue of one filing where it is not filed itself. A share count is carried over the real
    splits with an ex-date after its filing date: a filing made after a split already states the
    new count (SEC Staff Accounting Bulletin, Topic 4.C).
    """
    facts = frames["company_facts"].filter(
        pl.col("known_on") <= window.last,
        pl.col("item").is_in([*BALANCE, *FLOWS, *filings.MARGIN_OF]),
    )
    figures, actions = filings.known_figures(facts), frames["corporate_actions"]
    figures = filings.with_margin(figures)
    balance = filings.without_filed_errors(
        filings.newest_reports(figures.filter(pl.col("item").is_in(BALANCE))), actions
    )
    flows = trailing_flows(figures.filter(pl.col("item").is_in(FLOWS)), window.first, window.last)
    changes = _changes(balance, flows, actions, window)
    sessions = window.only(frames["technical"], "session").select("symbol", "session")
    rows = known_at(sessions, changes, by=["symbol"])
    return _ratios(_with_assets_a_year_ago(rows, balance, window))


def _changes(
    balance: pl.DataFrame, flows: pl.DataFrame, actions: pl.DataFrame, window: Window
) -> pl.DataFrame:
    """Every item's state at the sessions on which some item of the symbol changes."""
    states = pl.concat(
        [
            balance.select(*STATE, "filed", "known_on", through="known_on"),
            flows.select(*STATE, filed="known_on", known_on="session", through="known_on"),
        ]
    )
    splits = real_splits(actions).select("symbol", pl.max_horizontal("known_on", "ex_date"))
    points = (
        pl.concat([states.select("symbol", "known_on"), splits])
        .filter(pl.col("known_on") <= window.last)
        .select("symbol", session=pl.max_horizontal("known_on", pl.lit(window.first)))
        .unique()
        .sort("symbol", "session")
    )
    for item in (*BALANCE, *FLOWS):
        state = states.filter(pl.col("item") == item).select(
            "symbol",
            "known_on",
            pl.col("value").alias(item),
            pl.col("as_of", "filed", "through").name.prefix(f"{item}_"),
        )
        points = known_at(points, state, by=["symbol"]).drop("known_on")
    spans = points.select("symbol", after=f"{SHARES}_filed", until="session", known_by="session")
    return _reported(points.with_columns(pl.col(SHARES) * split_factor(spans, actions))).rename(
        {"session": "known_on"}
    )


def _reported(points: pl.DataFrame) -> pl.DataFrame:
    """Null what a company no longer reports."""
    items = (*BALANCE, *FLOWS)
    newest = pl.max_horizontal(f"{item}_as_of" for item in items)
    return points.with_columns(
        pl.when(newest - pl.col(f"{item}_as_of") <= pl.duration(days=MAX_LAG))
        .then(name)
        .alias(name)
        for item in items
        for name in (item, f"{item}_as_of", f"{item}_through")
    )


def _with_assets_a_year_ago(
    rows: pl.DataFrame, balance: pl.DataFrame, window: Window
) -> pl.DataFrame:
    """Add `year_ago` and `assets_year_ago`, total assets known 252 sessions before."""
    calendar = window.calendar
    back = [calendar.position(session) - SESSIONS_PER_YEAR for session in window.partitions]
    days = window.frame.with_columns(
        year_ago=pl.Series([calendar.sessions[i] if i >= 0 else None for i in back], dtype=pl.Date)
    )
    assets = balance.filter(pl.col("item") == "assets").select(
        "symbol", "known_on", assets_year_ago="value"
    )
    return known_at(
        rows.drop("known_on").join(days, on="session", how="left"),
        assets,
        by=["symbol"],
        session="year_ago",
    )


def _ratios(rows: pl.DataFrame) -> pl.DataFrame:
    """Put the items of each session into ratios."""

    def together(one: str, other: str) -> pl.Expr:
        apart = (pl.col(f"{one}_as_of") - pl.col(f"{other}_as_of")).dt.total_days().abs()
        return apart <= SAME_END

    def age(*as_of: pl.Expr) -> pl.Expr:
        oldest = pl.min_horizontal(*as_of)
        return (pl.col("session") - oldest).dt.total_days().cast(pl.Int32)

    gross_profit = pl.coalesce("gross_profit", filings.MARGIN)
    gross_profit_as_of = pl.coalesce("gross_profit_as_of", f"{filings.MARGIN}_as_of")
    accruals = pl.when(together("net_income", CASH_FLOW)).then(
        (pl.col("net_income") - pl.col(CASH_FLOW))
        / ((pl.col("assets") + pl.col("assets_year_ago")) / 2.0)
    )
    free_cash_flow = pl.when(together(CASH_FLOW, "capex")).then(pl.col(CASH_FLOW) - pl.col("capex"))
    return rows.select(
        "symbol",
        "session",
        gross_profit_to_assets=gross_profit / pl.col("assets"),
        return_on_assets=pl.col("net_income") / pl.col("assets"),
        accruals=accruals,
        asset_growth=pl.col("assets") / pl.col("assets_year_ago") - 1.0,
        total_assets="assets",
        book_equity=pl.coalesce("equity", "equity_incl_nci"),
        net_income="net_income",
        operating_cash_flow=CASH_FLOW,
        free_cash_flow=free_cash_flow,
        shares_outstanding=SHARES,
        balance_age=age(pl.col("assets_as_of")),
        flow_age=age(pl.col("net_income_as_of"), gross_profit_as_of, pl.col(f"{CASH_FLOW}_as_of")),
        known_through=pl.max_horizontal(f"{item}_through" for item in (*BALANCE, *FLOWS)),
    )
