"""MLflow experiments 2.0 as far as a deployment needs them: create, get, find, tag, delete."""

import time

from stocks_ai_assets_tests.workspace import permissions
from stocks_ai_assets_tests.workspace.calls import route
from stocks_ai_assets_tests.workspace.errors import Refused, invalid, missing


class Experiments:
    """Calls on experiments."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.experiments = workspace.collection("experiments")

    def found(self, call, level):
        key = str(call.need("experiment_id"))
        if key not in self.experiments:
            raise missing(f"Node ID {key} does not exist.")
        permissions.check(self.workspace, call.principal, "experiments", key, level)
        return self.experiments[key]

    def named(self, name):
        live = [e for e in self.experiments.values() if e["lifecycle_stage"] == "active"]
        return next((e for e in live if e["name"] == name), None)

    def create(self, call):
        name = call.need("name")
        if not name.startswith("/"):
            raise invalid(f"Got an invalid experiment name '{name}'. Use an absolute path.")
        if self.named(name):
            message = f"Node named '{name}' already exists"
            raise Refused(400, "RESOURCE_ALREADY_EXISTS", message)
        key, now = str(self.workspace.next_id()), int(time.time() * 1000)
        self.experiments[key] = {
            "experiment_id": key,
            "name": name,
            "artifact_location": call.body.get("artifact_location")
            or f"dbfs:/databricks/mlflow-tracking/{key}",
            "lifecycle_stage": "active",
            "creation_time": now,
            "last_update_time": now,
            "tags": call.body.get("tags", []),
        }
        permissions.own(self.workspace, "experiments", key, call.principal)
        return {"experiment_id": key}

    def get(self, call):
        return {"experiment": self.found(call, "CAN_READ")}

    def by_name(self, call):
        experiment = self.named(call.need("experiment_name"))
        if experiment is None:
            raise missing(f"Node {call.need('experiment_name')} does not exist.")
        return {"experiment": experiment}

    def listed(self, call):
        return {
            "experiments": [
                e for e in self.experiments.values() if e["lifecycle_stage"] == "active"
            ]
        }

    def update(self, call):
        self.found(call, "CAN_EDIT")["name"] = call.need("new_name")
        return {}

    def tag(self, call):
        experiment, key = self.found(call, "CAN_EDIT"), call.need("key")
        kept = [t for t in experiment["tags"] if t["key"] != key]
        experiment["tags"] = [*kept, {"key": key, "value": call.body.get("value", "")}]
        return {}

    def stage(self, name):
        def change(call):
            self.found(call, "CAN_MANAGE")["lifecycle_stage"] = name
            return {}

        return change


def routes(workspace):
    """Routes of MLflow experiments."""
    api = Experiments(workspace)
    calls = {
        ("POST", "create"): api.create,
        ("GET", "get"): api.get,
        ("GET", "get-by-name"): api.by_name,
        ("GET", "list"): api.listed,
        ("POST", "search"): api.listed,
        ("POST", "update"): api.update,
        ("POST", "set-experiment-tag"): api.tag,
        ("POST", "delete"): api.stage("deleted"),
        ("POST", "restore"): api.stage("active"),
    }
    return [
        route(workspace, method, f"/api/2.0/mlflow/experiments/{name}", handler)
        for (method, name), handler in calls.items()
    ]
