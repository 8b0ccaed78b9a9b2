"""Predictions of the voting agents in the made-up world, and what the supervisor reads of them."""

from collections.abc import Mapping

import polars as pl
import pytest

from stocks_ai_assets.domain.agents.prediction import predictions, transform
from stocks_ai_assets.domain.agents.registry import VOTERS, agent
from stocks_ai_assets.domain.synthesis.supervisor import supervisor_models


@pytest.fixture(scope="session")
def voted(world, agent_models) -> pl.DataFrame:
    """Scores of the voting agents at every session of the world."""
    frames = {**world.frames, "models": agent_models}
    rows = []
    for name in VOTERS:
        wanted = {key: frames[key] for key in transform(agent(name)).inputs}
        rows.append(predictions(wanted, world.window(*world.sessions), agent=agent(name)))
    return pl.concat(rows).select("agent", "symbol", "prediction_date", "score")


@pytest.fixture(scope="session")
def supervised(world, agent_models, voted) -> Mapping[str, pl.DataFrame]:
    """Frames of the supervisor's model."""
    world_frames = {name: world.frames[name] for name in ("outcomes", "risk", "sector")}
    return {**world_frames, "models": agent_models, "predictions": voted}


@pytest.fixture(scope="session")
def supervisors(world, supervised) -> pl.DataFrame:
    """The supervisor's models of all quarters."""
    return supervisor_models(supervised, world.window(*world.quarters))
