"""Settings of a Databricks workspace: which compute runs steps, where they are staged.

Host and credentials are not here: the Databricks SDK finds them (environment, profile, OAuth).
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Text = Annotated[str, Field(min_length=1)]


class WorkspaceSettings(BaseModel):
    """Compute, staging and secrets of remote steps.

    In the environment as `STOCKS_AI_DATABRICKS__<NAME>`, in the settings file as `[databricks]`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: Text | None = Field(None, description="Profile of the Databricks configuration file.")
    patience_seconds: int = Field(
        60,
        ge=1,
        le=3600,
        description="Seconds for which a call is tried again while there is no answer.",
    )
    warehouse_id: Text | None = Field(
        None, description="SQL warehouse of governance; none: the first that runs."
    )
    staging: Literal["volumes", "dbfs"] = Field(
        "volumes", description="Where steps are staged; new workspaces have no DBFS."
    )
    staging_folder: Text = Field(
        "/Volumes/stocks_ai/ops/staging", description="Folder of staged steps and wheels."
    )
    keep_failed: bool = Field(
        default=False, description="Keep what a failed step of the step launcher was given."
    )
    cluster_id: Text | None = Field(None, description="Existing cluster; none: a new one a run.")
    pool_id: Text | None = Field(None, description="Instance pool of new clusters.")
    policy_id: Text | None = Field(None, description="Cluster policy of new clusters.")
    node_type: Text = Field("i3.xlarge", description="Node type of new clusters without a pool.")
    workers: int = Field(2, ge=0, le=1000, description="Workers of new clusters; 0: one node.")
    spark_version: Text = Field(
        "19.x-scala2.13", description="Databricks runtime of new clusters (19 has Spark 4.2)."
    )
    serverless: bool = Field(default=False, description="Run Pipes work on serverless compute.")
    tags: dict[str, str] = Field(default_factory=dict, description="Tags of new clusters.")
    retries: int = Field(1, ge=0, le=10, description="Times that a lost run is tried again.")
    timeout_seconds: int = Field(
        4 * 3600, ge=60, le=7 * 86400, description="After this a remote run is cancelled."
    )
    poll_seconds: float = Field(2.0, gt=0, le=60, description="Seconds between looks at a run.")
    can_view: tuple[str, ...] = Field((), description="Groups that may see remote runs.")
    can_manage: tuple[str, ...] = Field((), description="Groups that may manage remote runs.")
    secret_scope: Text | None = Field(None, description="Secret scope of remote variables.")
    secrets: dict[str, str] = Field(
        default_factory=dict, description="Variable of a remote step: key in the secret scope."
    )
    variables: dict[str, str] = Field(
        default_factory=dict, description="Further variables of remote steps; no secrets."
    )
    install: bool = Field(
        default=True,
        description="Install pinned libraries on the cluster; false: it has them already.",
    )

    @model_validator(mode="after")
    def _agrees(self) -> "WorkspaceSettings":
        if self.staging == "volumes" and not self.staging_folder.startswith("/Volumes/"):
            message = f"staging_folder must start with /Volumes/ (found {self.staging_folder!r})"
            raise ValueError(message)
        if self.staging == "dbfs" and self.staging_folder.startswith("/Volumes/"):
            message = (
                "staging=dbfs needs a staging_folder in DBFS, for instance /stocks_ai/staging "
                f"(found {self.staging_folder!r})"
            )
            raise ValueError(message)
        if self.secrets and not self.secret_scope:
            message = "secrets need a secret_scope"
            raise ValueError(message)
        if self.cluster_id and (self.pool_id or self.policy_id):
            message = "an existing cluster_id excludes pool_id and policy_id"
            raise ValueError(message)
        return self
