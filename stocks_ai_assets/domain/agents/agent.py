"""What an agent is: signals it reads, a score across the symbols of a session, and its reasons.

An agent is one module with one `Agent` and one line in `registry.py`. It only forms an opinion;
how much the opinion is worth is fitted by `domain.models`, and turned into a prediction by
`prediction.py`, the same way for all agents.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from stocks_ai_assets.domain.agents.exposure import Exposure
from stocks_ai_assets.domain.cross_section import CrossSection
from stocks_ai_assets.domain.panel import Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class Component:
    """One reason of a score.

    Parameters
    ----------
    name
        Column of the signal, or the name of what was made of it.
    value
        The signal itself, in its own unit, symbols x sessions; NaN: not known.
    opinion
        What the signal says, on [-1, 1], up is good; NaN: nothing.
    share
        Its weight among the components before they are averaged.
    """

    name: str
    value: Floats
    opinion: Floats
    share: float | Floats = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Opinion:
    """Scores on [-1, 1] as symbols x sessions, NaN where the agent abstains, and their reasons."""

    score: Floats
    components: tuple[Component, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """All that an agent may look at; every array is symbols x sessions.

    Parameters
    ----------
    section
        The grid, with sectors and issuers.
    signals
        The agent's signals by column; signals of the market are repeated for every symbol.
    exposure
        Beta and volatility of every symbol.
    parameters
        Parameters of the agent's own model in use at each session; NaN: not fitted.
    """

    section: CrossSection
    signals: Mapping[str, Floats]
    exposure: Exposure
    parameters: Mapping[str, Floats]


@dataclass(frozen=True, kw_only=True, slots=True)
class Agent:
    """Declaration of one agent.

    Parameters
    ----------
    name
        Lower-case name: slice of agents.predictions and agents.models.
    title
        What it looks at, in a few words, for people.
    score
        Opinion from evidence.
    table
        Table of its signals; None: it needs only exposures.
    columns
        Columns of that table that it reads.
    label
        What its skill is measured on: `residual` (return less beta x market) for opinions about
        single names; `raw` for opinions about the market, which the residual takes out.
    votes
        Whether the supervisor counts it.
    has_alpha
        Whether its score claims a return at all.
    times_market
        Whether its model also holds regressions of the market on macroeconomic predictors.
    sources
        Literature behind the score.
    """

    name: str
    title: str
    score: Callable[[Evidence], Opinion]
    table: str | None = None
    columns: tuple[str, ...] = ()
    label: Literal["residual", "raw"] = "residual"
    votes: bool = False
    has_alpha: bool = True
    times_market: bool = False
    sources: str = ""

    def evidence(
        self,
        frames: Mapping[str, pl.DataFrame],
        section: CrossSection,
        exposure: Exposure,
        parameters: Mapping[str, Floats],
    ) -> Evidence:
        """Place the agent's signals on the grid of `section`."""
        signals: dict[str, Floats] = {}
        if self.table is not None:
            frame = frames[frame_name(self.table)]
            if "symbol" in frame.columns:
                at = section.panel.places(frame)
                signals = {
                    column: section.panel.values(at, frame.get_column(column))
                    for column in self.columns
                }
            else:
                signals = {column: section.broadcast(frame, column) for column in self.columns}
        return Evidence(section=section, signals=signals, exposure=exposure, parameters=parameters)


def frame_name(table: str) -> str:
    """Name under which a transform finds the rows of `table`: its last part."""
    return table.rsplit(".", maxsplit=1)[-1]
