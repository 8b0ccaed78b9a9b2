"""The newest ESG risk rating known; comparing companies belongs to the agent."""

import polars as pl

from stocks_ai_assets.domain.signals.as_known import known_at
from stocks_ai_assets.domain.transform import ALL, Frames, Input, Parameters, Transform, Window

RISKS = ("total_risk", "environment_risk", "social_risk", "governance_risk")


def transform(parameters: Parameters) -> Transform:  # noqa: ARG001  # one signature for all signals
    """Declare signals.esg."""
    return Transform(
        name="signals/esg",
        table="signals.esg",
        inputs={
            "technical": Input(table="signals.technical", columns=("symbol", "session")),
            "esg_ratings": Input(
                table="market.esg_ratings", lookback=ALL, columns=("symbol", *RISKS, "known_on")
            ),
        },
        by="symbol",
        function=esg,
        description="The newest ESG risk rating known at each session; null before the first one.",
    )


def esg(frames: Frames, window: Window) -> pl.DataFrame:
    """Rows of signals.esg for the window's sessions.

    A rating counts from the session on which it became known until the next one does, a withdrawn
    one (null) too. What a rating was for days before is never filled in.
    """
    sessions = window.only(frames["technical"], "session").select("symbol", "session")
    ratings = frames["esg_ratings"].select("symbol", *RISKS, "known_on")
    return known_at(sessions, ratings, by=["symbol"]).select(
        "symbol", "session", *RISKS, rated_on="known_on"
    )
