"""Reading raw frames: present, complete, of the right types, or an error that says what is wrong.

Values are not judged here; that is the intake's business.
"""

from collections.abc import Mapping
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from stocks_ai_assets.errors import SourceError
from stocks_ai_assets.sources.layout import PRICES, RAW_FILES
from stocks_ai_assets.sources.raw_file import Column, Kind, RawFile

RawFrames = Mapping[str, pl.DataFrame | pl.LazyFrame]
"""Raw frames by the stem of their file, as read or as simulated."""

_TYPES: dict[Kind, pl.DataType] = {
    "text": pl.String(),
    "number": pl.Float64(),
    "day": pl.Date(),
    "instant": pl.Datetime("us", "UTC"),
    "flag": pl.Boolean(),
}
_EXPECTED: dict[Kind, str] = {
    "text": "text (String)",
    "number": "a number (Float64, Float32 or integer)",
    "day": "a date (Date)",
    "instant": "a moment with time zone (Datetime, UTC)",
    "flag": "a yes or no (Boolean)",
}


def read_folder(path: Path) -> dict[str, pl.LazyFrame]:
    """Open the raw files of a folder.

    Parameters
    ----------
    path
        Folder with Parquet files in the layout of `RAW_FILES`; other files are ignored.

    Returns
    -------
    dict
        Lazy frames by stem, checked and cast as `typed` does.

    Raises
    ------
    SourceError
        Missing folder, missing required file, file that is no Parquet, missing column, wrong type.
    """
    if not path.is_dir():
        raise SourceError(
            f"Source folder {path} does not exist. Set STOCKS_AI_SOURCE_FOLDER to a folder with "
            f"{PRICES.name}.parquet; docs/import_format.md describes the files."
        )
    found = {
        name: pl.scan_parquet(file)
        for name in RAW_FILES
        if (file := path / f"{name}.parquet").is_file()
    }
    return typed(found, origin=str(path))


def typed(raw: RawFrames, *, origin: str) -> dict[str, pl.LazyFrame]:
    """Return every file of the layout with its declared columns in their canonical types.

    Parameters
    ----------
    raw
        Raw frames by stem; integers and Float32 are accepted where a number is expected.
    origin
        Folder or name of the source, for messages.

    Returns
    -------
    dict
        One lazy frame per file of `RAW_FILES`; empty where an optional file is missing.

    Raises
    ------
    SourceError
        As for `read_folder`; also an empty price file.
    """
    frames = {}
    for name, file in RAW_FILES.items():
        if name in raw:
            frames[name] = _typed(raw[name].lazy(), file, origin)
        elif file.required:
            raise SourceError(
                f"{origin} has no {name}.parquet, without which there is nothing to compute "
                f"(found: {', '.join(sorted(raw)) or 'none of the files'}). Add it; "
                "docs/import_format.md describes it."
            )
        else:
            frames[name] = pl.LazyFrame(
                schema={column: _TYPES[c.kind] for column, c in file.columns.items()}
            )
    if collect(frames[PRICES.name].select(pl.len()), PRICES.name).item() == 0:
        raise SourceError(f"{PRICES.name}.parquet of {origin} has no rows. Export it again.")
    return frames


def collect(frame: pl.LazyFrame, name: str) -> pl.DataFrame:
    """Read a lazy raw frame; a file that cannot be read is a `SourceError`."""
    try:
        return frame.collect()
    except (PolarsError, OSError) as error:
        raise SourceError(
            f"{name}.parquet cannot be read: {_first_line(error)}. Export it again."
        ) from None


def _typed(frame: pl.LazyFrame, file: RawFile, origin: str) -> pl.LazyFrame:
    where = f"{file.name}.parquet of {origin}"
    try:
        schema = frame.collect_schema()
    except (PolarsError, OSError) as error:
        raise SourceError(
            f"{where} is not a readable Parquet file: {_first_line(error)}. Export it again."
        ) from None
    missing = [n for n, column in file.columns.items() if column.required and n not in schema]
    if missing:
        raise SourceError(
            f"{where} lacks the columns {', '.join(missing)} (found: {', '.join(schema)}). "
            "Add them; docs/import_format.md says what they mean."
        )
    return frame.select(
        _cast(name, column, schema.get(name, pl.Null()), where)
        for name, column in file.columns.items()
    )


def _cast(name: str, column: Column, dtype: pl.DataType, where: str) -> pl.Expr:
    target = _TYPES[column.kind]
    if dtype == pl.Null():
        return pl.lit(None, target).alias(name)
    if not _accepted(column.kind, dtype):
        raise SourceError(
            f"{where}: column `{name}` is {dtype}, expected {_EXPECTED[column.kind]}. "
            "Convert the column and write the file again."
        )
    return pl.col(name) if dtype == target else pl.col(name).cast(target)


def _accepted(kind: Kind, dtype: pl.DataType) -> bool:
    match kind:
        case "text":
            return dtype in {pl.String, pl.Categorical, pl.Enum}
        case "number":
            return dtype.is_numeric()
        case "day":
            return dtype == pl.Date or (isinstance(dtype, pl.Datetime) and dtype.time_zone is None)
        case "instant":
            return isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
        case "flag":
            return dtype == pl.Boolean


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0].rstrip(".")
