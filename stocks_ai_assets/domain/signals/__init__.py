"""Point-in-time signals: one module per table. A signal reads the past of one symbol."""

from stocks_ai_assets.domain.signals import (
    esg,
    events,
    fundamentals,
    macro,
    risk,
    sector,
    technical,
    valuation,
)
from stocks_ai_assets.domain.transform import Parameters, Transform

_MODULES = (technical, risk, sector, macro, fundamentals, valuation, events, esg)


def transforms(parameters: Parameters) -> tuple[Transform, ...]:
    """Declarations of the signals: prices first, then what is measured against them."""
    return tuple(module.transform(parameters) for module in _MODULES)
