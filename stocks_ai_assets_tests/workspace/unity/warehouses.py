"""SQL warehouses: one exists in a new workspace, stopped; statements start it."""

import secrets

from stocks_ai_assets_tests.workspace.errors import missing
from stocks_ai_assets_tests.workspace.unity.calls import table_of
from stocks_ai_assets_tests.workspace.unity.catalog import unity_of

PATH = "/api/2.0/sql/warehouses"
GIVEN = (
    "name",
    "cluster_size",
    "auto_stop_mins",
    "min_num_clusters",
    "max_num_clusters",
    "enable_photon",
    "enable_serverless_compute",
    "warehouse_type",
    "spot_instance_policy",
    "channel",
    "tags",
)
DEFAULTS = {
    "cluster_size": "X-Small",
    "auto_stop_mins": 10,
    "min_num_clusters": 1,
    "max_num_clusters": 1,
    "enable_photon": True,
    "enable_serverless_compute": True,
    "warehouse_type": "PRO",
}


def warehouses(workspace) -> dict:
    """Warehouses by id."""
    found = workspace.collection("warehouses")
    if not found:
        _add(found, "System user", name="Serverless Starter Warehouse")
    return found


def get(workspace, key) -> dict:
    """A warehouse; an unknown id is refused."""
    found = warehouses(workspace).get(str(key))
    if found is None:
        raise missing(f"The SQL warehouse {key} does not exist.")
    return found


def _add(found, creator, **given):
    key = secrets.token_hex(8)
    found[key] = {"id": key, "creator_name": creator, **DEFAULTS, **given, "state": "STOPPED"}
    return found[key]


class Warehouses:
    """Handlers of warehouses."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.unity = unity_of(workspace)

    def listing(self, _call):
        return {"warehouses": [*warehouses(self.workspace).values()]}

    def create(self, call):
        name = str(call.need("name"))
        if any(one["name"] == name for one in warehouses(self.workspace).values()):
            raise self.unity.bad(f"SQL warehouse with name `{name}` already exists")
        given = {key: call.body[key] for key in GIVEN if call.body.get(key) is not None}
        made = _add(warehouses(self.workspace), call.principal.name, **given)
        made["state"] = "RUNNING"
        return {"id": made["id"]}

    def one(self, call):
        return get(self.workspace, call.path["key"])

    def start(self, call):
        self.one(call)["state"] = "RUNNING"
        return {}

    def stop(self, call):
        self.one(call)["state"] = "STOPPED"
        return {}

    def edit(self, call):
        self.one(call).update(
            {key: call.body[key] for key in GIVEN if call.body.get(key) is not None}
        )
        return {}

    def delete(self, call):
        del warehouses(self.workspace)[self.one(call)["id"]]
        return {}


def routes(workspace):
    """Routes of warehouses."""
    here = Warehouses(workspace)
    return table_of(
        workspace,
        [
            ("GET", PATH, here.listing),
            ("POST", PATH, here.create),
            ("GET", f"{PATH}/{{key}}", here.one),
            ("POST", f"{PATH}/{{key}}/start", here.start),
            ("POST", f"{PATH}/{{key}}/stop", here.stop),
            ("POST", f"{PATH}/{{key}}/edit", here.edit),
            ("DELETE", f"{PATH}/{{key}}", here.delete),
        ],
        oss=False,
    )
