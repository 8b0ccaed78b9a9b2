"""Labels without the market's part: y - beta x market, what an alpha agent is judged by."""

import numpy as np
import polars as pl

from stocks_ai_assets.domain.panel import Floats, Panel, filled, total


def shrunk_betas(risk: pl.DataFrame, panel: Panel) -> Floats:
    """Beta of every symbol and session, drawn towards the mean of the session.

    Parameters
    ----------
    risk
        `symbol`, `session`, `beta_raw`, `beta_variance` of signals.risk.
    panel
        Grid.

    Returns
    -------
    Floats
        Symbols x sessions; NaN where beta is not known.

    Notes
    -----
    Vasicek (1973): weight of the own beta = V / (V + its squared standard error), V the variance
    of beta across the session's symbols; the rest goes to their mean.
    """
    at = panel.places(risk)
    beta = panel.values(at, risk.get_column("beta_raw"))
    error = panel.values(at, risk.get_column("beta_variance"))
    known = ~np.isnan(beta) & ~np.isnan(error)
    count = np.maximum(known.sum(axis=0), 1)
    mean = total(np.where(known, filled(beta), 0.0)) / count
    deviation = np.where(known, beta - mean, 0.0)
    spread = total(deviation * deviation) / np.maximum(count - 1, 1)
    weight = spread / np.maximum(spread + filled(error), np.finfo(float).tiny)
    return np.where(known, weight * filled(beta) + (1.0 - weight) * mean, np.nan)
