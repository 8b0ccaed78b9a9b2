"""Remote runs: what is asked of the workspace, and what the end of a run means."""

from dataclasses import dataclass
from typing import Any, Literal

from stocks_ai_assets.workspace_settings import WorkspaceSettings

LOST = frozenset(
    {
        "CLOUD_FAILURE",
        "CLUSTER_ERROR",
        "CLUSTER_REQUEST_LIMIT_EXCEEDED",
        "DRIVER_ERROR",
        "INTERNAL_ERROR",
        "MAXIMUM_CONCURRENT_RUNS_REACHED",
        "MAX_CONCURRENT_RUNS_EXCEEDED",
        "MAX_JOB_QUEUE_SIZE_EXCEEDED",
        "MAX_SPARK_CONTEXTS_EXCEEDED",
        "STORAGE_ACCESS_ERROR",
        "WORKSPACE_RUN_LIMIT_EXCEEDED",
    }
)
"""Termination codes that say nothing about the work: the same run may succeed next time."""

ENDED = frozenset({"TERMINATED", "INTERNAL_ERROR", "SKIPPED"})
"""Life-cycle states after which a run changes no more."""

SINGLE_NODE = {"spark.databricks.cluster.profile": "singleNode", "spark.master": "local[*]"}

_LATER = (
    "The workspace has no room for it now: run the same command again later, or raise "
    "STOCKS_AI_DATABRICKS__RETRIES."
)

REMEDIES = {
    "CLUSTER_REQUEST_LIMIT_EXCEEDED": _LATER,
    "MAXIMUM_CONCURRENT_RUNS_REACHED": _LATER,
    "MAX_CONCURRENT_RUNS_EXCEEDED": _LATER,
    "MAX_JOB_QUEUE_SIZE_EXCEEDED": _LATER,
    "WORKSPACE_RUN_LIMIT_EXCEEDED": _LATER,
    "MAX_SPARK_CONTEXTS_EXCEEDED": "The cluster is full: name another one in "
    "STOCKS_AI_DATABRICKS__CLUSTER_ID, or run the same command again later.",
    "STORAGE_ACCESS_ERROR": "Let the compute reach its storage (network, rights of its identity), "
    "then run the same command again.",
    "CANCELED": "Somebody or the platform cancelled it; run the step again.",
    "USER_CANCELED": "Somebody cancelled it in the workspace; run the step again.",
    "TIMEDOUT": "Raise STOCKS_AI_DATABRICKS__TIMEOUT_SECONDS, or run a shorter range.",
    "LIBRARY_INSTALLATION_ERROR": "Correct the cluster's package index, or bake the libraries into "
    "its image and set STOCKS_AI_DATABRICKS__INSTALL=false.",
    "UNAUTHORIZED_ERROR": "Give the run's identity the right that the message names.",
    "RESOURCE_NOT_FOUND": "Correct STOCKS_AI_DATABRICKS__CLUSTER_ID or the name in the message.",
    "INVALID_CLUSTER_REQUEST": "Correct node type, pool, policy or runtime in the settings of "
    "STOCKS_AI_DATABRICKS.",
}
"""What helps, by termination code or result state."""

AGAIN = (
    "The machines failed, not the work: run the same command again, or raise "
    "STOCKS_AI_DATABRICKS__RETRIES."
)
"""What helps where a run was lost and nothing more is known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteRun:
    """A run in the workspace.

    Parameters
    ----------
    run_id
        Number of the run.
    job_id
        Number of the job made for it, which rights are given on.
    url
        Its page in the workspace; empty where the workspace has none.
    """

    run_id: int
    job_id: int = 0
    url: str = ""

    @property
    def link(self) -> str:
        """How messages name the run."""
        return f"Databricks run {self.run_id}" + (f" ({self.url})" if self.url else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How a run ended.

    Parameters
    ----------
    kind
        `succeeded`; `lost`: its machines failed, not the work; `failed`: everything else.
    state
        Termination code where the workspace gives one, else result or life-cycle state.
    message
        What the workspace says about it.
    """

    kind: Literal["succeeded", "failed", "lost"]
    state: str
    message: str = ""

    @property
    def told(self) -> str:
        """State and message."""
        said = f": {self.message.rstrip('.')}" if self.message else ""
        return f"ended as {self.state}{said}."

    @property
    def sentence(self) -> str:
        """State, message and what helps."""
        usual = AGAIN if self.kind == "lost" else "See the run's page for the cause."
        return f"{self.told} {REMEDIES.get(self.state, usual)}"


