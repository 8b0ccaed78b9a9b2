"""What rows from outside must keep to beyond the contract of their table.

A contract knows one row; these rules also know the calendar and what sources get wrong.
"""

import polars as pl

from stocks_ai_assets.domain.calendar import Calendar
from stocks_ai_assets.sources.companies import SECTORS

_SESSION_COLUMNS = {
    "market.prices": "session",
    "market.benchmarks": "session",
    "market.corporate_actions": "ex_date",
    "market.earnings": "reaction_session",
}


def broken_rules(table: str, frame: pl.DataFrame, calendar: Calendar) -> pl.DataFrame:
    """Which rules each row breaks.

    Parameters
    ----------
    table
        Fact table the rows are meant for.
    frame
        Rows with the columns of its contract.
    calendar
        Sessions and cutoffs.

    Returns
    -------
    pl.DataFrame
        One Boolean column per rule, named by a sentence; True where a row breaks it. Same order.
    """
    sessions = pl.Series(calendar.sessions, dtype=pl.Date).implode()
    cutoff = (
        frame.select("known_on")
        .join(calendar.frame, on="known_on", how="left", maintain_order="left")
        .get_column("cutoff")
    )
    rules = {
        "known_on is before the publication": (
            cutoff.is_null() | (frame.get_column("available_at") > cutoff)
        ).fill_null(value=False)
    }
    if day := _SESSION_COLUMNS.get(table):
        rules[f"{day} is not a trading session"] = ~frame.get_column(day).is_in(sessions)
    if table == "market.company_facts":
        rules |= _filings(frame)
    if table == "market.companies":
        rules["sector is not a GICS sector"] = ~frame.get_column("sector").is_in(SECTORS)
    return pl.DataFrame(rules).select(pl.all().fill_null(value=False))


def _filings(frame: pl.DataFrame) -> dict[str, pl.Series]:
    per_share = pl.col("item").str.contains("^(eps|dps)_")
    unit = (
        pl.when(per_share)
        .then(pl.col("unit") == "USD/share")
        .otherwise(pl.col("unit").is_in(["USD", "shares"]))
    )
    return {
        "period_end is after the filing": frame.select(
            pl.col("period_end") > pl.col("filed")
        ).to_series(),
        "period_start is after period_end": frame.select(
            pl.col("period_start") > pl.col("period_end")
        ).to_series(),
        "unit does not fit the item": frame.select(~unit).to_series(),
    }
