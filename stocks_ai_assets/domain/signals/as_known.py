"""Facts as they were known: which version of a row counts at which session.

Facts are append-only with two clocks, the day they describe and known_on; a correction is a further
row under a later known_on. Everything here picks versions; formulas belong to the signals.
"""

from collections.abc import Sequence

import polars as pl


def known_at(
    rows: pl.DataFrame, facts: pl.DataFrame, by: Sequence[str] = (), *, session: str = "session"
) -> pl.DataFrame:
    """Add to every row the newest fact known at its session.

    Parameters
    ----------
    rows
        Anything with the Date column `session` and the columns `by`.
    facts
        Rows with `known_on` and `by`; at most one for each `by` and known_on.
    by
        Columns that must be equal, for instance symbol. Facts about one thing among several
        (a period, an observation date) need that column too, or one would replace the other.
    session
        Name of the Date column of `rows` at whose close one looks.

    Returns
    -------
    pl.DataFrame
        `rows` in their order with the other columns of `facts` (`known_on` too), null where
        nothing was known.
    """
    return (
        rows.with_row_index("_row")
        .sort(session)
        .join_asof(
            facts.sort("known_on"),
            left_on=session,
            right_on="known_on",
            by=list(by) or None,
            strategy="backward",
            coalesce=False,
            check_sortedness=False,
        )
        .sort("_row")
        .drop("_row")
    )
