"""Run transforms in this process: polars frames in, polars frames out, Delta around them.

Assets, replay and the look-ahead proof all come through here, so they give the same bits.
"""

from collections.abc import Mapping
from datetime import datetime
from time import perf_counter

import polars as pl

from stocks_ai_assets import __version__
from stocks_ai_assets.domain.transform import Parameters, Transform, Window
from stocks_ai_assets.engines.inputs import load
from stocks_ai_assets.engines.port import Computed, Engine, write
from stocks_ai_assets.lake import Lake, Stamps, Written


def run(transform: Transform, frames: Mapping[str, pl.DataFrame], window: Window) -> pl.DataFrame:
    """Return the rows of `transform` for the partitions of `window`."""
    return transform.function(frames, window)


def code_version(transform: Transform, parameters: Parameters) -> str:
    """Version of package, transform and settings: rows of another one are stale."""
    return f"{__version__}/{transform.code_version}/{parameters.label}"


class LocalEngine:
    """polars in this process."""

    def prepare(self, lake: Lake) -> None:
        """Do nothing: all that it needs is here."""

    def compute(self, lake: Lake, transform: Transform, window: Window) -> Computed:
        """Read the inputs of `transform` for `window` and return its rows."""
        start = perf_counter()
        loaded = load(lake, transform, window)
        ready = perf_counter()
        frame = run(transform, loaded.frames, window)
        return Computed(
            frame=frame,
            versions=loaded.versions,
            seconds_reading=ready - start,
            seconds_computing=perf_counter() - ready,
        )


LOCAL = LocalEngine()


def materialize(
    lake: Lake,
    transform: Transform,
    window: Window,
    *,
    run_id: str,
    created: datetime,
    engine: Engine = LOCAL,
) -> Written:
    """Read the inputs, run the transform, write the rows: what an asset does, without Dagster."""
    computed = engine.compute(lake, transform, window)
    return write(
        lake,
        transform.table,
        computed.frame,
        first=window.first,
        last=window.last,
        slice=transform.slice,
        stamps=Stamps(
            run_id=run_id,
            code_version=code_version(transform, window.parameters),
            input_versions=dict(computed.versions),
            created=created,
        ),
    )
