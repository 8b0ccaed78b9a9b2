"""What an engine offers: rows of a transform, computed from the lake, ready to be written.

Assets, Pipes and the command line know this port alone; `local` and `spark` are behind it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import polars as pl

from stocks_ai_assets.domain.transform import Transform, Window
from stocks_ai_assets.lake import Lake, Stamps, Written


class Distributed(Protocol):
    """Rows that are not in this process and write themselves."""

    def write(
        self,
        lake: Lake,
        table: str,
        *,
        first: date | None,
        last: date | None,
        slice: str | None,  # noqa: A002  # as `Lake.write` has it
        stamps: Stamps,
    ) -> Written:
        """Replace partitions of one slice, as `Lake.write` does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Computed:
    """Rows of one transform.

    Parameters
    ----------
    frame
        Content columns of the contract: a frame here, or rows spread over a cluster.
    versions
        Delta version of every table read.
    seconds_reading, seconds_computing
        Wall time; a cluster computes when the rows are written.
    """

    frame: pl.DataFrame | Distributed
    versions: Mapping[str, int]
    seconds_reading: float = 0.0
    seconds_computing: float = 0.0


class Engine(Protocol):
    """Runs transforms."""

    def prepare(self, lake: Lake) -> None:
        """Open what it computes with, or raise: asked for before anything is written."""

    def compute(self, lake: Lake, transform: Transform, window: Window) -> Computed:
        """Read the inputs of `transform` for `window` and return its rows."""


def write(
    lake: Lake,
    table: str,
    frame: pl.DataFrame | Distributed,
    *,
    first: date | None,
    last: date | None,
    slice: str | None,  # noqa: A002  # as `Lake.write` has it
    stamps: Stamps,
) -> Written:
    """Write rows wherever they are; see `Lake.write`."""
    if isinstance(frame, pl.DataFrame):
        return lake.write(table, frame, first=first, last=last, slice=slice, stamps=stamps)
    return frame.write(lake, table, first=first, last=last, slice=slice, stamps=stamps)
