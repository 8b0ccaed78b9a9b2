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

ACL = "acl"
"""Kind of the holder of a right on a secret scope, which does not tell them apart either."""


class Right(NamedTuple):
    """One right.

    Parameters
    ----------
    level
        Permission level or privilege.
    holder
        Kind of who has it: one of `HOLDERS`, `PRINCIPAL` for a grant, `ACL` on a secret scope.
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
        Rights that the bundle gave once, has no more, and that are still held, without those that
        a missing one takes the place of.
    held
        Rights that are held now, the owner's among them.
    given
        What the bundle will have given: level, holder, who.
    begun
        What of the bundle's giving may be held when the change stops halfway.
    """

    missing: tuple[Right, ...] = ()
    surplus: tuple[Right, ...] = ()
    held: frozenset[Right] = frozenset()
    given: list[list[str]] = field(default_factory=list)
    begun: list[list[str]] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """Each change in words, with the level that another one takes the place of."""
        levels = {(right.holder, right.who): right.level for right in self.held}
        given = (
            f"{levels[right.holder, right.who]} -> {right.words}"
            if right.holder != PRINCIPAL and (right.holder, right.who) in levels
            else right.words
            for right in self.missing
        )
        return [*given, *(f"no more {right.words}" for right in self.surplus)]


def compared_access(
    kind: Kind, config: Config, known: str | None, recorded: Sequence[Sequence[str]]
) -> Access:
    """Compare the rights that `config` gives with those on resource `known`; None: there is none.

    `recorded` are the rights that the last deployment gave.
    """
    wanted = [_comparable(kind, right) for right in _wanted(config)]
    once = [_comparable(kind, Right(*one)) for one in recorded]
    if not wanted and not once:
        return Access()
    held = _held(kind, known, {right.holder for right in (*wanted, *once)}) if known else set()
    owners = {(right.holder, right.who) for right in held if right.level == "IS_OWNER"}
    missing = [
        right for right in wanted if right not in held and (right.holder, right.who) not in owners
    ]
    # Who has a permission has one: another level takes its place.
    replaced = {(right.holder, right.who) for right in missing if right.holder != PRINCIPAL}
    left = [right for right in once if right not in wanted and right in held]
    given = [list(right) for right in wanted if right in missing or right in once]
    return Access(
        missing=tuple(missing),
        surplus=tuple(right for right in left if (right.holder, right.who) not in replaced),
        held=frozenset(held),
        given=given,
        begun=[*given, *map(list, left)],
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
    for right in missing:
        acl = {"scope": scope, "principal": right.who, "permission": right.level}
        kind.call("POST", "/api/2.0/secrets/acls/put", acl)
    for right in surplus:
        acl = {"scope": scope, "principal": right.who}
        kind.call("POST", "/api/2.0/secrets/acls/delete", acl)


def _comparable(kind: Kind, right: Right) -> Right:
    acl = isinstance(kind, Scopes) and right.holder != PRINCIPAL
    return right._replace(holder=ACL) if acl else right


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
        return held | {Right(acl["permission"], ACL, acl["principal"]) for acl in acls}
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
