"""One session of made-up evidence for one agent."""

from collections.abc import Callable

import numpy as np
import pytest

from stocks_ai_assets.domain.agents.agent import Evidence, Opinion
from stocks_ai_assets.domain.agents.exposure import Exposure
from stocks_ai_assets.domain.agents.registry import agent

N = 48


@pytest.fixture(scope="session")
def opinion_of(section_of) -> Callable[..., Opinion]:
    """Opinion of an agent about 48 companies; a signal is one number for all, or one for each."""

    def ask(name, signals, *, sectors=None, beta=1.0, parameters=None) -> Opinion:
        section = section_of(N, sectors=sectors)
        ones = np.ones((N, 1))
        column = {
            key: ones * np.reshape(np.asarray(value, dtype=float), (-1, 1))
            for key, value in signals.items()
        }
        betas = ones * np.reshape(np.asarray(beta, dtype=float), (-1, 1))
        return agent(name).score(
            Evidence(
                section=section,
                signals=column,
                exposure=Exposure(
                    beta=betas, residual_volatility=0.01 * ones, volatility=0.02 * ones
                ),
                parameters={key: np.array([value]) for key, value in (parameters or {}).items()},
            )
        )

    return ask


@pytest.fixture(scope="session")
def score_of(opinion_of) -> Callable[..., np.ndarray]:
    """Scores of the 48 companies."""
    return lambda *arguments, **more: opinion_of(*arguments, **more).score[:, 0]
