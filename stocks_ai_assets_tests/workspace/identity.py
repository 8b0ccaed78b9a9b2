"""Who calls: bearer tokens, users, service principals and groups (SCIM and token APIs).

Tokens are kept as digests, in memory only. SCIM speaks for the workspace level.
"""

import hashlib
import re
import secrets
import time
from dataclasses import dataclass

from stocks_ai_assets_tests.workspace.calls import Call, route
from stocks_ai_assets_tests.workspace.errors import Refused, denied, exists, invalid, missing

ADMIN = "admin@example.com"
KINDS = {"Users": "userName", "ServicePrincipals": "applicationId", "Groups": "displayName"}
"""SCIM resource and the field that names it."""


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who a token stands for: user name or application id, and the groups it is in."""

    name: str
    kind: str
    groups: frozenset[str]

    @property
    def admin(self) -> bool:
        """Whether this is an admin of the workspace."""
        return "admins" in self.groups

    @property
    def names(self) -> frozenset[str]:
        """The names to which a right of this principal may be granted."""
        return self.groups | {self.name, "account users", "users"}


class Identities:
    """Principals and their tokens; SCIM documents live in the workspace's collections."""

    def __init__(self, workspace):
        self.workspace = workspace
        self._tokens = {}
        if not self._named("Groups", "admins"):
            self.add("Groups", "admins")
            self.add("Groups", "users")

    def documents(self, kind: str) -> dict:
        """SCIM documents of a kind by id."""
        return self.workspace.collection(f"scim.{kind}")

    def _named(self, kind, name):
        field = KINDS[kind]
        found = [d for d in self.documents(kind).values() if d[field].lower() == name.lower()]
        return found[0] if found else None

    def add(self, kind: str, name: str, **document) -> dict:
        """Create a SCIM resource by its name."""
        if self._named(kind, name):
            raise exists(f"{kind[:-1]} with name {name} already exists.", "ALREADY_EXISTS")
        key = str(self.workspace.next_id())
        made = {"id": key, KINDS[kind]: name, **document}
        made.setdefault("active", True)
        made["schemas"] = [f"urn:ietf:params:scim:schemas:core:2.0:{kind[:-1]}"]
        if kind != "Groups":
            made.setdefault("displayName", name)
        self.documents(kind)[key] = made
        self.workspace.changed()
        return made

    def enrol(self, kind: str, name: str, groups=()) -> str:
        """A token of a principal that is made, with its groups, if it is new."""
        member = self._named(kind, name) or self.add(kind, name)
        for group in groups:
            found = self._named("Groups", group) or self.add("Groups", group)
            members = found.setdefault("members", [])
            if member["id"] not in [m["value"] for m in members]:
                members.append({"value": member["id"], "display": name})
        return self.mint(kind, name)

    def mint(self, kind: str, name: str, *, seconds: float | None = None) -> str:
        """Return a new token of a principal; lives for `seconds`, or until it is expired."""
        token = "dapi" + secrets.token_hex(16)
        ends = None if seconds is None else time.time() + seconds
        self._tokens[_digest(token)] = {"kind": kind, "name": name, "ends": ends}
        return token

    def expire(self, token: str) -> None:
        """Let a token end now."""
        self._tokens[_digest(token)]["ends"] = 0

    def forget(self, token: str) -> None:
        """Revoke a token."""
        self._tokens.pop(_digest(token), None)

    def groups_of(self, kind: str, name: str) -> frozenset[str]:
        """Names of the groups that a principal is in, also through other groups."""
        found = self._named(kind, name)
        inside, groups = {found["id"]} if found else set(), self.documents("Groups").values()
        grown = True
        while grown:
            more = {
                g["id"]
                for g in groups
                if g["id"] not in inside and any(m["value"] in inside for m in g.get("members", ()))
            }
            inside |= more
            grown = bool(more)
        return frozenset(g["displayName"] for g in groups if g["id"] in inside)

    def principal(self, kind: str, name: str) -> Principal:
        """Return a principal with its groups."""
        return Principal(name=name, kind=kind, groups=self.groups_of(kind, name))

    def known(self, name: str) -> bool:
        """Whether a user, service principal or group of this name exists."""
        return any(self._named(kind, name) for kind in KINDS)

    def authenticate(self, header: str | None) -> Principal:
        """Return the caller of an Authorization header, or refuse as Databricks does."""
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            message = "Credential was not sent or was of an unsupported type for this API."
            raise Refused(401, 401, message)
        found = self._tokens.get(_digest(token.strip()))
        if found is None:
            raise Refused(403, 403, "Invalid access token.")
        if found["ends"] is not None and found["ends"] <= time.time():
            raise Refused(401, "UNAUTHENTICATED", "Token is expired")
        return self.principal(found["kind"], found["name"])


def _digest(token):
    return hashlib.sha256(token.encode()).hexdigest()


def _scim_of(workspace, call: Call):
    kind = call.path["kind"]
    if kind not in KINDS:
        raise missing(f"no SCIM resource is called {kind}")
    return kind, workspace.identities.documents(kind)


def _shown(workspace, kind, document):
    if kind == "Groups":
        return document
    groups = workspace.identities.documents("Groups").values()
    own = [g for g in groups if document["id"] in [m["value"] for m in g.get("members", ())]]
    listed = [{"value": g["id"], "display": g["displayName"], "type": "direct"} for g in own]
    return {**document, "groups": listed}


