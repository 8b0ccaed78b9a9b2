"""Announcements of earnings, grades of analysts, ESG ratings."""

from datetime import date

import polars as pl

from stocks_ai_assets.sources.layout import EARNINGS, ESG, RATINGS
from stocks_ai_assets.sources.reading import (
    Reading,
    end_of_day,
    new_york_day,
    newest_of_session,
)
from stocks_ai_assets.sources.splits import NO_BASIS, product_after, real_splits

EPS_DECIMALS = 6
"""Vendors publish two decimals on their own basis; undone splits need more, 1/8 of a cent."""

UNDATED_ESG = date(2024, 6, 24)
"""Latest possible date of the one undated ESG snapshot the format was made for: index members of
that list were members until then. Never earlier."""


def earnings(reading: Reading) -> pl.DataFrame:
    """Rows of market.earnings, known at the close of the session that reacts.

    Clock times are often a vendor's default, so the session that reacts decides; where it lies
    before the announcement (after the close: before the end of that day), the announcement does.
    EPS are put on the basis of the shares of that session: the vendor adjusts them for real splits,
    never for spin-offs.
    """
    rows = reading.rows(EARNINGS, reading.in_scope()).rename({"reaction_date": "reaction_session"})
    rows = reading.with_close(as_announced(rows, reading.splits), "reaction_session")
    rows = rows.with_columns(day=new_york_day("announced_at"))
    before_open = pl.col("session") == "bmo"
    told = pl.when(before_open).then("announced_at").otherwise(end_of_day("day"))
    reacted = pl.col("available_at")
    return reading.taken_up(
        rows.select(
            "symbol",
            "reaction_session",
            "announced_at",
            "eps_estimate",
            "source",
            when="session",
            eps_reported="reported_eps",
            available_at=pl.when(reacted.is_not_null()).then(pl.max_horizontal(reacted, told)),
        )
    )


def as_announced(rows: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """Undo the adjustment of EPS for real splits after `reaction_session`, up to `eps_basis`.

    Parameters
    ----------
    rows
        `symbol`, `reaction_session`, `eps_basis`, `eps_estimate`, `reported_eps`.
    splits
        Every split of the price file; splits of the public record are added.

    Returns
    -------
    pl.DataFrame
        The same rows, EPS in USD per share of the day.
    """
    real = real_splits(splits)
    basis = rows.with_columns(eps_basis=pl.col("eps_basis").fill_null(NO_BASIS))
    later = product_after(rows, "reaction_session", real) / product_after(basis, "eps_basis", real)
    return rows.with_columns(
        (pl.col(name) * later).round(EPS_DECIMALS) for name in ("eps_estimate", "reported_eps")
    )


def analyst_ratings(reading: Reading) -> pl.DataFrame:
    """Rows of market.analyst_ratings, usable from the session after their New York day.

    Grades arrive late and are stamped with the hour they were given, so the day counts, not the
    hour.
    """
    rows = reading.rows(RATINGS, reading.in_scope())
    rows = rows.with_columns(day=new_york_day("graded_at"))
    return reading.taken_up(
        rows.select(
            "symbol",
            "graded_at",
            "firm",
            "source",
            pl.col("from_grade", "to_grade", "action").replace("", None),
            available_at=end_of_day("day"),
        )
    )


def esg_ratings(reading: Reading) -> pl.DataFrame:
    """Rows of market.esg_ratings, usable from the session after their day.

    A row without a total is no rating and makes no row. Of two ratings that become known in one
    session the last counts.
    """
    rated = pl.col("total_esg_risk").is_not_null()
    rows = reading.rows(ESG, reading.in_scope(), rated).with_columns(
        available_date=pl.col("available_date").fill_null(UNDATED_ESG)
    )
    ratings = rows.select(
        "symbol",
        "environment_risk",
        "social_risk",
        "governance_risk",
        "controversy_score",
        "source",
        "available_date",
        total_risk="total_esg_risk",
        available_at=end_of_day("available_date"),
    )
    known = reading.known(reading.taken_up(ratings))
    return newest_of_session(known, ["symbol"], by="available_date").drop("known_on")
