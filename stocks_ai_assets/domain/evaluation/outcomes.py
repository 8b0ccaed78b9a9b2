"""What came of predictions: realised returns, in the partition of the session they matured on."""

import polars as pl

from stocks_ai_assets.domain.labels import holding_returns, market_returns
from stocks_ai_assets.domain.transform import Frames, Input, Parameters, Transform, Window
from stocks_ai_assets.tables import TABLES


def outcomes(frames: Frames, window: Window) -> pl.DataFrame:
    """Realised returns that matured in the window's sessions.

    Parameters
    ----------
    frames
        `technical` (symbol, session, open_return) and `benchmarks`, with horizon + 1 sessions
        before the window.
    window
        Sessions on which the outcomes matured.

    Returns
    -------
    pl.DataFrame
        Content of evaluation.outcomes: one row for every symbol with a price on prediction_date;
        prediction dates before the first session have no outcome. See
        `domain.labels.holding_returns` for symbols that stop trading.
    """
    parameters, calendar = window.parameters, window.calendar
    market = market_returns(frames["benchmarks"], calendar, parameters.horizon)
    labels = holding_returns(frames["technical"], calendar, parameters.horizon)
    mature = window.only(labels, "matured_on").filter(
        pl.col("prediction_date") >= parameters.first_session
    )
    return (
        mature.join(market.select("matured_on", "market_return"), on="matured_on", how="left")
        .with_columns(horizon=pl.lit(parameters.horizon, dtype=pl.Int32))
        .select(TABLES["evaluation.outcomes"].columns)
        .sort("symbol", "prediction_date")
    )


def transform(parameters: Parameters) -> Transform:
    """Declaration of `evaluation/outcomes`."""
    reach = parameters.horizon + 1
    return Transform(
        name="evaluation/outcomes",
        table="evaluation.outcomes",
        inputs={
            "technical": Input(
                table="signals.technical",
                lookback=reach,
                columns=("symbol", "session", "open_return"),
            ),
            "benchmarks": Input(
                table="market.benchmarks",
                lookback=reach,
                columns=("benchmark", "session", "open_return", "known_on"),
            ),
        },
        by="symbol",
        function=outcomes,
        description=(
            "Realised total return of every symbol from the open after the prediction to the open "
            "horizon sessions later, and the market's, in the partition in which it matured."
        ),
    )
