"""Eight agents: what each makes of its signals at the close of a session."""

from stocks_ai_assets.domain.agents.prediction import transform
from stocks_ai_assets.domain.agents.registry import AGENTS
from stocks_ai_assets.domain.transform import Parameters, Transform


def transforms(parameters: Parameters) -> tuple[Transform, ...]:  # noqa: ARG001  # one signature
    """Declarations of the agents' predictions, in the order of the registry."""
    return tuple(transform(agent) for agent in AGENTS)
