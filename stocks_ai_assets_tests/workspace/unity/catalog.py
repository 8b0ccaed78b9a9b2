"""State of Unity Catalog: securables by kind and full name, who owns them, what lies below them.

A securable is a JSON document: `kind`, `full_name`, `info` (the fields of the REST API), `grants`
(principal -> privileges), `tags`, `column_tags`. Names are kept in lower case, as Databricks does.
"""

import json
import re
import time
import uuid
from contextlib import contextmanager

from stocks_ai_assets_tests.workspace.errors import Refused, invalid
from stocks_ai_assets_tests.workspace.identity import KINDS
from stocks_ai_assets_tests.workspace.unity.access import Access

METASTORE = "local_metastore"
CALLED = {
    "registered_model": "Registered model",
    "external_location": "External location",
    "storage_credential": "Storage credential",
    "external_metadata": "External metadata",
}
"""Kinds whose name in messages is not the capitalized kind."""
PARENT = {
    "schema": "catalog",
    "table": "schema",
    "volume": "schema",
    "function": "schema",
    "registered_model": "schema",
}
RESERVED = "information_schema"
SYSTEM = "System user"
"""Owner of what every workspace has: the metastore, the catalog `system`, `information_schema`."""
WORKSPACE_GROUPS = ("admins", "users")
"""Groups of the workspace, not of the account: Unity Catalog does not know them."""


