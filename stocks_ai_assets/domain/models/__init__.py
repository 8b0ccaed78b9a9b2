"""Models by quarter: fitted only on what had matured before the quarter's first session."""

from stocks_ai_assets.domain.models import agent_models, volatility
from stocks_ai_assets.domain.transform import Parameters, Transform


def transforms(parameters: Parameters) -> tuple[Transform, ...]:
    """Declarations of the models: volatility first, then one per agent."""
    return (volatility.transform(parameters), *agent_models.agent_transforms())
