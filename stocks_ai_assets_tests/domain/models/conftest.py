"""A simulated panel whose scores have a known skill, for ten years."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pytest

from stocks_ai_assets.domain.agents.exposure import Exposure
from stocks_ai_assets.domain.calendar import nyse, quarters_between
from stocks_ai_assets.domain.cross_section import CrossSection
from stocks_ai_assets.domain.models.maturity import Outcomes
from stocks_ai_assets.domain.transform import Parameters, Window

START, END, HORIZON, N = date(2010, 1, 4), date(2019, 12, 31), 5, 150


@dataclass(frozen=True)
class Simulated:
    """Scores, exposures and what came of them; symbols x sessions."""

    score: np.ndarray
    exposure: Exposure
    outcomes: Outcomes
    section: CrossSection
    window: Window

    @property
    def prior(self) -> dict[date, dict[str, float]]:
        """The market's historical mean by quarter."""
        return {quarter: {"market_mean": 0.001} for quarter in self.window.partitions}


@pytest.fixture(scope="session")
def simulated(section_of) -> Callable[..., Simulated]:
    """Uniform scores whose rank correlation with residual returns is `skill` on average."""

    def make(skill: float, *, seed: int = 1, tails: bool = False, beta_sd: float = 0.0):
        rng = np.random.default_rng(seed)
        sessions = nyse().between(START, END)
        section = section_of(N, sessions=sessions)
        shape = section.panel.shape
        order = rng.random(shape).argsort(axis=0).argsort(axis=0)
        score = 2.0 * order / (N - 1) - 1.0
        # Spearman's correlation of a uniform score with a normal label is .977 of Pearson's.
        strength = skill / 0.977
        noise = rng.standard_t(4, shape) / np.sqrt(2.0) if tails else rng.normal(size=shape)
        z = strength * np.sqrt(3.0) * score + np.sqrt(1.0 - strength**2) * noise
        # With `tails` volatility differs between companies and comes in clusters, too.
        level = 0.01 * np.exp(rng.normal(0.0, 0.4, (N, 1)) * tails)
        regime = np.exp(0.5 * np.sin(np.arange(shape[1]) / 60.0) * tails)
        residual = level * regime * np.ones(shape)
        beta = 1.0 + beta_sd * rng.normal(size=(N, 1)) * np.ones(shape)
        market = rng.normal(0.001, 0.01 * np.sqrt(HORIZON), shape[1])
        exposure = Exposure(
            beta=beta,
            residual_volatility=residual,
            volatility=np.sqrt(residual**2 + (0.01 * beta) ** 2),
        )
        window = Window(
            partitions=quarters_between(START, END),
            calendar=nyse(),
            parameters=Parameters(first_session=START, horizon=HORIZON),
        )
        outcomes = Outcomes(
            total_return=beta * market + residual * np.sqrt(HORIZON) * z,
            market_return=market,
            matured_on=tuple(nyse().offset(s, HORIZON + 1) for s in sessions),
        )
        return Simulated(score, exposure, outcomes, section, window)

    return make
