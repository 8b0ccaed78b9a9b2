"""Environment of a process on the cluster: these settings, and no others of this machine."""

from collections.abc import Mapping
from pathlib import Path

from stocks_ai_assets.settings import PREFIX, Settings

LOCAL_ONLY = (
    "launch",
    "databricks",
    "spark_remote",
    "spark_memory",
    "spark_jars",
    "spark_catalog_uri",
    "spark_catalog_token",
    "policy",
    "share_url",
)
"""A remote process computes where it is, on the Spark that is there, and launches nothing."""


def remote_variables(settings: Settings) -> dict[str, str]:
    """Return the variables from which a remote process reads the same settings.

    Folders become absolute, for the remote process works in another folder. Secrets are not among
    them: the cluster reads those from its secret scope.
    """
    given = {
        f"{PREFIX}{name.upper()}": _text(value)
        for name in type(settings).model_fields
        if name not in LOCAL_ONLY and (value := getattr(settings, name)) not in (None, ())
    }
    lake = {f"{PREFIX}LAKE_ROOT": str(settings.lake)}
    return {**given, **lake, f"{PREFIX}LAUNCH": "here", **settings.databricks.variables}


def secret_references(settings: Settings) -> list[Mapping[str, str]]:
    """Return which key of which secret scope becomes which variable on the cluster."""
    scope = settings.databricks.secret_scope or ""
    return [
        {"name": name, "scope": scope, "key": key}
        for name, key in sorted(settings.databricks.secrets.items())
    ]


def _text(value: object) -> str:
    if isinstance(value, Path):
        return str(value.resolve())
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value)
