"""What a symbol earns and owns against what the market pays for it.

Price and share count are both as traded on the session: nothing adjusted for later splits enters.
"""

import polars as pl

from stocks_ai_assets.domain.transform import Frames, Input, Parameters, Transform, Window

PLAUSIBLE = (1e9, 5e12)
"""USD. Outside it the share count is wrong: some companies with several classes file none, or one
in thousands."""


def transform(parameters: Parameters) -> Transform:  # noqa: ARG001  # one signature for all signals
    """Declare signals.valuation."""
    return Transform(
        name="signals/valuation",
        table="signals.valuation",
        inputs={
            "technical": Input(table="signals.technical", columns=("symbol", "session", "close")),
            "fundamentals": Input(
                table="signals.fundamentals",
                columns=(
                    "symbol",
                    "session",
                    "net_income",
                    "book_equity",
                    "free_cash_flow",
                    "shares_outstanding",
                ),
            ),
        },
        by="symbol",
        function=valuation,
        description=(
            "Market capitalisation from the as-traded close and the share count known, and "
            "earnings, book value and free cash flow over it. Null where the capitalisation is "
            "not plausible."
        ),
    )


def valuation(frames: Frames, window: Window) -> pl.DataFrame:
    """Rows of signals.valuation for the window's sessions.

    Income and equity are those of the company, divided by its value; no figure per share is used,
    so no split can come between them.
    """
    prices = window.only(frames["technical"], "session").select("symbol", "session", "close")
    value = pl.col("close") * pl.col("shares_outstanding")
    market_cap = pl.col("market_cap")
    return (
        prices.join(frames["fundamentals"], on=["symbol", "session"], how="left")
        .with_columns(market_cap=pl.when(value.is_between(*PLAUSIBLE)).then(value))
        .select(
            "symbol",
            "session",
            "market_cap",
            earnings_to_price=pl.col("net_income") / market_cap,
            book_to_price=pl.col("book_equity") / market_cap,
            free_cash_flow_to_price=pl.col("free_cash_flow") / market_cap,
        )
    )
