"""Every transform of the project: what assets, engines, replay and the proofs are made from."""

from functools import cache

from stocks_ai_assets.domain import agents, evaluation, models, portfolio, signals, synthesis
from stocks_ai_assets.domain.transform import Parameters, Transform
from stocks_ai_assets.errors import UnknownNameError

_LAYERS = (signals, models, agents, evaluation, synthesis, portfolio)


@cache
def transforms(parameters: Parameters) -> tuple[Transform, ...]:
    """Declarations of all computed tables, in the order of the layers."""
    return tuple(each for layer in _LAYERS for each in layer.transforms(parameters))


def transform(name: str, parameters: Parameters) -> Transform:
    """Return the transform `name`, or raise `UnknownNameError` with the names there are."""
    for each in transforms(parameters):
        if each.name == name:
            return each
    names = ", ".join(each.name for each in transforms(parameters))
    raise UnknownNameError(f"No computed table `{name}`. There are: {names}.")
