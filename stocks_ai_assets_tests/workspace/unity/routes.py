"""All routes of Unity Catalog, Delta Sharing's objects, SQL statements and warehouses."""

import importlib

from stocks_ai_assets_tests.workspace.unity.catalog import unity_of

PACKAGE = "stocks_ai_assets_tests.workspace.unity"
MODULES = (
    "catalogs",
    "storage",
    "tables",
    "volumes",
    "functions",
    "models",
    "grants",
    "shares",
    "recipients",
    "tags",
    "lineage",
    "people",
    "warehouses",
    "statements",
)


def routes(workspace):
    """Routes of every module; files of volumes are guarded by their grants from now on."""
    workspace.guard = unity_of(workspace).guard_volume
    joined = []
    for name in MODULES:
        joined += importlib.import_module(f"{PACKAGE}.{name}").routes(workspace)
    return joined
