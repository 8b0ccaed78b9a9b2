"""Rights on a bundle's resources: permissions, secret ACLs, grants. Added, never taken away."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from stocks_ai_assets.databricks.bundle_resources import Config, Kind, Scopes

HOLDERS = ("user_name", "group_name", "service_principal_name")


@dataclass(frozen=True, slots=True)
class Access:
    """Rights that are missing.

    Parameters
    ----------
    lines
        Each in words.
    permissions
        Entries for the Permissions API, or principal and level for a secret scope.
    grants
        Changes for Unity Catalog.
    """

    lines: list[str] = field(default_factory=list)
    permissions: list[Config] = field(default_factory=list)
    grants: list[Config] = field(default_factory=list)


def missing_access(kind: Kind, config: Config, known: str | None) -> Access:
    """Return the rights of `config` that resource `known` lacks; None: it is not there, so all."""
    missing = Access()
    held = _held(kind, known) if known and config.get("permissions") else {}
    for wanted in config.get("permissions") or ():
        holder = next(name for name in HOLDERS if name in wanted)
        level, who = wanted["level"], wanted[holder]
        if not {level, "IS_OWNER"} & held.get((holder, who), set()):
            missing.permissions.append({holder: who, "permission_level": level})
            missing.lines.append(f"{level} for {who}")
    granted = _granted(kind, known) if known and config.get("grants") else {}
    for grant in config.get("grants") or ():
        who = grant["principal"]
        lacking = [p for p in grant["privileges"] if p not in granted.get(who, set())]
        if lacking:
            missing.grants.append({"principal": who, "add": lacking})
            missing.lines.append(f"{', '.join(lacking)} to {who}")
    return missing


def give(kind: Kind, known: str, missing: Access) -> None:
    """Give the rights that are missing."""
    if isinstance(kind, Scopes):
        for entry in missing.permissions:
            who = next(entry[name] for name in HOLDERS if name in entry)
            acl = {"scope": known, "principal": who, "permission": entry["permission_level"]}
            kind.call("POST", "/api/2.0/secrets/acls/put", acl)
    elif missing.permissions:
        path = f"/api/2.0/permissions/{kind.object_type}/{known}"
        kind.call("PATCH", path, {"access_control_list": missing.permissions})
    if missing.grants:
        kind.call("PATCH", _grants_path(kind, known), {"changes": missing.grants})


def _held(kind: Kind, known: str) -> dict[tuple[str, str], set[str]]:
    """Levels by kind and name of the holder, without inherited ones."""
    if isinstance(kind, Scopes):
        acls = kind.call("GET", "/api/2.0/secrets/acls/list", scope=known).get("items", [])
        # An ACL does not say what its principal is.
        return {
            (holder, acl["principal"]): {acl["permission"]} for acl in acls for holder in HOLDERS
        }
    found = kind.call("GET", f"/api/2.0/permissions/{kind.object_type}/{known}")
    held: dict[tuple[str, str], set[str]] = {}
    for entry in found.get("access_control_list", []):
        for holder in HOLDERS:
            if holder in entry:
                held.setdefault((holder, entry[holder]), set()).update(
                    right["permission_level"]
                    for right in entry.get("all_permissions", [])
                    if not right.get("inherited")
                )
    return held


def _granted(kind: Kind, known: str) -> dict[str, set[str]]:
    found: dict[str, Any] = kind.call("GET", _grants_path(kind, known))
    return {
        entry["principal"]: {name.replace(" ", "_") for name in entry.get("privileges", [])}
        for entry in found.get("privilege_assignments", [])
    }


def _grants_path(kind: Kind, known: str) -> str:
    return f"/api/2.1/unity-catalog/permissions/{kind.securable}/{quote(known)}"
