"""What came of predictions, and whether skill, calibration and profit are more than luck."""

from stocks_ai_assets.domain.evaluation import (
    calibration,
    outcomes,
    performance,
    skill,
    var_tests,
)
from stocks_ai_assets.domain.transform import Parameters, Transform


def transforms(parameters: Parameters) -> tuple[Transform, ...]:
    """Declarations of this layer, in the order of the data flow."""
    return (
        outcomes.transform(parameters),
        skill.transform(parameters),
        calibration.transform(parameters),
        performance.transform(parameters),
        var_tests.transform(parameters),
    )
