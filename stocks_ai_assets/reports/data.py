"""What a report is made of. Everything else in this package is a pure function of `ReportData`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.tables import TABLES

ALL_WINDOW = "all"
ALL_YEARS = 0

PRESENCE = pl.Schema(
    {
        "agent": pl.String,
        "year": pl.Int32,
        "predictions": pl.Int64,
        "priced": pl.Int64,
        "sessions": pl.Int64,
        "silent_sessions": pl.Int64,
    }
)
INVENTORY = pl.Schema(
    {
        "table": pl.String,
        "rows": pl.Int64,
        "first": pl.Date,
        "last": pl.Date,
        "version": pl.Int64,
        "content_hash": pl.String,
    }
)
GAPS = pl.Schema(
    {
        "table": pl.String,
        "slice": pl.String,
        "first": pl.Date,
        "last": pl.Date,
        "partitions": pl.Int64,
    }
)
QUARANTINE = pl.Schema({"source_table": pl.String, "reason": pl.String, "rows": pl.Int64})
NAMES = pl.Schema({"symbol": pl.String, "name": pl.String, "sector": pl.String})


def empty(table: str) -> pl.DataFrame:
    """Frame without rows that has the content columns of `table`."""
    return pl.DataFrame(schema=TABLES[table].schema)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportContext:
    """Settings of the deployment that a reader must know.

    Parameters
    ----------
    source
        Where facts come from, for instance `sample` or `folder`.
    simulated
        Whether the facts are simulated.
    parameters
        Settings that change results: horizon, costs, first session.
    code_version
        Version of the code that computed the results.
    planted
        Rank IC planted in a simulated market, by agent.
    """

    source: str
    simulated: bool
    parameters: Parameters
    code_version: str
    planted: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportData:
    """Frames of one report; a table that was never written is a frame without rows.

    Parameters
    ----------
    context
        Settings.
    skill, calibration, performance, var_backtests, trials
        evaluation.agent_skill, calibration, performance, var_backtests, trials.
    returns, risk
        portfolio.returns, portfolio.risk.
    models, supervisor_models
        agents.models, meta.supervisor_models.
    latest
        meta.synthesized_predictions of the last session.
    names
        Name and sector of each symbol as last published.
    presence
        By agent and year of the prediction: predictions, symbols with a price in the sessions
        (`priced`), sessions, and sessions in which the agent said nothing at all.
    inventory
        Every table: rows, partitions, Delta version, content hash; null: never written.
    gaps
        Partitions between the first and the last that were never materialized, by table and slice.
    quarantine
        Rows from outside that broke a contract, by table and reason.
    """

    context: ReportContext
    skill: pl.DataFrame
    calibration: pl.DataFrame
    performance: pl.DataFrame
    var_backtests: pl.DataFrame
    trials: pl.DataFrame
    returns: pl.DataFrame
    risk: pl.DataFrame
    models: pl.DataFrame
    supervisor_models: pl.DataFrame
    latest: pl.DataFrame
    names: pl.DataFrame
    presence: pl.DataFrame
    inventory: pl.DataFrame
    gaps: pl.DataFrame
    quarantine: pl.DataFrame

    @property
    def period(self) -> tuple[date, date] | None:
        """First and last session of the portfolio's returns, else of the predictions, else None."""
        for table in ("portfolio.returns", "agents.predictions", "market.prices"):
            known = self.inventory.filter(pl.col("table") == table).drop_nulls(["first", "last"])
            if not known.is_empty():
                return known.item(0, "first"), known.item(0, "last")
        return None

    @property
    def quarter(self) -> date | None:
        """Quarter at whose start the figures of skill were known."""
        return newest_quarter(self.skill)


def newest_quarter(frame: pl.DataFrame) -> date | None:
    """Last quarter of an evaluation table, None when it has no rows."""
    value = frame.get_column("quarter").max()
    return value if isinstance(value, date) else None


def as_of(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows of the newest quarter: what is known now."""
    return frame.filter(pl.col("quarter") == pl.col("quarter").max())


def mapping(value: list[dict[str, object]] | None) -> dict[str, float | None]:
    """Turn a stored map (list of key-value structs) into a dict, in stored order."""
    found: dict[str, float | None] = {}
    for item in value or []:
        number = item["value"]
        found[str(item["key"])] = number if isinstance(number, float) else None
    return found
