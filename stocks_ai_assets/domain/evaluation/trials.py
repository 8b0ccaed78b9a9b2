"""The ledger of everything ever evaluated: the N of the deflated Sharpe ratio.

A configuration adds itself once, when it is first evaluated. Rows are never removed: a discarded
idea was still a chance to be lucky.
"""

import hashlib
import json
from collections.abc import Sequence

import polars as pl

from stocks_ai_assets.domain.portfolio.weights import STRATEGIES
from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.tables import TABLES


def trial_rows(
    parameters: Parameters,
    *,
    agents: Sequence[str],
    source: str,
    universe: Sequence[str],
    code_version: str,
    strategies: Sequence[str] = STRATEGIES,
) -> pl.DataFrame:
    """Return the trials that one deployment's settings stand for.

    Parameters
    ----------
    parameters
        Horizon, costs, first session.
    agents
        Names of the agents; each is a trial, and together they are what the strategies follow.
    source
        Where facts come from, for instance `sample`.
    universe
        Symbols; their order does not matter.
    code_version
        Version of the code that evaluates.
    strategies
        Strategies of the portfolio that follow a score; each is a trial.

    Returns
    -------
    pl.DataFrame
        Content of evaluation.trials, sorted by trial_id; the same settings give the same rows.
    """
    common = {
        "agents": sorted(agents),
        "borrow_bp": parameters.borrow_bp,
        "code_version": code_version,
        "cost_bp": parameters.cost_bp,
        "first_session": parameters.first_session.isoformat(),
        "horizon": parameters.horizon,
        "source": source,
        "universe": sorted(set(universe)),
    }
    rows = []
    for kind, names in (("agent", agents), ("strategy", strategies)):
        for name in names:
            text = json.dumps(common | {kind: name}, sort_keys=True, separators=(",", ":"))
            rows.append(
                {
                    "trial_id": hashlib.sha256(text.encode()).hexdigest(),
                    "configuration": text,
                    "strategy": name,
                    "horizon": parameters.horizon,
                }
            )
    return pl.DataFrame(rows, schema=TABLES["evaluation.trials"].schema).sort("trial_id")


def merge_trials(ledger: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Return the ledger with the trials it does not have yet, sorted by trial_id."""
    return pl.concat([ledger, new.join(ledger, on="trial_id", how="anti")]).sort("trial_id")
