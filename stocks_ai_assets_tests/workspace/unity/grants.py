"""Permissions on every securable: direct, changed, effective."""

from stocks_ai_assets_tests.workspace.unity import privileges
from stocks_ai_assets_tests.workspace.unity.calls import V21, paged, table_of
from stocks_ai_assets_tests.workspace.unity.catalog import unity_of

OSS_TYPES = (
    "metastore",
    "catalog",
    "schema",
    "table",
    "volume",
    "function",
    "registered_model",
    "external_location",
    "credential",
)
TYPES = (
    "metastore",
    "catalog",
    "schema",
    "table",
    "volume",
    "function",
    "external_location",
    "storage_credential",
    "share",
    "external_metadata",
)


def securable(unity, kind: str, name: str) -> dict:
    """Return the securable of a path; models are functions in Databricks' types."""
    known = OSS_TYPES if unity.oss else TYPES
    wanted = kind if unity.oss else kind.lower()
    if wanted not in known:
        raise unity.bad(f"{kind} is not a valid securable type")
    if wanted == "metastore":
        return unity.metastore
    if wanted == "function" and not unity.oss and unity.find("registered_model", name):
        wanted = "registered_model"
    return unity.get(wanted, name)


def change(unity, principal, document, name: str, *, add=(), remove=()) -> str:
    """Grant and revoke for one principal; returns its registered name."""
    may = unity.manages(principal, document) or (
        document["kind"] == "share"
        and unity.has(principal, "SET_SHARE_PERMISSION", unity.metastore)
        and unity.has(principal, "USE_SHARE", unity.metastore)
    )
    if not may:
        raise unity.denied("MANAGE", document)
    if document["kind"] == "share":
        known = unity.get("recipient", name)["info"]["name"]
    else:
        known = unity.known(name)
    added = [privileges.read(unity, document, one) for one in add]
    removed = [privileges.read(unity, document, one) for one in remove]
    if unity.oss and not unity.enforced:
        return known
    kept = [one for one in document["grants"].get(known, []) if one not in removed]
    kept += [one for one in added if one not in kept]
    document["grants"][known] = sorted(kept)
    if not kept:
        del document["grants"][known]
    return known


def assignments(unity, document, only=None) -> list[dict]:
    """Direct grants as the API lists them."""
    return [
        {"principal": name, "privileges": [privileges.shown(unity, one) for one in found]}
        for name, found in sorted(document["grants"].items())
        if only is None or name in only
    ]


def effective(unity, document, only=None) -> list[dict]:
    """Grants on a securable and above it, each with where it comes from."""
    found = {}
    for one in (document, *unity.above(document)):
        for name, given in one["grants"].items():
            if only is not None and name not in only:
                continue
            for privilege in given:
                entry = {"privilege": privilege}
                if one is not document:
                    entry["inherited_from_type"] = one["kind"].upper()
                    entry["inherited_from_name"] = one["full_name"]
                found.setdefault(name, []).append(entry)
    return [{"principal": name, "privileges": given} for name, given in sorted(found.items())]


class Permissions:
    """Handlers of permissions."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.unity = unity_of(workspace)

    def wanted(self, call, document):
        """Principals whose grants the caller may see and asked for; None: all of them."""
        asked = call.query.get("principal")
        only = {self.unity.known(asked)} if asked else None
        if self.unity.manages(call.principal, document):
            return only
        own = set(self.unity.names(call.principal))
        return own if only is None else own & only

    def get(self, call):
        document = securable(self.unity, call.path["kind"], call.path["name"])
        return self.page(call, assignments(self.unity, document, self.wanted(call, document)))

    def page(self, call, found):
        if self.unity.oss:
            return {"privilege_assignments": found}
        size = int(call.query.get("max_results", 0))
        if size and size < 150:
            raise self.unity.bad("max_results must be 0 or at least 150")
        return paged(self.unity, call, "privilege_assignments", found)

    def get_effective(self, call):
        document = securable(self.unity, call.path["kind"], call.path["name"])
        return self.page(call, effective(self.unity, document, self.wanted(call, document)))

    def patch(self, call):
        document = securable(self.unity, call.path["kind"], call.path["name"])
        return self.changed(call, document)

    def changed(self, call, document):
        found = set()
        for one in call.body.get("changes") or []:
            name = str(one.get("principal") or "")
            given = {key: one.get(key) or () for key in ("add", "remove")}
            found.add(change(self.unity, call.principal, document, name, **given))
        return {
            "privilege_assignments": assignments(
                self.unity, document, found if self.unity.oss else None
            )
        }

    def share_get(self, call):
        document = self.unity.get("share", call.path["name"])
        self.unity.require_manage(call.principal, document)
        return paged(self.unity, call, "privilege_assignments", assignments(self.unity, document))

    def share_patch(self, call):
        answer = self.changed(call, self.unity.get("share", call.path["name"]))
        return {} if call.flag("omit_permissions_list") else answer


def routes(workspace):
    """Routes of permissions, and of shares' permissions."""
    here = Permissions(workspace)
    both = [
        ("GET", f"{V21}/permissions/{{kind}}/{{name}}", here.get),
        ("PATCH", f"{V21}/permissions/{{kind}}/{{name}}", here.patch),
    ]
    databricks = [
        ("GET", f"{V21}/effective-permissions/{{kind}}/{{name}}", here.get_effective),
        ("GET", f"{V21}/shares/{{name}}/permissions", here.share_get),
        ("PATCH", f"{V21}/shares/{{name}}/permissions", here.share_patch),
    ]
    return table_of(workspace, both) + table_of(workspace, databricks, oss=False)
