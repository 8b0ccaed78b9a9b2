"""Company facts from filings: nothing is aggregated or repaired, readers need the whole record."""

import polars as pl

from stocks_ai_assets.sources.layout import FILINGS, STATEMENT_ITEMS, STATEMENTS
from stocks_ai_assets.sources.reading import Reading, end_of_day

STOCKS = ("assets", "cur_assets", "cur_liab", "cash", "equity")
SINCE_FISCAL_YEAR = ("cash_flow_op", "cash_flow_inv", "cash_flow_fin")
PER_SHARE = ("eps_basic", "eps_diluted", "dividend")

_UNITS = {"USD/shares": "USD/share"}
_COLUMNS = (
    "symbol",
    "fact_id",
    "item",
    "period_start",
    "period_end",
    "value",
    "unit",
    "form",
    "accession",
    "filed",
    "available_at",
    "source",
)


def company_facts(reading: Reading) -> pl.DataFrame:
    """Rows of market.company_facts, usable from the session after the filing date."""
    return reading.taken_up(pl.concat([_figures(reading), _statements(reading)]))


def _figures(reading: Reading) -> pl.DataFrame:
    """One row per figure and filing."""
    rows = reading.rows(FILINGS, reading.near_or_new("filed"), reading.in_scope())
    filing = pl.coalesce("accession", pl.format("filed {}", "filed"))
    return rows.select(
        "symbol",
        _fact_id(filing),
        "item",
        "period_start",
        "period_end",
        "value",
        pl.col("unit").replace(_UNITS),
        "form",
        "accession",
        "filed",
        end_of_day("filed").alias("available_at"),
        "source",
    )


def _statements(reading: Reading) -> pl.DataFrame:
    """One row per figure of a filing; a figure that is null was not in it.

    The file gives no start of a period: flows of 10-Q cover the quarter and those of 10-K the year,
    cash flows the fiscal year so far. `known_by` stands for the filing date.
    """
    rows = reading.rows(STATEMENTS, reading.near_or_new("known_by"), reading.in_scope())
    tag = pl.col("tag")
    annual = pl.col("period_focus") == "FY"
    so_far = pl.col("period_focus").replace_strict(
        {"Q1": 3, "Q2": 6, "Q3": 9, "FY": 12}, default=None, return_dtype=pl.Int32
    )
    months = pl.when(tag.is_in(SINCE_FISCAL_YEAR)).then(so_far).when(annual).then(12).otherwise(3)
    next_day = pl.col("period_end").dt.offset_by("1d")
    start = next_day.dt.offset_by(pl.format("-{}mo", months))
    amended = pl.col("amend").fill_null(value=False)
    return (
        rows.unpivot(
            list(STATEMENT_ITEMS),
            index=[*STATEMENTS.key, "period_focus", "amend", "source"],
            variable_name="tag",
            value_name="value",
        )
        .filter(pl.col("value").is_not_null())
        .with_columns(
            item=tag.replace_strict(STATEMENT_ITEMS),
            period_start=pl.when(~tag.is_in(STOCKS)).then(start),
            form=pl.when(amended).then(pl.format("{}/A", "doc_type")).otherwise("doc_type"),
        )
        .select(
            "symbol",
            _fact_id(pl.format("{} known by {}", "form", "known_by")),
            "item",
            "period_start",
            "period_end",
            "value",
            pl.when(tag.is_in(PER_SHARE))
            .then(pl.lit("USD/share"))
            .otherwise(pl.lit("USD"))
            .alias("unit"),
            "form",
            pl.lit(None, pl.String).alias("accession"),
            pl.col("known_by").alias("filed"),
            end_of_day("known_by").alias("available_at"),
            "source",
        )
        .select(_COLUMNS)
    )


def _fact_id(filing: pl.Expr) -> pl.Expr:
    """Name of a figure: item, tag, period and filing; parts that are not known are empty."""
    parts = [
        pl.col("item"),
        pl.col("tag"),
        pl.col("period_start").cast(pl.String).fill_null(""),
        pl.col("period_end").cast(pl.String).fill_null(""),
        filing,
    ]
    return pl.concat_str(parts, separator="|").alias("fact_id")
