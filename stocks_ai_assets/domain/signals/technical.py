"""Technical signals: what prices and corporate actions alone say about one symbol's past."""

import polars as pl

from stocks_ai_assets.domain.signals.returns import YEAR, enough, histories
from stocks_ai_assets.domain.transform import (
    ALL,
    Frames,
    Input,
    Parameters,
    Transform,
    Window,
)
from stocks_ai_assets.domain.windows import Windows
from stocks_ai_assets.tables import TABLES

MONTH = 21
"""Sessions at the end of a momentum that are left out: they tend to reverse (Jegadeesh 1990)."""

PRICE_COLUMNS = ("symbol", "session", "open", "close", "volume", "known_on")


def technical(frames: Frames, window: Window) -> pl.DataFrame:
    """Momentum, volatility and traded value of every symbol with a price.

    Parameters
    ----------
    frames
        `prices` with 252 sessions before the window, `corporate_actions` from the beginning.
    window
        Sessions to produce.

    Returns
    -------
    pl.DataFrame
        Content of signals.technical. Returns are null after a hole; momentum needs every return
        of its window, the means and standard deviations `enough` of them.

    Notes
    -----
    Momentum from t-252 (or t-126) to t-21: product of 1 + total_return over the sessions after the
    first and up to the last, less 1 (Jegadeesh & Titman 1993).
    """
    batches = histories(frames["prices"], frames["corporate_actions"], window, YEAR)
    return pl.concat([_signals(history) for history in batches])


def _signals(history: pl.DataFrame) -> pl.DataFrame:
    windows = Windows(history, key="view")
    total_return = history.get_column("total_return")
    value = history.get_column("close") * history.get_column("volume")
    return (
        history.with_columns(
            *(
                windows.std(total_return, n, min_samples=enough(n)).alias(f"volatility_{n}")
                for n in (21, 63, 126)
            ),
            *(
                windows.compound(total_return, n - MONTH, skip=MONTH).alias(f"momentum_{n}_{MONTH}")
                for n in (252, 126)
            ),
            dollar_volume_21=windows.mean(value, 21, min_samples=enough(21)),
        )
        .filter("produced")
        .select(TABLES["signals.technical"].columns)
    )


def transform(parameters: Parameters) -> Transform:  # noqa: ARG001  # one signature
    """Declaration of `signals/technical`."""
    return Transform(
        name="signals/technical",
        table="signals.technical",
        inputs={
            "prices": Input(table="market.prices", lookback=YEAR, columns=PRICE_COLUMNS),
            "corporate_actions": Input(table="market.corporate_actions", lookback=ALL),
        },
        by="symbol",
        function=technical,
        description=(
            "Total returns from as-traded prices and the corporate actions known by then; "
            "momentum, volatility and traded value over windows of sessions."
        ),
    )
