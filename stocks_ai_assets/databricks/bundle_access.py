"""Rights on a bundle's resources: permissions, secret ACLs, grants.

What the bundle gave and has no more is taken away; what others gave stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote

from stocks_ai_assets.databricks.bundle_kind import Config, Kind
from stocks_ai_assets.databricks.bundle_resources import Scopes

HOLDERS = ("user_name", "group_name", "service_principal_name")

PRINCIPAL = "principal"
"""Kind of the holder of a grant in Unity Catalog, which does not tell users from groups."""


class Right(NamedTuple):
    """One right.

    Parameters
    ----------
    level
        Permission level or privilege.
    holder
        Kind of who has it: one of `HOLDERS`, or `PRINCIPAL` for a grant.
    who
        Name of who has it.
    """

    level: str
    holder: str
    who: str

    @property
    def words(self) -> str:
        """The right as a plan shows it."""
        return f"{self.level} {'to' if self.holder == PRINCIPAL else 'for'} {self.who}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """What of the rights on a resource has to change.

    Parameters
    ----------
    missing
        Rights to give.
    surplus
        Rights that the bundle gave once, has no more, and that are still held.
    held
        Rights that are held now, the owner's among them.
    given
        What the bundle will have given: level, holder, who.
    """

    missing: tuple[Right, ...] = ()
    surplus: tuple[Right, ...] = ()
    held: frozenset[Right] = frozenset()
    given: list[list[str]] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """Each change in words."""
        taken = (f"no more {right.words}" for right in self.surplus)
        return [*(right.words for right in self.missing), *taken]


def compared_access(
    kind: Kind, config: Config, known: str | None, recorded: Sequence[Sequence[str]]
) -> Access:
    """Compare the rights that `config` gives with those on resource `known`; None: there is none.

    `recorded` are the rights that the last deployment gave.
    """
    wanted, once = _wanted(config), [Right(*one) for one in recorded]
    if not wanted and not once:
        return Access()
    held = _held(kind, known, {right.holder for right in (*wanted, *once)}) if known else set()
    owners = {(right.holder, right.who) for right in held if right.level == "IS_OWNER"}
    missing = [
        right for right in wanted if right not in held and (right.holder, right.who) not in owners
    ]
    return Access(
        missing=tuple(missing),
        surplus=tuple(right for right in once if right not in wanted and right in held),
        held=frozenset(held),
        given=[list(right) for right in wanted if right in missing or right in once],
    )


def change_access(kind: Kind, known: str, access: Access) -> None:
    """Give the rights that are missing and take the surplus ones away."""
    grants = [right for right in (*access.missing, *access.surplus) if right.holder == PRINCIPAL]
    if grants:
        changes = [
            {
                "principal": who,
                "add": [right.level for right in access.missing if right.who == who],
                "remove": [right.level for right in access.surplus if right.who == who],
            }
            for who in dict.fromkeys(right.who for right in grants)
        ]
        kind.call("PATCH", _grants_path(kind, known), {"changes": changes})
    missing = [right for right in access.missing if right.holder != PRINCIPAL]
    surplus = [right for right in access.surplus if right.holder != PRINCIPAL]
    if isinstance(kind, Scopes):
        _change_acls(kind, known, missing, surplus)
    elif missing or surplus:
        # Adding can be told alone; taking away takes the whole list.
        kept = access.held - {*surplus} if surplus else frozenset[Right]()
        replaced = {(right.holder, right.who) for right in missing}
        entries = [*missing, *sorted(r for r in kept if (r.holder, r.who) not in replaced)]
        kind.call(
            "PUT" if surplus else "PATCH",
            f"/api/2.0/permissions/{kind.object_type}/{known}",
            {
                "access_control_list": [
                    {right.holder: right.who, "permission_level": right.level} for right in entries
                ]
            },
        )


def _change_acls(kind: Kind, scope: str, missing: list[Right], surplus: list[Right]) -> None:
    for right in missing:  # one level a principal: this takes another one away
        acl = {"scope": scope, "principal": right.who, "permission": right.level}
        kind.call("POST", "/api/2.0/secrets/acls/put", acl)
    for who in {right.who for right in surplus} - {right.who for right in missing}:
        kind.call("POST", "/api/2.0/secrets/acls/delete", {"scope": scope, "principal": who})


def _wanted(config: Config) -> list[Right]:
    entries = config.get("permissions") or ()
    holders = [next(name for name in HOLDERS if name in entry) for entry in entries]
    permissions = [
        Right(entry["level"], holder, entry[holder])
        for entry, holder in zip(entries, holders, strict=True)
    ]
    grants = [
        Right(privilege, PRINCIPAL, grant["principal"])
        for grant in config.get("grants") or ()
        for privilege in grant["privileges"]
    ]
    return [*permissions, *grants]


def _held(kind: Kind, known: str, holders: set[str]) -> set[Right]:
    """Rights on a resource, without inherited ones; of grants, of permissions, or of both."""
    held: set[Right] = set()
    if PRINCIPAL in holders:
        found: dict[str, Any] = kind.call("GET", _grants_path(kind, known))
        held |= {
            Right(name.replace(" ", "_"), PRINCIPAL, entry["principal"])
            for entry in found.get("privilege_assignments", [])
            for name in entry.get("privileges", [])
        }
    if holders == {PRINCIPAL}:
        return held
    if isinstance(kind, Scopes):
        acls = kind.call("GET", "/api/2.0/secrets/acls/list", scope=known).get("items", [])
        # An ACL does not say what its principal is.
        return held | {
            Right(acl["permission"], holder, acl["principal"]) for acl in acls for holder in HOLDERS
        }
    found = kind.call("GET", f"/api/2.0/permissions/{kind.object_type}/{known}")
    return held | {
        Right(right["permission_level"], holder, entry[holder])
        for entry in found.get("access_control_list", [])
        for holder in HOLDERS
        if holder in entry
        for right in entry.get("all_permissions", [])
        if not right.get("inherited")
    }


def _grants_path(kind: Kind, known: str) -> str:
    return f"/api/2.1/unity-catalog/permissions/{kind.securable}/{quote(known)}"