def ending(run: Any) -> Ending | None:
    """Judge a run as the SDK returns it; None while it goes on.

    New states of the workspace are failures that are called by their name.
    """
    state, cycle = run.state, life_cycle(run)
    if cycle not in ENDED:
        return None
    result = _value(state.result_state) or cycle
    details = run.status.termination_details if run.status else None
    code = _value(details and details.code)
    message = (details and details.message) or state.state_message or ""
    if result == "SUCCESS":
        return Ending(kind="succeeded", state=result, message=message)
    # A result that says more than "failed" is the name people know from the workspace.
    name = code if code and result in {"FAILED", *ENDED} else result
    return Ending(kind="lost" if name in LOST else "failed", state=name, message=message)


def life_cycle(run: Any) -> str:
    """Return where a run is in its life, as the workspace names it."""
    return _value(run.state and run.state.life_cycle_state)


def run_configuration(settings: WorkspaceSettings, libraries: tuple[str, ...]) -> dict[str, Any]:
    """Return what the stock step launcher takes as `run_config`.

    Parameters
    ----------
    settings
        Compute of remote steps.
    libraries
        Requirements to install.
    """
    cluster = (
        {"existing": settings.cluster_id}
        if settings.cluster_id
        else {"new": _as_stock_takes(new_cluster(settings))}
    )
    wanted = libraries if settings.install else ()
    return {
        "cluster": cluster,
        "libraries": [{"pypi": {"package": requirement}} for requirement in wanted],
        # The stock ones bring a second pyspark over the cluster's own.
        "install_default_libraries": False,
        "timeout_seconds": settings.timeout_seconds,
    }


def permissions(settings: WorkspaceSettings) -> dict[str, Any]:
    """Return who may see and manage remote runs, as the stock launcher takes it."""
    granted = {"CAN_VIEW": settings.can_view, "CAN_MANAGE": settings.can_manage}
    levels = {
        level: [{"group_name": group} for group in groups]
        for level, groups in granted.items()
        if groups
    }
    return {"job_permissions": levels} if levels else {}


def new_cluster(settings: WorkspaceSettings) -> dict[str, Any]:
    """Return a cluster for one run, as the Jobs API takes it."""
    single = settings.workers == 0
    cluster: dict[str, Any] = {
        "spark_version": settings.spark_version,
        "num_workers": settings.workers,
        # Volumes and catalogs are seen from clusters with an access mode of Unity Catalog only.
        "data_security_mode": "SINGLE_USER",
        "custom_tags": {**settings.tags, **({"ResourceClass": "SingleNode"} if single else {})},
    }
    if settings.pool_id:
        cluster["instance_pool_id"] = settings.pool_id
    else:
        cluster["node_type_id"] = settings.node_type
    if settings.policy_id:
        cluster |= {"policy_id": settings.policy_id, "apply_policy_default_values": True}
    if single:
        cluster["spark_conf"] = SINGLE_NODE
    return cluster


def _as_stock_takes(cluster: dict[str, Any]) -> dict[str, Any]:
    """Return a cluster in the shape of the stock launcher's `run_config`."""
    pool, node_type = (cluster.pop(name, None) for name in ("instance_pool_id", "node_type_id"))
    nodes = {"instance_pool_id": pool} if pool else {"node_types": {"node_type_id": node_type}}
    tags, workers = sorted(cluster.pop("custom_tags").items()), cluster.pop("num_workers")
    return {
        **cluster,
        "size": {"num_workers": workers},
        "nodes": nodes,
        "custom_tags": [{"key": key, "value": value} for key, value in tags],
    }


def _value(state: Any) -> str:
    """Name of a state of the SDK, which is an enumeration, nothing, or a state it does not know."""
    return str(getattr(state, "value", state) or "")
