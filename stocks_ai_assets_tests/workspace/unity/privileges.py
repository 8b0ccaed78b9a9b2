"""Privileges of Unity Catalog: which exist on what, and how either server spells them.

Inside, a privilege has underscores, as in Databricks' REST API.
"""

from stocks_ai_assets_tests.workspace.errors import Refused

_READ_WRITE = ("SELECT", "MODIFY", "REFRESH", "EXECUTE", "READ_VOLUME", "WRITE_VOLUME")
_OF_SCHEMA = (
    "ALL_PRIVILEGES",
    "APPLY_TAG",
    "BROWSE",
    "CREATE_FUNCTION",
    "CREATE_MATERIALIZED_VIEW",
    "CREATE_MODEL",
    "CREATE_MODEL_VERSION",
    "CREATE_TABLE",
    "CREATE_VOLUME",
    "EXTERNAL_USE_SCHEMA",
    "MANAGE",
    "USE_SCHEMA",
    *_READ_WRITE,
)

APPLICABLE = {
    "metastore": (
        "CREATE_CATALOG",
        "CREATE_CONNECTION",
        "CREATE_EXTERNAL_LOCATION",
        "CREATE_EXTERNAL_METADATA",
        "CREATE_PROVIDER",
        "CREATE_RECIPIENT",
        "CREATE_SHARE",
        "CREATE_STORAGE_CREDENTIAL",
        "SET_SHARE_PERMISSION",
        "USE_PROVIDER",
        "USE_RECIPIENT",
        "USE_SHARE",
    ),
    "catalog": (*_OF_SCHEMA, "CREATE_SCHEMA", "USE_CATALOG"),
    "schema": _OF_SCHEMA,
    "table": ("ALL_PRIVILEGES", "APPLY_TAG", "MANAGE", "MODIFY", "SELECT"),
    "view": ("ALL_PRIVILEGES", "APPLY_TAG", "MANAGE", "SELECT"),
    "volume": ("ALL_PRIVILEGES", "APPLY_TAG", "MANAGE", "READ_VOLUME", "WRITE_VOLUME"),
    "function": ("ALL_PRIVILEGES", "EXECUTE", "MANAGE"),
    "registered_model": (
        "ALL_PRIVILEGES",
        "APPLY_TAG",
        "CREATE_MODEL_VERSION",
        "EXECUTE",
        "MANAGE",
    ),
    "external_location": (
        "ALL_PRIVILEGES",
        "BROWSE",
        "CREATE_EXTERNAL_TABLE",
        "CREATE_EXTERNAL_VOLUME",
        "CREATE_MANAGED_STORAGE",
        "EXTERNAL_USE_LOCATION",
        "MANAGE",
        "READ_FILES",
        "WRITE_FILES",
    ),
    "storage_credential": (
        "ALL_PRIVILEGES",
        "CREATE_EXTERNAL_LOCATION",
        "CREATE_EXTERNAL_TABLE",
        "MANAGE",
        "READ_FILES",
        "WRITE_FILES",
    ),
    "share": ("SELECT",),
    "external_metadata": ("ALL_PRIVILEGES", "BROWSE", "MANAGE", "MODIFY"),
}
"""Privileges that may be granted on a kind of securable in Databricks."""

NOT_IN_ALL = frozenset({"MANAGE", "EXTERNAL_USE_SCHEMA", "EXTERNAL_USE_LOCATION"})
"""What ALL PRIVILEGES does not convey."""

OSS = frozenset(
    {
        "CREATE CATALOG",
        "CREATE EXTERNAL LOCATION",
        "CREATE EXTERNAL TABLE",
        "CREATE EXTERNAL VOLUME",
        "CREATE FUNCTION",
        "CREATE MANAGED STORAGE",
        "CREATE MODEL",
        "CREATE SCHEMA",
        "CREATE STORAGE CREDENTIAL",
        "CREATE TABLE",
        "CREATE VOLUME",
        "EXECUTE",
        "MODIFY",
        "READ FILES",
        "READ VOLUME",
        "SELECT",
        "USE CATALOG",
        "USE SCHEMA",
        "WRITE FILES",
    }
)
"""Privileges that the open-source server knows, as it spells them."""


def read(unity, document, given: str) -> str:
    """Privilege that a request names; refused if the server does not know it or not on this."""
    if unity.oss:
        if given not in OSS:
            message = f"Cannot deserialize value of type `Privilege`: unexpected value '{given}'"
            raise Refused(400, "INVALID_ARGUMENT", message)
        return given.replace(" ", "_")
    kind = "view" if unity.is_view(document) else document["kind"]
    known = {name for names in APPLICABLE.values() for name in names}
    if given not in known:
        raise Refused(
            400, "INVALID_PARAMETER_VALUE", f"Privilege {given} is not a valid privilege."
        )
    if given not in APPLICABLE.get(kind, ()):
        shown = f"{given.replace('_', ' ')} is not applicable to {kind.replace('_', ' ').upper()}"
        message = f"Privilege {shown} '{document['full_name']}'."
        raise Refused(400, "INVALID_PARAMETER_VALUE", message)
    return given


def shown(unity, privilege: str) -> str:
    """Spelling of a privilege in answers."""
    return privilege.replace("_", " ") if unity.oss else privilege
