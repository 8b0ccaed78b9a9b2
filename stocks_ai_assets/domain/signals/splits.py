"""Real splits between two dates, as they were known on a third.

Counts and per-share figures are carried over real splits only (`shares_ratio`); spin-offs and
mergers coded as splits move prices, not the number of shares.
"""

import polars as pl

COLUMNS = ("symbol", "ex_date", "shares_ratio", "known_on")
"""Columns of market.corporate_actions that are read."""


def split_factor(spans: pl.DataFrame, actions: pl.DataFrame) -> pl.Series:
    """Shares at the end of each span for one share at its start.

    Parameters
    ----------
    spans
        `symbol`, `after`, `until`, `known_by` (Dates), any order: splits with
        after < ex_date <= until count, in the newest version with known_on <= known_by.
    actions
        Rows of market.corporate_actions (`COLUMNS`), any order; a correction is a further row.

    Returns
    -------
    pl.Series
        Ratio for each span, in the order of `spans`; 1 where nothing was split.
    """
    splits = real_splits(actions)
    numbered = spans.select("symbol", "after", "until", "known_by").with_row_index("span")
    found = (
        numbered.join(splits, on="symbol")
        .filter(
            pl.col("ex_date") > pl.col("after"),
            pl.col("ex_date") <= pl.col("until"),
            pl.col("known_on") <= pl.col("known_by"),
        )
        .sort("span", "ex_date", "known_on", "shares_ratio")
        .unique(["span", "ex_date"], keep="last", maintain_order=True)
        .group_by("span", maintain_order=True)
        .agg(factor=pl.col("shares_ratio").product())
    )
    return (
        numbered.join(found, on="span", how="left", maintain_order="left")
        .get_column("factor")
        .fill_null(1.0)
    )


def real_splits(actions: pl.DataFrame) -> pl.DataFrame:
    """Rows (`COLUMNS`) of the days on which some version of an action changes the share count."""
    return actions.select(COLUMNS).filter(
        (pl.col("shares_ratio") != 1.0).any().over("symbol", "ex_date")
    )
