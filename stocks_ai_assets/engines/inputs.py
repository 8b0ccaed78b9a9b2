"""Frames that a transform reads from the lake, with versions pinned and lookbacks checked.

`domain.ranges` says which partitions; here they are required to be there. A lookback that was never
materialized is an error that names it: silence would look like a missing value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from stocks_ai_assets.domain.agents.exposure import VOLATILITY_MODEL
from stocks_ai_assets.domain.calendar import quarter_start, quarters_between
from stocks_ai_assets.domain.ranges import Range, input_range
from stocks_ai_assets.domain.transform import Input, Transform, Window
from stocks_ai_assets.errors import LookbackMissingError
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.tables import TABLES
from stocks_ai_assets.tables.spec import Table

HORIZON = "horizon"
"""Column that says for which holding period a row was computed."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Frames by input name, and the Delta version of every table they were read from."""

    frames: Mapping[str, pl.DataFrame]
    versions: Mapping[str, int]


def load(lake: Lake, transform: Transform, window: Window) -> Loaded:
    """Read every input of `transform` for `window`.

    Each table is read at one version, the newest when this was called: writers of other slices do
    not disturb it. Inputs that lie before the first partition are empty.
    """
    versions = pinned(lake, transform, window)
    frames = {name: _read(lake, transform, name, window, versions) for name in transform.inputs}
    return Loaded(frames, versions)


def pinned(lake: Lake, transform: Transform, window: Window) -> dict[str, int]:
    """Return the version at which each input table is to be read; tables never written have none.

    Raises
    ------
    LookbackMissingError
        A partition that `transform` needs was never materialized.
    """
    # Before the versions are pinned: what is covered by now is in every version from now on.
    for name, declared in transform.inputs.items():
        _require(lake, transform, declared, input_range(transform, name, window), window)
    tables = {declared.table for declared in transform.inputs.values()}
    return {name: found for name in sorted(tables) if (found := lake.version(name)) is not None}


def wanted_columns(declared: Input) -> tuple[str, ...]:
    """Columns to read: those the function sees, and those by which rows are judged before."""
    return tuple(dict.fromkeys((*seen_columns(declared), *_judging(TABLES[declared.table]))))


def seen_columns(declared: Input) -> tuple[str, ...]:
    """Columns that the function of the transform sees."""
    return declared.columns or tuple(TABLES[declared.table].columns)


def judged(rows: pl.DataFrame, transform: Transform, name: str, window: Window) -> pl.DataFrame:
    """Return the columns that the function sees, of rows with `wanted_columns`.

    Raises
    ------
    LookbackMissingError
        Rows were computed for another holding period.
    """
    declared = transform.inputs[name]
    if _judging(TABLES[declared.table]):
        _require_horizon(rows, transform, TABLES[declared.table], window)
    return rows.select(seen_columns(declared))


def _read(
    lake: Lake, transform: Transform, name: str, window: Window, versions: Mapping[str, int]
) -> pl.DataFrame:
    declared, found = transform.inputs[name], input_range(transform, name, window)
    table = TABLES[declared.table]
    if declared.table not in versions:
        return pl.DataFrame(schema=table.schema).select(seen_columns(declared))
    rows = lake.read(
        declared.table,
        first=found.first if found else None,
        last=found.last if found else None,
        columns=wanted_columns(declared),
        slices=declared.slices,
        version=versions[declared.table],
    )
    return judged(rows, transform, name, window)


def _judging(table: Table) -> tuple[str, ...]:
    """Columns that tell for which holding period a row was computed; none where all are wanted."""
    if HORIZON not in table.columns or table.partitioned_by == "none":
        # The ledger of trials holds every horizon ever tried.
        return ()
    return (table.partition, HORIZON, *([table.slice] if table.slice else []))


def _require_horizon(
    rows: pl.DataFrame, transform: Transform, table: Table, window: Window
) -> None:
    """Raise `LookbackMissingError` when inputs were computed for another holding period."""
    horizon, first = window.parameters.horizon, window.parameters.first_session
    other = rows.filter(pl.col(HORIZON) != horizon)
    if table.slice:
        # Volatility is forecast for a month, whatever the horizon of predictions.
        other = other.filter(pl.col(table.slice) != VOLATILITY_MODEL)
    if other.is_empty():
        return
    day, found = other.sort(table.partition).select(table.partition, HORIZON).row(-1)
    raise LookbackMissingError(
        f"{transform.name} for {window.first}..{window.last} needs {table.name} with horizon "
        f"{horizon}, but {other.height:,} rows until {day} have horizon {found}. Set "
        f"STOCKS_AI_HORIZON back, or run: stocks-ai backfill --from {first} "
        f"--to {window.calendar.next_or_same(max(window.last, first))}"
    )


def with_slices(transforms: Sequence[Transform]) -> tuple[Transform, ...]:
    """Return the transforms with `slices` of every input of a sliced table written out.

    An input of a sliced table without slices means every slice that some transform writes.
    """
    written: dict[str, list[str]] = {}
    for transform in transforms:
        if transform.slice is not None:
            written.setdefault(transform.table, []).append(transform.slice)
    return tuple(replace(t, inputs=_resolved(t.inputs, written)) for t in transforms)


def _resolved(inputs: Mapping[str, Input], written: Mapping[str, list[str]]) -> dict[str, Input]:
    return {
        name: replace(declared, slices=tuple(written[declared.table]))
        if declared.slices is None and declared.table in written
        else declared
        for name, declared in inputs.items()
    }


def required_partitions(table: Table, found: Range | None, window: Window) -> tuple[date, ...]:
    """Partitions of `table` that must be materialized before `found` of it can be read."""
    first_session, calendar = window.parameters.first_session, window.calendar
    if found is None:
        return ()
    if table.partitioned_by == "quarter":
        first = max(found.first or quarter_start(first_session), quarter_start(first_session))
        return quarters_between(first, found.last)
    if table.kind == "fact" and found.last < first_session:
        # What was known before the first session came with its partition.
        return (first_session,)
    return calendar.between(max(found.first or first_session, first_session), found.last)


def missing_partitions(
    lake: Lake, table: str, slice_: str | None, partitions: Sequence[date]
) -> tuple[date, ...]:
    """Return those of `partitions` that were never materialized, in ascending order."""
    covered = lake.materialized(table, slice_)
    return tuple(
        day for day in partitions if not any(first <= day <= last for first, last in covered)
    )


def _require(
    lake: Lake, transform: Transform, declared: Input, found: Range | None, window: Window
) -> None:
    table = TABLES[declared.table]
    partitions = required_partitions(table, found, window)
    for slice_ in declared.slices or (None,):
        missing = missing_partitions(lake, table.name, slice_, partitions)
        if missing:
            raise LookbackMissingError(_message(transform, table, slice_, missing, window))


def _message(
    transform: Transform,
    table: Table,
    slice_: str | None,
    missing: Sequence[date],
    window: Window,
) -> str:
    key = "/".join([*table.name.split("."), *([slice_] if slice_ else [])])
    first, last = missing[0], missing[-1]
    start = window.calendar.next_or_same(max(first, window.parameters.first_session))
    end = min(last, window.last) if table.partitioned_by == "session" else start
    return (
        f"{transform.name} for {window.first}..{window.last} needs {key} of {first}..{last}, "
        f"but {len(missing)} of these {_units(table)} are not materialized. "
        f"Run: stocks-ai backfill --select 'key:\"{key}\"' --from {start} --to {end}"
    )


def _units(table: Table) -> str:
    return "quarters" if table.partitioned_by == "quarter" else "sessions"