class Unity(Access):
    """The securables of a workspace, in its collection `unity`. Hold the workspace's lock."""

    def __init__(self, workspace):
        self.workspace = workspace
        if self.find("metastore", METASTORE) is None:
            self._put("metastore", METASTORE, METASTORE, SYSTEM)
            if not self.oss:
                catalog = self._put("catalog", "system", "system", SYSTEM)
                catalog["grants"]["account users"] = ["BROWSE", "USE_CATALOG"]
                schema = f"system.{RESERVED}"
                self._put("schema", schema, RESERVED, SYSTEM, catalog_name="system")

    @property
    def oss(self) -> bool:
        """Whether this is the open-source server."""
        return self.workspace.dialect == "oss"

    @property
    def documents(self) -> dict:
        """Every securable by `kind:full.name`."""
        return self.workspace.collection("unity")

    @property
    def metastore(self) -> dict:
        """The metastore's document."""
        return self.get("metastore", METASTORE)

    def called(self, kind: str) -> str:
        """How messages call a kind."""
        return CALLED.get(kind, kind.capitalize())

    def find(self, kind: str, name: str) -> dict | None:
        """Return a securable, or None."""
        return self.documents.get(f"{kind}:{name.lower()}")

    def get(self, kind: str, name: str) -> dict:
        """Return a securable; its first missing parent, or itself, is refused with 404."""
        if kind in PARENT:
            above, _, _ = name.rpartition(".")
            if name.count(".") != (1 if kind == "schema" else 2):
                raise self.bad(f"'{name}' is not a valid name of a {kind}")
            self.get(PARENT[kind], above)
        found = self.find(kind, name)
        if found is None:
            raise self.missing(kind, name)
        return found

    def bad(self, message: str) -> Refused:
        """400, in the words of either server."""
        return Refused(400, "INVALID_ARGUMENT", message) if self.oss else invalid(message)

    def missing(self, kind: str, name: str) -> Refused:
        """404, in the words of either server."""
        called = self.called(kind)
        if self.oss:
            return Refused(404, "NOT_FOUND", f"{called} not found: {name}")
        if kind in ("catalog", "schema", "table", "share", "recipient"):
            code = f"{kind.upper()}_DOES_NOT_EXIST"
        else:
            code = "RESOURCE_DOES_NOT_EXIST"
        return Refused(404, code, f"{called} '{name}' does not exist.")

    def taken(self, kind: str, name: str) -> Refused:
        """What a duplicate is answered: 400 by the open-source server, 409 by Databricks."""
        called = self.called(kind)
        known = ("catalog", "schema", "table", "storage_credential", "external_location")
        if self.oss:
            code = f"{kind.upper()}_ALREADY_EXISTS" if kind in known else "RESOURCE_ALREADY_EXISTS"
            return Refused(400, code, f"{called} already exists: {name}")
        known = (*known, "share", "recipient")
        code = f"{kind.upper()}_ALREADY_EXISTS" if kind in known else "RESOURCE_ALREADY_EXISTS"
        return Refused(409, code, f"{called} '{name}' already exists")

    def add(self, kind: str, above: str, name: str, principal, **info) -> dict:
        """Create a securable below `above` (empty for the top), owned by the caller."""
        given = str(name or "")
        if not re.fullmatch(r"[^\x00-\x20./\x7f]{1,255}", given):
            raise self.bad(f"'{given}' is not a valid name of a {kind}")
        if kind in PARENT:
            self.get(PARENT[kind], above)
        full = f"{above}.{given}".lower() if above else given.lower()
        twins = ("function", "registered_model") if kind in ("function", "registered_model") else ()
        if any(self.find(one, full) for one in (kind, *twins)):
            raise self.taken(kind, full)
        return self._put(kind, full, given.lower(), principal.name, **info)

    def _put(self, kind, full, name, owner, **info):
        now = int(time.time() * 1000)
        document = {
            "kind": kind,
            "full_name": full,
            "id": str(uuid.uuid4()),
            "info": {
                "name": name,
                "full_name": full,
                "owner": owner,
                "created_at": now,
                "created_by": owner,
                "updated_at": now,
                "updated_by": owner,
                **{key: value for key, value in info.items() if value is not None},
            },
            "grants": {},
            "tags": {},
            "column_tags": {},
        }
        self.documents[f"{kind}:{full}"] = document
        return document

    def touch(self, document: dict, principal, **info) -> dict:
        """Change fields of a securable; None leaves a field as it is."""
        document["info"].update({key: value for key, value in info.items() if value is not None})
        document["info"].update(updated_at=int(time.time() * 1000), updated_by=principal.name)
        return document

    def rename(self, document: dict, name: str) -> None:
        """Give a top-level securable another name."""
        if self.find(document["kind"], name):
            raise self.taken(document["kind"], name)
        del self.documents[f"{document['kind']}:{document['full_name']}"]
        document["full_name"] = document["info"]["full_name"] = name.lower()
        document["info"]["name"] = name.lower()
        self.documents[f"{document['kind']}:{name.lower()}"] = document

    def remove(self, document: dict) -> None:
        """Delete a securable and everything below it."""
        for one in [document, *self.below(document)]:
            del self.documents[f"{one['kind']}:{one['full_name']}"]

    def below(self, document: dict) -> list[dict]:
        """Everything below a catalog or schema."""
        inside = f"{document['full_name']}."
        kinds = {"catalog": {*PARENT}, "schema": {k for k, v in PARENT.items() if v == "schema"}}
        wanted = kinds.get(document["kind"], set())
        return [
            one
            for one in self.documents.values()
            if one["kind"] in wanted and one["full_name"].startswith(inside)
        ]

    def every(self, kind: str, above: str = "") -> list[dict]:
        """Return securables of a kind (directly below `above`), by name."""
        inside = f"{above.lower()}." if above else ""
        found = [
            one
            for one in self.documents.values()
            if one["kind"] == kind and one["full_name"].startswith(inside)
        ]
        return sorted(found, key=lambda one: one["full_name"])

    def above(self, document: dict) -> list[dict]:
        """Parents of a securable, the nearest first, the metastore left out."""
        parents, name, kind = [], document["full_name"], document["kind"]
        while kind in PARENT:
            name, kind = name.rpartition(".")[0], PARENT[kind]
            parents.append(self.get(kind, name))
        return parents

    def known(self, name: str) -> str:
        """Return a principal's name as it was registered; an unknown one is refused."""
        identities = self.workspace.identities
        kinds = {"Users": "userName"} if self.oss else KINDS
        for kind, field in kinds.items():
            found = identities._named(kind, name)
            if found and name.lower() not in WORKSPACE_GROUPS:
                return found[field]
        if self.oss:
            raise Refused(404, "NOT_FOUND", f"User not found: {name}")
        if name != "account users":
            message = f"Could not find principal with name {name}"
            raise Refused(404, "PRINCIPAL_DOES_NOT_EXIST", message)
        return name

    @contextmanager
    def undone_if_it_fails(self):
        """Restore every securable if what runs inside raises."""
        before = json.dumps(self.documents)
        try:
            yield
        except BaseException:
            self.documents.clear()
            self.documents.update(json.loads(before))
            raise

    def is_view(self, document: dict) -> bool:
        """Whether a securable is a view (a kind of table)."""
        return document["info"].get("table_type") == "VIEW"


def unity_of(workspace) -> Unity:
    """The Unity Catalog of a workspace, made when it is first asked for."""
    with workspace.lock:
        if getattr(workspace, "unity", None) is None:
            workspace.unity = Unity(workspace)
        return workspace.unity
