"""Where a prediction came from: facts, signals, agents, synthesis, and the versions behind them.

Everything is read from the lake as it was known after the session's close; nothing is recomputed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from stocks_ai_assets.deployment import Deployment
from stocks_ai_assets.domain.calendar import nyse, quarter_start
from stocks_ai_assets.errors import TableMissingError, UnknownSymbolError
from stocks_ai_assets.tables import TABLES

PREDICTIONS = "agents.predictions"
SYNTHESIZED = "meta.synthesized_predictions"

FACTS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "market.prices": ((), "session"),
    "market.corporate_actions": ((), "ex_date"),
    "market.companies": ((), "known_on"),
    "market.company_facts": (("item",), "period_end"),
    "market.earnings": ((), "reaction_session"),
    "market.analyst_ratings": (("firm",), "graded_at"),
    "market.esg_ratings": ((), "known_on"),
    "market.macro_observations": (("series_id",), "observation_date"),
}
"""By table: what separates its figures, and by which column the newest is chosen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """One symbol at one session.

    Parameters
    ----------
    symbol, session, cutoff
        What is explained, and until when (UTC) a fact had to be public.
    synthesis
        Row of meta.synthesized_predictions, with stamps; None: the supervisor abstained.
    agents
        Rows of agents.predictions, with stamps, in the order of the table.
    models
        Model of each agent, of volatility and of the supervisor in use, by name.
    signals
        By table: column -> value. Units and meanings are in the contracts.
    facts
        By table: the newest row known of each figure.
    versions
        Newest Delta version of every table read here.
    """

    symbol: str
    session: date
    cutoff: datetime
    synthesis: dict[str, Any] | None
    agents: tuple[dict[str, Any], ...]
    models: dict[str, dict[str, Any]]
    signals: dict[str, dict[str, Any]]
    facts: dict[str, list[dict[str, Any]]]
    versions: dict[str, int]


def explain(deployment: Deployment, symbol: str, session: date) -> Explanation:
    """Collect what is behind the predictions of `symbol` after the close of `session`.

    Raises
    ------
    TableMissingError
        The session is not materialized.
    UnknownSymbolError
        The session has no such symbol.
    """
    lake = deployment.lake
    _require(deployment, symbol, session)
    reader = _Reader(deployment=deployment, symbol=symbol, session=session, versions={})
    synthesis = reader.rows(SYNTHESIZED, with_stamps=True)
    signals = {
        name: rows[0]
        for name in TABLES
        if name.startswith("signals.") and lake.version(name) is not None
        if (rows := reader.rows(name))
    }
    return Explanation(
        symbol=symbol,
        session=session,
        cutoff=nyse().cutoff(session),
        synthesis=synthesis[0] if synthesis else None,
        agents=tuple(reader.rows(PREDICTIONS, with_stamps=True)),
        models=reader.models(),
        signals=signals,
        facts={name: found for name in FACTS if (found := reader.facts(name))},
        versions=reader.versions,
    )


def _require(deployment: Deployment, symbol: str, session: date) -> None:
    covered = deployment.lake.materialized("signals.technical", None)
    if not any(first <= session <= last for first, last in covered):
        raise TableMissingError(
            f"signals.technical of {session} is not materialized. Run: stocks-ai backfill "
            f"--from {deployment.settings.first_session} --to {session}"
        )
    symbols = deployment.lake.read(
        "signals.technical", first=session, last=session, columns=("symbol",)
    ).get_column("symbol")
    if symbol not in symbols:
        near = [each for each in symbols if each[:1] == symbol[:1]][:8]
        raise UnknownSymbolError(
            f"{symbol} had no price on {session}. Symbols that start alike: "
            f"{', '.join(near) or 'none'}."
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reader:
    deployment: Deployment
    symbol: str
    session: date
    versions: dict[str, int]

    def _read(self, table: str, first: date | None, last: date, **options: Any) -> pl.DataFrame:
        version = self.deployment.lake.version(table)
        if version is None:
            return pl.DataFrame(schema=TABLES[table].schema)
        self.versions[table] = version
        return self.deployment.lake.read(table, first=first, last=last, version=version, **options)

    def rows(self, table: str, *, with_stamps: bool = False) -> list[dict[str, Any]]:
        """Rows of a table by session."""
        found = self._read(table, self.session, self.session, with_stamps=with_stamps)
        if "symbol" in found.columns:
            found = found.filter(pl.col("symbol") == self.symbol)
        return found.to_dicts()

    def models(self) -> dict[str, dict[str, Any]]:
        """Models in use in the session's quarter."""
        quarter = quarter_start(self.session)
        agents = self._read("agents.models", quarter, quarter).to_dicts()
        found = {str(row["model"]): row for row in agents}
        for row in self._read("meta.supervisor_models", quarter, quarter).to_dicts():
            found["supervisor"] = row
        return found

    def facts(self, table: str) -> list[dict[str, Any]]:
        """Newest row known by the session of each figure of a fact table."""
        groups, newest = FACTS[table]
        found = self._read(table, None, self.session)
        if "symbol" in found.columns:
            found = found.filter(pl.col("symbol") == self.symbol)
        ordered = found.sort(newest, "known_on", nulls_last=False)
        kept = ordered.group_by(groups, maintain_order=True).last() if groups else ordered.tail(1)
        return kept.sort(groups or newest).select(TABLES[table].columns).to_dicts()