def _one(documents, call):
    found = documents.get(call.path["key"])
    if found is None:
        raise Refused(404, "NOT_FOUND", f"{call.path['kind'][:-1]} {call.path['key']} not found.")
    return found


def _patched(document, operations):
    for operation in operations:
        action, path = operation["op"].lower(), operation.get("path", "")
        value = operation.get("value")
        gone = re.fullmatch(r'(\w+)\[value eq "([^"]+)"\]', path)
        if action == "remove" and gone:
            field, key = gone.groups()
            document[field] = [m for m in document.get(field, []) if m["value"] != key]
        elif action == "remove":
            document.pop(path, None)
        elif action == "add" and (isinstance(value, list) or path in ("members", "groups")):
            document.setdefault(path, []).extend(value if isinstance(value, list) else [value])
        elif path:
            document[path] = value
        else:
            for field, given in value.items():
                if isinstance(given, list) and action == "add":
                    document.setdefault(field, []).extend(given)
                else:
                    document[field] = given


class Scim:
    """Calls on people, groups and tokens."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.identities = workspace.identities

    def admins_only(self, call):
        if not call.principal.admin:
            raise denied("Only workspace admins can manage users, groups and service principals.")

    def me(self, call):
        found = self.identities._named(call.principal.kind, call.principal.name)
        shown = _shown(self.workspace, call.principal.kind, found)
        return {"userName": call.principal.name, **shown}

    def listed(self, call):
        kind, documents = _scim_of(self.workspace, call)
        found = list(documents.values())
        wanted = re.fullmatch(r"(\w+) (eq|co|sw) \"?([^\"]*)\"?", call.query.get("filter", ""))
        if call.query.get("filter") and not wanted:
            raise invalid(f"filter {call.query['filter']!r} is not understood")
        if wanted:
            field, test, text = wanted.groups()
            keep = {"eq": str.__eq__, "co": str.__contains__, "sw": str.startswith}[test]
            found = [d for d in found if keep(str(d.get(field, "")).lower(), text.lower())]
        start, count = int(call.query.get("startIndex", 1)), int(call.query.get("count", 100))
        page = [_shown(self.workspace, kind, d) for d in found[start - 1 : start - 1 + count]]
        return {
            "totalResults": len(found),
            "startIndex": start,
            "itemsPerPage": len(page),
            "Resources": page,
        }

    def create(self, call):
        self.admins_only(call)
        kind, _ = _scim_of(self.workspace, call)
        body = dict(call.body)
        name = body.pop(KINDS[kind], None)
        if kind == "ServicePrincipals" and not name:
            digits = secrets.token_hex(16)
            name = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
        if not name:
            raise invalid(f"{KINDS[kind]} is required")
        body.pop("schemas", None)
        return _shown(self.workspace, kind, self.identities.add(kind, name, **body))

    def get(self, call):
        kind, documents = _scim_of(self.workspace, call)
        return _shown(self.workspace, kind, _one(documents, call))

    def put(self, call):
        self.admins_only(call)
        _, documents = _scim_of(self.workspace, call)
        old = _one(documents, call)
        documents[old["id"]] = {**call.body, "id": old["id"], "schemas": old["schemas"]}
        return documents[old["id"]]

    def patch(self, call):
        self.admins_only(call)
        _, documents = _scim_of(self.workspace, call)
        _patched(_one(documents, call), call.body.get("Operations", []))
        return {}

    def delete(self, call):
        self.admins_only(call)
        _, documents = _scim_of(self.workspace, call)
        del documents[_one(documents, call)["id"]]
        return {}

    def token_create(self, call):
        seconds = call.body.get("lifetime_seconds")
        made = self.identities.mint(call.principal.kind, call.principal.name, seconds=seconds)
        return {
            "token_value": made,
            "token_info": {
                "token_id": _digest(made)[:16],
                "comment": call.body.get("comment", ""),
                "creation_time": int(time.time() * 1000),
                "expiry_time": -1 if seconds is None else int((time.time() + seconds) * 1000),
            },
        }

    def own_tokens(self, call):
        return {
            digest[:16]: (digest, token)
            for digest, token in self.identities._tokens.items()
            if token["name"] == call.principal.name
        }

    def token_list(self, call):
        return {"token_infos": [{"token_id": key} for key in self.own_tokens(call)]}

    def token_delete(self, call):
        found = self.own_tokens(call).get(call.body.get("token_id"))
        if found is None:
            raise missing(f"token {call.body.get('token_id')} does not exist")
        del self.identities._tokens[found[0]]
        return {}


def routes(workspace):
    """Routes of SCIM and of personal access tokens."""
    api = Scim(workspace)
    scim = "/api/2.0/preview/scim/v2"
    return [
        route(workspace, "GET", f"{scim}/Me", api.me),
        route(workspace, "GET", f"{scim}/{{kind}}", api.listed),
        route(workspace, "POST", f"{scim}/{{kind}}", api.create),
        route(workspace, "GET", f"{scim}/{{kind}}/{{key}}", api.get),
        route(workspace, "PUT", f"{scim}/{{kind}}/{{key}}", api.put),
        route(workspace, "PATCH", f"{scim}/{{kind}}/{{key}}", api.patch),
        route(workspace, "DELETE", f"{scim}/{{kind}}/{{key}}", api.delete),
        route(workspace, "POST", "/api/2.0/token/create", api.token_create),
        route(workspace, "GET", "/api/2.0/token/list", api.token_list),
        route(workspace, "POST", "/api/2.0/token/delete", api.token_delete),
    ]
