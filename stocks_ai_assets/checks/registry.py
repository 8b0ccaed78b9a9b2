"""All checks of one deployment: one step per layer."""

from collections.abc import Mapping

import dagster as dg

from stocks_ai_assets.assets.nodes import Node
from stocks_ai_assets.checks.computed import prediction_rules, signal_rules
from stocks_ai_assets.checks.facts import fact_rules
from stocks_ai_assets.checks.plausibility import evaluation_rules
from stocks_ai_assets.checks.rule import layer_checks
from stocks_ai_assets.domain.transform import Parameters


def checks(nodes: Mapping[str, Node], parameters: Parameters) -> list[dg.AssetChecksDefinition]:
    """Return the checks of every layer; rules about assets that do not exist are left out."""
    layers = {
        "market": fact_rules(),
        "signals": signal_rules(nodes),
        "predictions": prediction_rules(nodes),
        "evaluation": evaluation_rules(),
    }
    return [
        layer_checks(layer, kept, nodes, parameters)
        for layer, rules in layers.items()
        if (kept := [rule for rule in rules if rule.asset in nodes])
    ]
