"""Filed figures as they were known: the newest period counts, filed errors wait for a repetition.

Figures at one date (assets, equity, shares) are here, sums over twelve months in `trailing`;
ratios belong to `fundamentals`.
"""

import polars as pl

from stocks_ai_assets.domain.signals.splits import split_factor

COLUMNS = (
    "symbol",
    "item",
    "period_start",
    "period_end",
    "value",
    "form",
    "filed",
    "known_on",
)
"""Columns of market.company_facts that are read."""

POSITIVE = ("assets", "shares_outstanding")
"""Items that cannot be zero or negative; such a row is a filed error and is passed over."""

SHARES = "shares_outstanding"

MARGIN = "revenue_less_cost"
MARGIN_OF = ("revenue", "cost_of_revenue")
"""Gross profit of companies that do not file it, and what it is made of."""

MAX_JUMP = 1.1
"""Change of the logarithm (a factor of 3) beyond which a filed figure waits for the next one."""


def known_figures(facts: pl.DataFrame) -> pl.DataFrame:
    """One figure per item, period and session of publication.

    Parameters
    ----------
    facts
        Rows of market.company_facts (`COLUMNS`), any order.

    Returns
    -------
    pl.DataFrame
        The columns of `facts` and `as_of`: the end of the period, or the filing date where the
        source does not give it. Sorted by symbol, item, known_on, as_of. Of several filings of one
        session the last counts; of several figures in it (tags of different breadth) the largest.
        Rows that describe a day after they were known are filed errors and left out.
    """
    return (
        facts.select(COLUMNS)
        .with_columns(as_of=pl.coalesce("period_end", "filed"))
        .filter(
            pl.col("as_of") <= pl.col("known_on"),
            (pl.col("value") > 0) | ~pl.col("item").is_in(POSITIVE),
        )
        .sort("symbol", "item", "known_on", "as_of", "period_start", "filed", "value")
        .unique(
            ["symbol", "item", "known_on", "as_of", "period_start"],
            keep="last",
            maintain_order=True,
        )
    )


def with_margin(figures: pl.DataFrame) -> pl.DataFrame:
    """Add item `MARGIN`: revenue less cost of revenue of one period, known on one session.

    Revenue changes its definition between filings, so it never meets the cost of another one.

    Parameters
    ----------
    figures
        Result of `known_figures`.
    """
    revenue, cost = (figures.filter(pl.col("item") == item) for item in MARGIN_OF)
    margin = revenue.join(
        cost.select("symbol", "period_start", "as_of", "known_on", cost="value"),
        on=["symbol", "period_start", "as_of", "known_on"],
        nulls_equal=True,
        maintain_order="left",
    )
    made = margin.with_columns(item=pl.lit(MARGIN), value=pl.col("value") - pl.col("cost"))
    return pl.concat([figures, made.select(figures.columns)])


def newest_reports(figures: pl.DataFrame) -> pl.DataFrame:
    """Figures that were the newest of their item when they became known.

    A restatement of the newest period replaces it; a restated older period changes nothing: the
    end of the period never goes back.

    Parameters
    ----------
    figures
        Result of `known_figures`.

    Returns
    -------
    pl.DataFrame
        Same columns, at most one row per symbol, item and known_on, sorted by them.
    """
    return figures.unique(["symbol", "item", "known_on"], keep="last", maintain_order=True).filter(
        pl.col("as_of") >= pl.col("as_of").cum_max().over("symbol", "item")
    )


def without_filed_errors(reports: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Reports that are within a factor of three of one of the two reports before them.

    A figure that jumps is held back until the next report repeats it; the report after a filed
    error is compared with the one before the error too and comes through at once. The first report
    of an item has nothing to be compared with and counts, and so does one whose sign makes the
    comparison meaningless. Share counts are compared on the same side of splits.

    Parameters
    ----------
    reports
        Result of `newest_reports`.
    actions
        Rows of market.corporate_actions.

    Returns
    -------
    pl.DataFrame
        The reports that count, in the same order; between them the last one stands.
    """
    counted = reports
    for back in (1, 2):
        shifted = counted.with_columns(
            pl.col("value", "filed").shift(back).over("symbol", "item").name.suffix("_before")
        )
        spans = shifted.select(
            "symbol", after="filed_before", until="filed", known_by="known_on"
        ).with_columns(
            after=pl.when(shifted.get_column("item") == SHARES).then("after").otherwise("until")
        )
        before = pl.col("value_before") * split_factor(spans, actions)
        jump = (pl.col("value") / before).log().abs()
        comparable = (pl.col("value") > 0) & (pl.col("value_before") > 0)
        counted = shifted.with_columns(
            pl.when(pl.col("value_before").is_not_null())
            .then(~comparable | (jump <= MAX_JUMP))
            .alias(f"near_{back}")
        ).drop("value_before", "filed_before")
    first = pl.col("near_1").is_null()
    return counted.filter(first | pl.col("near_1") | pl.col("near_2").fill_null(value=False)).drop(
        "near_1", "near_2"
    )
