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
    """Say what of the compute that was asked for the workspace does not have."""
    from databricks.sdk.errors import BadRequest, NotFound

    with workspace_failures(what):
        try:
            yield
        except (BadRequest, NotFound) as error:
            asked, names = (
                (f"cluster {settings.cluster_id}", "CLUSTER_ID")
                if settings.cluster_id
                else ("a new cluster", "NODE_TYPE, POOL_ID, POLICY_ID or SPARK_VERSION")
            )
            raise WorkspaceMissingError(
                f"{what} on {asked}: {_said(error)} Correct {VARIABLE}{names}."
            ) from None


def _said(error: Exception) -> str:
    return f"{without_secrets(str(error)).rstrip(' .')}."
