"""Rows are judged by their contract before they are written. What breaks it is named."""

from typing import Any

import polars as pl

from stocks_ai_assets.errors import ContractError
from stocks_ai_assets.lake.content import canonical_map, elements, entries_ascend
from stocks_ai_assets.lake.layout import map_columns
from stocks_ai_assets.lake.target import Target
from stocks_ai_assets.tables.spec import Table


def conforming(frame: pl.DataFrame, target: Target) -> pl.DataFrame:
    """Return the content columns in contract order, sorted by key, entries of maps sorted by key.

    Raises
    ------
    ContractError
        A column is missing, unknown or of another type; a row breaks a rule of the contract, or
        lies outside the range or slice that is written. Names the rules and one row.
    """
    table = target.table
    _require_columns(frame, table)
    frame = frame.select(table.columns)
    if not table.contract.is_valid(frame):
        raise ContractError(_broken_rules(frame, table))
    outside = frame.filter(~target.contains())
    if outside.height:
        raise ContractError(
            f"{table.name}: {outside.height:,} of {frame.height:,} rows lie outside {target}, "
            f"for instance {_shown(outside.select(table.key))}."
        )
    return _with_sorted_maps(frame.sort(table.key), table)


def _require_columns(frame: pl.DataFrame, table: Table) -> None:
    expected, found = table.schema, frame.schema
    missing = [name for name in expected if name not in found]
    unknown = [name for name in found if name not in expected]
    wrong = [
        f"{name} is {found[name]}, expected {dtype}"
        for name, dtype in expected.items()
        if name in found and found[name] != dtype
    ]
    faults = [f"missing: {', '.join(missing)}"] if missing else []
    faults += [f"not in the contract: {', '.join(unknown)}"] if unknown else []
    if faults or wrong:
        raise ContractError(f"{table.name}: {'; '.join(faults + wrong)}.")


def _broken_rules(frame: pl.DataFrame, table: Table) -> str:
    _, failure = table.contract.filter(frame)
    counts = failure.counts()
    rules = ", ".join(f"{rule} ({n:,})" for rule, n in sorted(counts.items(), key=lambda i: -i[1]))
    invalid = failure.invalid()
    return (
        f"{table.name}: {invalid.height:,} of {frame.height:,} rows break {rules}, "
        f"for instance {_shown(invalid)}."
    )


def _shown(rows: pl.DataFrame) -> str:
    row: dict[str, Any] = rows.row(0, named=True)
    return "{" + ", ".join(f"{name}: {value}" for name, value in row.items()) + "}"


def _with_sorted_maps(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Sort the entries of every map by key: Delta promises no order, so ours is canonical."""
    for name in map_columns(table):
        values = canonical_map(frame.get_column(name))
        keys = elements(values).struct.field("key")
        if not entries_ascend(values).all() or keys.null_count():
            raise ContractError(f"{table.name}: a map in {name} has a key twice, or a null key.")
        frame = frame.with_columns(values.alias(name))
    return frame
