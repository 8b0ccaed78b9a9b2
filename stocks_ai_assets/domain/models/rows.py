"""Rows of model tables from fitted parameters."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date

import polars as pl

from stocks_ai_assets.domain.models.calibration import Fit
from stocks_ai_assets.domain.transform import Window
from stocks_ai_assets.tables import TABLES


def model_version(*parts: object) -> str:
    """Short hash of everything that names and makes up a model; floats count with every bit."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def mapping(parameters: Mapping[str, float]) -> list[dict[str, object]]:
    """Parameters as the table stores them; NaN is null."""
    return [
        {"key": key, "value": None if value != value else value}  # noqa: PLR0124  # NaN alone
        for key, value in parameters.items()
    ]


def model_rows(name: str, horizon: int, fits: Mapping[date, Fit], window: Window) -> pl.DataFrame:
    """Content of agents.models for the quarters of the window that have a fit."""
    schema = TABLES["agents.models"].schema
    rows: Iterable[dict[str, object]] = (
        {
            "model": name,
            "horizon": horizon,
            "quarter": quarter,
            "fitted_through": fit.fitted_through,
            "n_sessions": fit.n_sessions,
            "n_rows": fit.n_rows,
            "parameters": mapping(fit.parameters),
            "model_version": model_version(name, horizon, quarter, *fit.parameters.items()),
        }
        for quarter, fit in fits.items()
        if quarter in window.partitions
    )
    return pl.DataFrame(list(rows), schema=schema)
