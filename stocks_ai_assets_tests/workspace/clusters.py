"""Clusters API 2.0 and 2.1: clusters, their states and events; Spark versions, node types."""

import time

from stocks_ai_assets_tests.workspace import permissions
from stocks_ai_assets_tests.workspace.calls import versioned
from stocks_ai_assets_tests.workspace.errors import Refused, invalid
from stocks_ai_assets_tests.workspace.policies import apply_policy

SPARK_VERSIONS = {
    "19.x-scala2.13": "19 (includes Apache Spark 4.2, Scala 2.13)",
    "18.x-scala2.13": "18 LTS (includes Apache Spark 4.1, Scala 2.13)",
    "17.3.x-scala2.13": "17.3 LTS (includes Apache Spark 4.0, Scala 2.13)",
    "16.4.x-scala2.12": "16.4 LTS (includes Apache Spark 3.5, Scala 2.12)",
}
NODES = {
    "i3.xlarge": (4, 31232),
    "i3.2xlarge": (8, 62464),
    "m5d.large": (2, 8192),
    "m5d.xlarge": (4, 16384),
    "m5d.2xlarge": (8, 32768),
    "r5d.large": (2, 16384),
    "r5d.xlarge": (4, 32768),
    "Standard_DS3_v2": (4, 14336),
    "n2-highmem-4": (4, 32768),
}
"""Node type: cores, memory in MB."""


def checked_spec(workspace, principal, spec: dict, *, need_size: bool = True) -> dict:
    """Return a cluster's specification after its policy, or refuse what Databricks would refuse."""
    spec = apply_policy(workspace, spec)
    if spec.get("policy_id"):
        key = spec["policy_id"]
        permissions.check(workspace, principal, "cluster-policies", key, "CAN_USE")
    if not spec.get("spark_version"):
        raise invalid("Missing required field: spark_version")
    if spec["spark_version"] not in SPARK_VERSIONS:
        known = ", ".join(SPARK_VERSIONS)
        raise invalid(f"Invalid spark version {spec['spark_version']}. Known here: {known}")
    pool = spec.get("instance_pool_id")
    if pool:
        if pool not in workspace.collection("pools"):
            raise invalid(f"Instance pool {pool} does not exist")
        permissions.check(workspace, principal, "instance-pools", pool, "CAN_ATTACH_TO")
        if spec.get("node_type_id"):
            raise invalid("The field 'node_type_id' cannot be supplied with an instance pool")
    elif not spec.get("node_type_id"):
        raise invalid("Missing required field: node_type_id or instance_pool_id")
    elif spec["node_type_id"] not in NODES:
        known = ", ".join(NODES)
        raise invalid(f"Node type {spec['node_type_id']} is not supported. Known here: {known}")
    if need_size and spec.get("num_workers") is None and not spec.get("autoscale"):
        raise invalid("Missing required field: num_workers or autoscale")
    return spec


def new_id(workspace) -> str:
    """Return an identifier of the form that clusters have."""
    number = workspace.next_id()
    return f"0101-{number:06d}-{number * 2654435761 % 16**8:08x}"


def add_event(workspace, key: str, kind: str, **details) -> None:
    """Record what happened to a cluster."""
    event = {"cluster_id": key, "timestamp": _now(), "type": kind, "details": details}
    workspace.collection("cluster_events").setdefault(key, []).append(event)


def put(workspace, key: str, spec: dict, principal_name: str, source: str) -> dict:
    """Record a cluster; `source` is UI, API or JOB."""
    document = {
        **spec,
        "cluster_id": key,
        "cluster_name": spec.get("cluster_name") or f"cluster-{key}",
        "creator_user_name": principal_name,
        "cluster_source": source,
        "spec": spec,
        "start_time": _now(),
        "state": "PENDING",
        "state_message": "Starting the driver",
        "spark_context_id": workspace.next_id(),
        "default_tags": {"Vendor": "Databricks", "Creator": principal_name, "ClusterId": key},
    }
    workspace.collection("clusters")[key] = document
    add_event(workspace, key, "CREATING", user=principal_name)
    return document


def set_state(workspace, key: str, state: str, message: str = "", **more) -> None:
    """Change a cluster's state."""
    document = workspace.collection("clusters").get(key)
    if document is not None:
        document.update(state=state, state_message=message, last_state_loss_time=0, **more)
        if state == "RUNNING":
            document.pop("termination_reason", None)
        workspace.changed()


