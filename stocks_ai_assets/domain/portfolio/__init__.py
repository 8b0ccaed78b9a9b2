"""From synthesized scores to weights, returns after costs, and risk."""

from stocks_ai_assets.domain.portfolio import returns, risk, weights
from stocks_ai_assets.domain.transform import Parameters, Transform


def transforms(parameters: Parameters) -> tuple[Transform, ...]:
    """Declarations of this layer, in the order of the data flow."""
    return (
        weights.transform(parameters),
        returns.transform(parameters),
        risk.transform(parameters),
    )
