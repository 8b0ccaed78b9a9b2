"""Who may do what. Enforced only in a workspace with `authorization`; then from grants alone.

Privileges are inherited downwards; the owner of a securable has every privilege on it and may
manage what lies below, but reads data below only if granted (Databricks' rule). An admin of the
workspace is the metastore's admin: manages and sees all, reads data only if granted.
"""

from stocks_ai_assets_tests.workspace.errors import Refused
from stocks_ai_assets_tests.workspace.unity.privileges import NOT_IN_ALL

DATA = frozenset({"SELECT", "MODIFY", "EXECUTE", "READ_VOLUME", "WRITE_VOLUME"})
"""Privileges that are worth nothing without the use of catalog and schema."""


class Access:
    """Questions about rights; mixed into `Unity`."""

    @property
    def enforced(self) -> bool:
        """Whether anything is refused at all."""
        return self.workspace.authorization

    def names(self, principal) -> frozenset[str]:
        """Names whose grants count for a caller: no groups in the open-source server."""
        return frozenset({principal.name}) if self.oss else principal.names

    def owner_of(self, document):
        """Principal that owns a securable, or None if it is gone."""
        name = document["info"]["owner"]
        identities = self.workspace.identities
        kinds = ("Users", "ServicePrincipals", "Groups")
        found = [kind for kind in kinds if identities._named(kind, name)]
        return identities.principal(found[0], name) if found else None

    def owns(self, principal, document) -> bool:
        """Whether the caller, or a group of the caller, owns this very securable."""
        return document["info"]["owner"] in self.names(principal)

    def granted(self, principal, document) -> set[str]:
        """Privileges granted to a caller on a securable or above it."""
        names, found = self.names(principal), set()
        for one in (document, *self.above(document)):
            for name, privileges in one["grants"].items():
                if name in names:
                    found.update(privileges)
        return found

    def has(self, principal, privilege: str, document) -> bool:
        """Whether a caller has one privilege on one securable, its parents' use apart."""
        if not self.enforced or self.owns(principal, document):
            return True
        if document["kind"] == "metastore" and principal.admin:
            return True
        found = self.granted(principal, document)
        return privilege in found or ("ALL_PRIVILEGES" in found and privilege not in NOT_IN_ALL)

    def may(self, principal, privilege: str, securable) -> bool:
        """Whether a caller may do what a privilege allows, use of catalog and schema included.

        Parameters
        ----------
        principal
            Caller of a request (`call.principal`).
        privilege
            With underscores, e.g. `READ_VOLUME`.
        securable
            `(kind, full name)`, e.g. `("volume", "c.s.v")`, or a document. Refused if absent.
        """
        return self._lacking(principal, privilege, self._document(securable)) is None

    def require(self, principal, privilege: str, securable) -> None:
        """Refuse with 403, naming the first privilege that lacks, unless `may`."""
        lacking = self._lacking(principal, privilege, self._document(securable))
        if lacking:
            raise self.denied(*lacking)

    def guard_volume(self, principal, privilege: str, path: str) -> None:
        """Refuse what a caller may not do in the volume at `/Volumes/<catalog>/<schema>/<name>`."""
        if self.enforced:
            name = ".".join(path.strip("/").split("/")[1:4])
            self.require(principal, privilege.replace(" ", "_"), ("volume", name))

    def _document(self, securable):
        return securable if isinstance(securable, dict) else self.get(*securable)

    def _lacking(self, principal, privilege, document):
        parents = self.above(document)
        if document["kind"] in _USED and privilege.startswith("CREATE_"):
            parents = [document, *parents]
        for one in reversed(parents):
            use = f"USE_{one['kind'].upper()}"
            if not self.has(principal, use, one):
                return use, one
        return None if self.has(principal, privilege, document) else (privilege, document)

    def denied(self, privilege: str, document) -> Refused:
        """403 that names the privilege and the securable."""
        called = "View" if self.is_view(document) else self.called(document["kind"])
        spelled = privilege.replace("_", " ")
        message = f"User does not have {spelled} on {called} '{document['full_name']}'."
        return Refused(403, "PERMISSION_DENIED", message)

    def manages(self, principal, document) -> bool:
        """Whether a caller may grant, alter and drop: admin, owner here or above, MANAGE."""
        chain = (document, *self.above(document))
        return (
            not self.enforced
            or principal.admin
            or any(self.owns(principal, one) for one in chain)
            or "MANAGE" in self.granted(principal, document)
        )

    def require_manage(self, principal, document) -> None:
        """Refuse with 403 unless `manages`."""
        if not self.manages(principal, document) or document["info"]["owner"] == "System user":
            raise self.denied("MANAGE", document)

    def sees(self, principal, document, *, browse: bool = False) -> bool:
        """Whether metadata of a securable is shown to a caller; `browse` counts BROWSE too."""
        if self.manages(principal, document):
            return True
        kind, granted = document["kind"], self.granted(principal, document)
        if "BROWSE" in granted and (browse or kind in ("catalog", "schema")):
            return True
        for one in self.above(document):
            if not self.has(principal, f"USE_{one['kind'].upper()}", one):
                return False
        if kind in ("catalog", "schema"):
            return self.has(principal, f"USE_{kind.upper()}", document)
        useful = {"ALL_PRIVILEGES", *DATA}
        return bool(granted & useful) or (kind not in ("table", "volume") and bool(granted))

    def require_see(self, principal, document, *, browse: bool = False) -> None:
        """Refuse with 403 unless `sees`."""
        if self.sees(principal, document, browse=browse):
            return
        reading = {"table": "SELECT", "volume": "READ_VOLUME"}
        own = f"USE_{document['kind'].upper()}"
        privilege = reading.get(document["kind"], own if document["kind"] in _USED else "BROWSE")
        raise self.denied(*(self._lacking(principal, privilege, document) or (privilege, document)))


_USED = ("catalog", "schema")