class Clusters:
    """Calls on clusters."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.clusters = workspace.collection("clusters")

    def found(self, call, level):
        key = call.need("cluster_id")
        if key not in self.clusters:
            raise invalid(f"Cluster {key} does not exist")
        permissions.check(self.workspace, call.principal, "clusters", key, level)
        return self.clusters[key]

    def create(self, call):
        spec = checked_spec(self.workspace, call.principal, dict(call.body))
        key = new_id(self.workspace)
        put(self.workspace, key, spec, call.principal.name, "API")
        permissions.own(self.workspace, "clusters", key, call.principal)
        self.workspace.compute.start_cluster(key)
        return {"cluster_id": key}

    def edit(self, call):
        old = self.found(call, "CAN_MANAGE")
        if old["state"] not in ("RUNNING", "TERMINATED"):
            raise Refused(400, "INVALID_STATE", f"Cluster {old['cluster_id']} is {old['state']}")
        spec = {k: v for k, v in call.body.items() if k != "cluster_id"}
        spec = checked_spec(self.workspace, call.principal, spec)
        kept = ("cluster_id", "creator_user_name", "cluster_source", "default_tags", "state")
        kept += ("start_time", "spark_context_id", "state_message")
        self.clusters[old["cluster_id"]] = {**spec, **{k: old[k] for k in kept}, "spec": spec}
        self.clusters[old["cluster_id"]].setdefault("cluster_name", old["cluster_name"])
        add_event(self.workspace, old["cluster_id"], "EDITED", user=call.principal.name)
        if old["state"] == "RUNNING":
            self.workspace.compute.end_cluster(old["cluster_id"])
            self.workspace.compute.start_cluster(old["cluster_id"])
        return {}

    def begin(self, call):
        document = self.found(call, "CAN_RESTART")
        if document["state"] != "TERMINATED":
            message = (
                f"Cluster {document['cluster_id']} is in unexpected state {document['state']}."
            )
            raise Refused(400, "INVALID_STATE", message)
        self.workspace.compute.start_cluster(document["cluster_id"])
        return {}

    def restart(self, call):
        document = self.found(call, "CAN_RESTART")
        if document["state"] != "RUNNING":
            message = (
                f"Cluster {document['cluster_id']} is in unexpected state {document['state']}."
            )
            raise Refused(400, "INVALID_STATE", message)
        self.workspace.compute.end_cluster(document["cluster_id"])
        add_event(self.workspace, document["cluster_id"], "RESTARTING", user=call.principal.name)
        self.workspace.compute.start_cluster(document["cluster_id"])
        return {}

    def terminate(self, call):
        document = self.found(call, "CAN_RESTART")
        self.end(document["cluster_id"], call.principal.name)
        return {}

    def end(self, key, user):
        if self.clusters[key]["state"] == "TERMINATED":
            return
        reason = {"code": "USER_REQUEST", "type": "SUCCESS", "parameters": {"username": user}}
        add_event(self.workspace, key, "TERMINATING", reason=reason)
        self.workspace.compute.end_cluster(key)
        set_state(self.workspace, key, "TERMINATED", "", termination_reason=reason)

    def remove(self, call):
        key = self.found(call, "CAN_MANAGE")["cluster_id"]
        self.end(key, call.principal.name)
        del self.clusters[key]
        self.workspace.collection("cluster_events").pop(key, None)
        permissions.forget(self.workspace, "clusters", key)
        return {}

    def get(self, call):
        return self.found(call, "CAN_ATTACH_TO")

    def listed(self, call):
        shown = [
            document
            for key, document in self.clusters.items()
            if document["cluster_source"] != "JOB"
            and permissions.may(self.workspace, call.principal, "clusters", key, "CAN_ATTACH_TO")
        ]
        return {"clusters": shown}

    def events(self, call):
        key = self.found(call, "CAN_ATTACH_TO")["cluster_id"]
        happened = list(self.workspace.collection("cluster_events").get(key, ()))
        if call.body.get("order", "DESC") == "DESC":
            happened.reverse()
        wanted = call.body.get("event_types")
        shown = [event for event in happened if not wanted or event["type"] in wanted]
        return {"events": shown, "total_count": len(shown)}

    def spark_versions(self, call):
        return {"versions": [{"key": k, "name": name} for k, name in SPARK_VERSIONS.items()]}

    def node_types(self, call):
        shown = [
            {
                "node_type_id": key,
                "instance_type_id": key,
                "num_cores": cores,
                "memory_mb": memory,
                "description": key,
                "category": "Storage Optimized",
            }
            for key, (cores, memory) in NODES.items()
        ]
        return {"node_types": shown}


def routes(workspace):
    """Routes of clusters."""
    api = Clusters(workspace)
    calls = {
        ("POST", "create"): api.create,
        ("POST", "edit"): api.edit,
        ("POST", "start"): api.begin,
        ("POST", "restart"): api.restart,
        ("POST", "delete"): api.terminate,
        ("POST", "permanent-delete"): api.remove,
        ("GET", "get"): api.get,
        ("GET", "list"): api.listed,
        ("POST", "events"): api.events,
        ("GET", "spark-versions"): api.spark_versions,
        ("GET", "list-node-types"): api.node_types,
    }
    return [
        made
        for (method, name), handler in calls.items()
        for made in versioned(workspace, method, f"/clusters/{name}", handler, ("2.0", "2.1"))
    ]


def _now():
    return int(time.time() * 1000)
