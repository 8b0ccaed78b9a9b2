"""The form in which a raw file is declared: columns with types, key, when a row was public.

The declarations themselves are in `layout`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "number", "day", "instant", "flag"]
Usable = Literal["at_close", "next_session", "instant", "announcement", "undated"]
"""From when a row may be used: the close of its day; the session after its day; the first close
after its moment; as `session` says (bmo: that day, amc: the next); undated rows: always."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a raw file; an optional one may be absent and is then null."""

    kind: Kind
    meaning: str
    required: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class RawFile:
    """One raw Parquet file.

    Parameters
    ----------
    name
        Stem of the file.
    meaning
        One sentence for people.
    columns
        Columns that are read; a file may have more.
    key
        Columns that identify a row.
    public_column
        Day or moment on which a row became public; empty for undated files.
    usable
        From when a row may be used, counted from `public_column`.
    required
        Whether a source without the file makes no sense. Other files may be missing: the source
        then has none of these facts.
    """

    name: str
    meaning: str
    columns: Mapping[str, Column]
    key: tuple[str, ...]
    public_column: str
    usable: Usable
    required: bool = False
