"""Which assets are launched as steps of a workspace."""

from stocks_ai_assets.deployment import open_deployment
from stocks_ai_assets.settings import Settings


def test_every_asset_that_computes_asks_for_the_step_launcher_and_no_other_does(tmp_path):
    registry = open_deployment(Settings(home=tmp_path)).registry
    asking = {
        asset.key.to_user_string()
        for asset in registry.assets
        if "step_launcher" in asset.required_resource_keys
    }
    computing = {name for name, node in registry.nodes.items() if node.transform is not None}
    assert asking == computing
    assert {name.split("/")[0] for name in computing} >= {
        "signals",
        "agents",
        "meta",
        "portfolio",
        "evaluation",
    }
