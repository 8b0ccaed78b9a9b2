"""What settings a launch needs: told before anything is sent to the workspace."""

from stocks_ai_assets.databricks.variables import remote_variables
from stocks_ai_assets.errors import SettingsError
from stocks_ai_assets.settings import PREFIX, Settings


def require_pipes(settings: Settings) -> None:
    """Raise `SettingsError` when steps cannot be launched through Pipes with these settings."""
    workspace = settings.databricks
    _require_lake_root(settings, "pipes")
    if workspace.staging != "volumes":
        raise SettingsError(
            "STOCKS_AI_LAUNCH=pipes needs STOCKS_AI_DATABRICKS__STAGING=volumes (found "
            f"{workspace.staging!r}): messages get lost on DBFS. Set both staging and "
            "staging_folder, or use STOCKS_AI_LAUNCH=step."
        )
    if not workspace.serverless:
        return
    if workspace.cluster_id:
        raise SettingsError(
            f"STOCKS_AI_DATABRICKS__SERVERLESS=true excludes cluster {workspace.cluster_id}. Unset "
            "STOCKS_AI_DATABRICKS__CLUSTER_ID, or set SERVERLESS=false."
        )
    # As the run will read it: further variables come after the settings.
    engine = remote_variables(settings).get(f"{PREFIX}ENGINE", "local")
    if engine != "local":
        raise SettingsError(
            f"STOCKS_AI_ENGINE={engine} does not run on serverless compute, which refuses settings "
            "of Spark and cached tables that it needs. Set STOCKS_AI_ENGINE=local, or name a "
            "cluster and set STOCKS_AI_DATABRICKS__SERVERLESS=false."
        )


def require_steps(settings: Settings) -> None:
    """Raise `SettingsError` when steps cannot be launched one by one with these settings."""
    _require_lake_root(settings, "step")
    if settings.databricks.serverless:
        raise SettingsError(
            "STOCKS_AI_LAUNCH=step needs a cluster, and STOCKS_AI_DATABRICKS__SERVERLESS=true asks "
            "for none. Set SERVERLESS=false, or STOCKS_AI_LAUNCH=pipes."
        )


def _require_lake_root(settings: Settings, launch: str) -> None:
    if settings.lake_root is None:
        raise SettingsError(
            f"STOCKS_AI_LAUNCH={launch} needs STOCKS_AI_LAKE_ROOT: a place of the tables that both "
            "this machine and the cluster reach, for instance s3://bucket/lake."
        )
