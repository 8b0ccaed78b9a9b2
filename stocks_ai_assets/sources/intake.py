"""Intake: rows from outside are checked one by one; bad rows are set aside with the reason.

A row is either valid or in quarantine; identical rows are one row. Nothing is repaired here.
"""

import hashlib
from dataclasses import dataclass

import polars as pl

from stocks_ai_assets.domain.calendar import Calendar, nyse
from stocks_ai_assets.errors import SourceError
from stocks_ai_assets.sources.rules import broken_rules
from stocks_ai_assets.tables import table as table_named
from stocks_ai_assets.tables.spec import Table

QUARANTINE = "market.quarantine"

_IN_WORDS = {
    "nullability": "is missing",
    "regex": "is badly spelled",
    "min": "is too low",
    "min_exclusive": "is too low",
    "max": "is too high",
    "max_exclusive": "is too high",
    "nan": "is not a number",
    "inf": "is infinite",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Intake:
    """Rows that keep the contract, and rows of market.quarantine for those that do not."""

    valid: pl.DataFrame
    quarantined: pl.DataFrame


def intake(table: str, frame: pl.DataFrame, calendar: Calendar | None = None) -> Intake:
    """Check rows that a source read for `table`.

    Of rows with one key and different values all are set aside, because nothing says which is
    right; a row that breaks another rule does not count against its twin.

    Parameters
    ----------
    table
        Fact table the rows are meant for.
    frame
        Rows with the columns of its contract; other columns are ignored.
    calendar
        Sessions and cutoffs; the New York Stock Exchange where it is not given.

    Returns
    -------
    Intake
        Every row of `frame` is in one of its two frames.

    Raises
    ------
    SourceError
        A column is missing or of another kind, or a row has no `known_on`.
    """
    spec = table_named(table)
    rows = _distinct(_conforming(frame, spec), spec.key)
    own = broken_rules(table, rows, calendar or nyse())
    passes = ~own.select(pl.any_horizontal(pl.all())).to_series()
    bad = [(rows.filter(~passes), own.filter(~passes))]
    checked = spec.contract.filter(rows.filter(passes))
    details = checked.failure.details()
    if details.height:
        found = details.select(
            (pl.col(rule) == "invalid").alias(_sentence(rule, spec))
            for rule in details.columns
            if rule not in spec.columns
        )
        bad.append((details.select(spec.columns), found))
    aside = pl.concat([_quarantined(spec, *part) for part in bad])
    return Intake(valid=checked.result, quarantined=aside)


def _conforming(frame: pl.DataFrame, spec: Table) -> pl.DataFrame:
    missing = [name for name in spec.columns if name not in frame.columns]
    if missing:
        raise SourceError(
            f"Rows for {spec.name} lack the columns {', '.join(missing)} (found: "
            f"{', '.join(frame.columns)}). The source must give every column of the contract."
        )
    try:
        rows = frame.select(pl.col(name).cast(kind) for name, kind in spec.schema.items())
    except pl.exceptions.PolarsError as error:
        raise SourceError(
            f"Rows for {spec.name} are not of the contract's types: {error}. "
            "The source must convert them."
        ) from None
    unplaced = rows.get_column("known_on").null_count()
    if unplaced:
        raise SourceError(
            f"{unplaced:,} rows for {spec.name} have no known_on. The source must place each row "
            "at the first session whose close is at or after its publication."
        )
    return rows


def _distinct(rows: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    repeated = rows.select(pl.struct(key).is_duplicated()).to_series()
    return rows.unique(maintain_order=True) if repeated.any() else rows


def _sentence(rule: str, spec: Table) -> str:
    if rule == "primary_key":
        return f"key ({', '.join(spec.key)}) occurs more than once with different values"
    column, _, kind = rule.partition("|")
    return f"{column} {_IN_WORDS.get(kind, kind)}" if kind else f"not so: {rule.replace('_', ' ')}"


def _quarantined(spec: Table, rows: pl.DataFrame, broken: pl.DataFrame) -> pl.DataFrame:
    """Rows of market.quarantine, one per bad row."""
    reasons = broken.select(
        reason=pl.concat_str(
            [pl.when(pl.col(rule)).then(pl.lit(rule)) for rule in broken.columns],
            separator="; ",
            ignore_nulls=True,
        )
    ).to_series()
    result = rows.select(
        "known_on",
        source=pl.col("source").fill_null("unknown"),
        source_table=pl.lit(spec.name),
        row=pl.struct(pl.all()).struct.json_encode(),
    ).with_columns(reason=reasons)
    named = result.select(text=pl.col("reason") + "\n" + pl.col("row")).get_column("text")
    # Bad rows are few; a digest that outlives a polars release is worth the loop.
    digests = [hashlib.sha256(text.encode()).hexdigest()[:16] for text in named]
    schema = table_named(QUARANTINE).schema
    return result.with_columns(row_id=pl.Series(digests, dtype=pl.String)).select(
        pl.col(name).cast(kind) for name, kind in schema.items()
    )
