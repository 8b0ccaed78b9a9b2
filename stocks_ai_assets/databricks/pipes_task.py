"""The Databricks run that a Pipes step asks for: one task, on a cluster or serverless."""

import hashlib
from collections.abc import Sequence
from typing import Any

from stocks_ai_assets.databricks.runs import new_cluster
from stocks_ai_assets.databricks.wheel import PACKAGE, PIPES_ENTRY
from stocks_ai_assets.workspace_settings import WorkspaceSettings

ENVIRONMENT, ENVIRONMENT_VERSION = "stocks_ai", "4"
"""Serverless environment of the task, and whose Python it has (4: Python 3.12)."""


def submission(
    settings: WorkspaceSettings, *, wheel: str, name: str, parameters: Sequence[str], token: str
) -> dict[str, Any]:
    """Return the body of `jobs/runs/submit`.

    Parameters
    ----------
    settings
        Compute of the run.
    wheel
        Path of the package's wheel in the workspace; it brings its libraries.
    name
        Name of the run.
    parameters
        Arguments of the wheel's entry point.
    token
        Names this attempt: a call that is sent twice launches once.
    """
    task: dict[str, Any] = {
        "task_key": "pipes",
        "python_wheel_task": {
            "package_name": PACKAGE,
            "entry_point": PIPES_ENTRY,
            "parameters": list(parameters),
        },
        "timeout_seconds": settings.timeout_seconds,
    }
    body: dict[str, Any] = {
        "run_name": name,
        "tasks": [task],
        "timeout_seconds": settings.timeout_seconds,
        "idempotency_token": hashlib.sha256(token.encode()).hexdigest()[:32],
        "queue": {"enabled": True},
        "access_control_list": [
            {"group_name": group, "permission_level": level}
            for level, groups in (
                ("CAN_VIEW", settings.can_view),
                ("CAN_MANAGE", settings.can_manage),
            )
            for group in groups
        ],
    }
    if settings.serverless:
        task["environment_key"] = ENVIRONMENT
        body["environments"] = [
            {
                "environment_key": ENVIRONMENT,
                "spec": {
                    "environment_version": ENVIRONMENT_VERSION,
                    "dependencies": [wheel],
                },
            }
        ]
        return body
    task["libraries"] = [{"whl": wheel}]
    if settings.cluster_id:
        task["existing_cluster_id"] = settings.cluster_id
    else:
        task["new_cluster"] = new_cluster(settings)
    return body
