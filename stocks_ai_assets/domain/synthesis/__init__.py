"""The supervisor: weights of the agents, and their synthesis into one prediction per symbol."""

from stocks_ai_assets.domain.synthesis import supervisor, synthesis
from stocks_ai_assets.domain.transform import Parameters, Transform


def transforms(parameters: Parameters) -> tuple[Transform, ...]:
    """Declarations of the synthesis, in the order of the data flow."""
    return (supervisor.transform(parameters), synthesis.transform(parameters))
