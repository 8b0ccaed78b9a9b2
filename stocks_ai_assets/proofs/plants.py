"""Planted leaks: mistakes that backtests really contain, to show that the proof would find them.

A plant wraps a transform's function or a source's answer from outside; the product knows of none.
"""

from collections.abc import Callable
from dataclasses import dataclass

from stocks_ai_assets.domain.transform import Transform
from stocks_ai_assets.errors import UnknownNameError
from stocks_ai_assets.proofs import planted_sources, planted_transforms
from stocks_ai_assets.sources.ports import Source


def _same_transform(transform: Transform) -> Transform:
    return transform


def _same_source(source: Source) -> Source:
    return source


@dataclass(frozen=True, kw_only=True, slots=True)
class Plant:
    """One planted leak.

    Parameters
    ----------
    name
        Name to ask for it by.
    title
        What is wrong, in words.
    imitates
        The mistake of real projects that it stands for.
    where
        Asset whose rows go wrong first.
    transform, source
        From right to wrong; each leaves alone what it does not concern.
    """

    name: str
    title: str
    imitates: str
    where: str
    transform: Callable[[Transform], Transform] = _same_transform
    source: Callable[[Source], Source] = _same_source


_ALL = (
    Plant(
        name="label_shifted_by_one",
        title="Outcomes end one open after the session on which they are said to have matured",
        imitates="a shift with the wrong sign or length when labels are built",
        where="evaluation/outcomes",
        transform=planted_transforms.label_shifted_by_one,
    ),
    Plant(
        name="momentum_off_by_one",
        title="Momentum takes in the return of the session after the prediction",
        imitates="a window that is one session too long at its near end",
        where="signals/technical",
        transform=planted_transforms.momentum_off_by_one,
    ),
    Plant(
        name="filing_at_period_end",
        title="Filings are known on the last day of their period",
        imitates="joining fundamentals on the period instead of the filing date",
        where="market/company_facts",
        source=planted_sources.filing_at_period_end,
    ),
    Plant(
        name="earnings_one_session_early",
        title="Earnings are known one session before they were announced",
        imitates="taking an announcement after the close for one of the same day, or time zones",
        where="market/earnings",
        source=planted_sources.earnings_one_session_early,
    ),
    Plant(
        name="back_filled_esg",
        title="Today's ESG ratings apply to the whole past",
        imitates="a vendor's current snapshot joined to history",
        where="market/esg_ratings",
        source=planted_sources.back_filled_esg,
    ),
    Plant(
        name="model_sees_its_own_quarter",
        title="Models are fitted on what matured in the quarter in which they are used",
        imitates="a walk-forward split that is off by one period",
        where="agents/models/volatility",
        transform=planted_transforms.model_sees_its_own_quarter,
    ),
    Plant(
        name="correction_under_its_old_date",
        title="Restated figures stand under the date of the filing they correct",
        imitates="a vendor or a merge that overwrites history",
        where="market/company_facts",
        source=planted_sources.correction_under_its_old_date,
    ),
    Plant(
        name="latest_revised_macro",
        title="Macroeconomic series are those revised until today",
        imitates="a download of the current series instead of its vintages",
        where="market/macro_observations",
        source=planted_sources.latest_revised_macro,
    ),
    Plant(
        name="todays_sectors",
        title="Companies are in the sector they are in today",
        imitates="a current classification joined to history",
        where="market/companies",
        source=planted_sources.todays_sectors,
    ),
    Plant(
        name="calibration_sees_immature_outcomes",
        title="Predictions count as matured on the day after they were made",
        imitates="a missing purge between the end of the labels and their use",
        where="evaluation/calibration",
        transform=planted_transforms.calibration_sees_immature_outcomes,
    ),
)

PLANTS: dict[str, Plant] = {plant.name: plant for plant in _ALL}
"""Every plant by name."""


def plant(name: str) -> Plant:
    """Return the plant `name`, or raise `UnknownNameError` with the names there are."""
    if name in PLANTS:
        return PLANTS[name]
    raise UnknownNameError(f"No plant `{name}`. Plants: {', '.join(PLANTS)}.")
