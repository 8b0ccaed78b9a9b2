"""Privileges by kind of securable, and how each server spells them.

Inside they are spelled with underscores, as Databricks' REST API does; with spaces in policies,
SQL and the open-source server.
"""

from collections.abc import Iterable
from typing import Literal

Kind = Literal[
    "catalog", "schema", "table", "view", "volume", "function", "model", "share", "recipient"
]

_DATA = ("SELECT", "MODIFY", "EXECUTE", "READ_VOLUME", "WRITE_VOLUME", "REFRESH", "APPLY_TAG")
_CREATE = ("TABLE", "VOLUME", "FUNCTION", "MODEL", "MODEL_VERSION", "MATERIALIZED_VIEW")
_EVERYWHERE = ("ALL_PRIVILEGES", "MANAGE")
_SCHEMA = (
    *_EVERYWHERE,
    *_DATA,
    *(f"CREATE_{thing}" for thing in _CREATE),
    "BROWSE",
    "EXTERNAL_USE_SCHEMA",
    "USE_SCHEMA",
)

GRANTABLE: dict[Kind, frozenset[str]] = {
    "catalog": frozenset({*_SCHEMA, "CREATE_SCHEMA", "USE_CATALOG"}),
    "schema": frozenset(_SCHEMA),
    "table": frozenset({*_EVERYWHERE, "APPLY_TAG", "MODIFY", "SELECT"}),
    "view": frozenset({*_EVERYWHERE, "APPLY_TAG", "SELECT"}),
    "volume": frozenset({*_EVERYWHERE, "APPLY_TAG", "READ_VOLUME", "WRITE_VOLUME"}),
    "function": frozenset({*_EVERYWHERE, "EXECUTE"}),
    "model": frozenset({*_EVERYWHERE, "APPLY_TAG", "CREATE_MODEL_VERSION", "EXECUTE"}),
    "share": frozenset({"SELECT"}),
    "recipient": frozenset(),
}
"""Privileges that Databricks grants, by kind."""

EVERYBODY = frozenset({"account users"})
"""Groups that everybody is in, whoever else: a grant to them reaches the auditors too."""

HARMLESS = frozenset({"BROWSE", "USE_CATALOG", "USE_SCHEMA"})
"""Privileges that alone open no data and convey no other right."""

OPEN_SOURCE = frozenset(
    {
        "CREATE_CATALOG",
        "CREATE_FUNCTION",
        "CREATE_MODEL",
        "CREATE_SCHEMA",
        "CREATE_TABLE",
        "CREATE_VOLUME",
        "EXECUTE",
        "MODIFY",
        "READ_VOLUME",
        "SELECT",
        "USE_CATALOG",
        "USE_SCHEMA",
    }
)
"""Privileges of catalogs and what is in them that the open-source server 0.6 knows."""


def same_group(name: str, names: Iterable[str]) -> bool:
    """Whether `name` is among the names of groups: servers do not tell their cases apart."""
    return name.casefold() in {each.casefold() for each in names}


def canonical(privilege: str) -> str:
    """Return a privilege in the spelling used inside: `use catalog` -> `USE_CATALOG`."""
    return "_".join(privilege.upper().replace("_", " ").split())


def spaced(privilege: str) -> str:
    """Return a privilege as SQL spells it."""
    return privilege.replace("_", " ")
