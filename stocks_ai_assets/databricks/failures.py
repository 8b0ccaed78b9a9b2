"""What the workspace refuses when a step is launched, and what helps there in particular."""

from collections.abc import Iterator
from contextlib import contextmanager

from stocks_ai_assets.errors import WorkspaceDeniedError, WorkspaceMissingError
from stocks_ai_assets.workspace_client import without_secrets, workspace_failures
from stocks_ai_assets.workspace_settings import WorkspaceSettings

VARIABLE = "STOCKS_AI_DATABRICKS__"


@contextmanager
def staging_failures(settings: WorkspaceSettings) -> Iterator[None]:
    """Say which folder cannot be staged on, and why that may be."""
    from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied

    what = f"Staging a step in {settings.staging_folder}"
    with workspace_failures(what):
        try:
            yield
        except (NotFound, BadRequest) as error:
            raise WorkspaceMissingError(
                f"{what}: {_said(error)} Create the volume, or set {VARIABLE}STAGING_FOLDER to a "
                "folder of one that exists."
            ) from None
        except PermissionDenied as error:
            if "access token" in str(error).lower():
                raise
            remedy = (
                f"Set {VARIABLE}STAGING=volumes and {VARIABLE}STAGING_FOLDER to a volume's folder."
                if settings.staging == "dbfs"
                else "Grant this identity READ VOLUME and WRITE VOLUME on it."
            )
            raise WorkspaceDeniedError(f"{what}: {_said(error)} {remedy}") from None


@contextmanager
def submission_failures(settings: WorkspaceSettings, what: str) -> Iterator[None]:
    """Say what of the compute that was asked for the workspace lacks, or does not give."""
    from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied

    asked = f"{what} on {_compute(settings)}"
    with workspace_failures(what):
        try:
            with audience_failures(settings, what):
                yield
        except (BadRequest, NotFound) as error:
            raise WorkspaceMissingError(
                f"{asked}: {_said(error)} Correct {VARIABLE}{_named(settings)}."
            ) from None
        except PermissionDenied as error:
            if "access token" in str(error).lower():
                raise
            right, names = _needed(settings)
            raise WorkspaceDeniedError(
                f"{asked}: {_said(error)} Give this identity {right}, or set {VARIABLE}{names} to "
                "what it may use."
            ) from None


@contextmanager
def audience_failures(settings: WorkspaceSettings, what: str) -> Iterator[None]:
    """Say which settings name a group that is to see or manage runs and is not there."""
    from databricks.sdk.errors import BadRequest, NotFound

    try:
        yield
    except (BadRequest, NotFound) as error:
        said, groups = str(error), (*settings.can_view, *settings.can_manage)
        if "principal" not in said.lower() or not any(group in said for group in groups):
            raise
        raise WorkspaceMissingError(
            f"{what}: {_said(error)} Correct {VARIABLE}CAN_VIEW or CAN_MANAGE, or create the group."
        ) from None


def _compute(settings: WorkspaceSettings) -> str:
    if settings.serverless:
        return "serverless compute"
    if settings.cluster_id:
        return f"cluster {settings.cluster_id}"
    pool = f" in pool {settings.pool_id}" if settings.pool_id else ""
    policy = f" under policy {settings.policy_id}" if settings.policy_id else ""
    return f"a new cluster{pool}{policy}"


def _named(settings: WorkspaceSettings) -> str:
    """Settings that name the compute."""
    if settings.serverless:
        return "SERVERLESS"
    return "CLUSTER_ID" if settings.cluster_id else "NODE_TYPE, POOL_ID, POLICY_ID or SPARK_VERSION"


def _needed(settings: WorkspaceSettings) -> tuple[str, str]:
    """Rights without which the compute is refused, and the settings that name another one."""
    if settings.serverless:
        return "the right to use serverless compute", "CLUSTER_ID (and SERVERLESS=false)"
    if settings.cluster_id:
        return "CAN_ATTACH_TO on it", "CLUSTER_ID"
    if settings.pool_id and settings.policy_id:
        return "CAN_ATTACH_TO on the pool and CAN_USE on the policy", "POOL_ID or POLICY_ID"
    if settings.pool_id:
        return "CAN_ATTACH_TO on the pool", "POOL_ID"
    if settings.policy_id:
        return "CAN_USE on the policy", "POLICY_ID"
    return "the right to create clusters", "POLICY_ID or CLUSTER_ID"


def _said(error: Exception) -> str:
    return f"{without_secrets(str(error)).rstrip(' .')}."
