"""Secrets API 2.0: scopes, keys and ACLs. Values live in memory and are never saved or logged."""

import base64
import time

from stocks_ai_assets_tests.workspace.calls import route
from stocks_ai_assets_tests.workspace.errors import Refused, denied, invalid, missing

LEVELS = ("READ", "WRITE", "MANAGE")


def may(workspace, principal, scope: str, level: str) -> bool:
    """Whether a principal has this or a higher right on a scope."""
    acls = workspace.collection("secrets")[scope]["acls"]
    held = [LEVELS.index(acls[name]) for name in principal.names if name in acls]
    return principal.admin or max(held, default=-1) >= LEVELS.index(level)


def value_of(workspace, principal, scope: str, key: str) -> str:
    """Return a secret's value for a principal that may read it."""
    _checked(workspace, principal, scope, "READ")
    if key not in workspace.collection("secrets")[scope]["keys"]:
        raise missing(f"Failed to get secret {key} for scope {scope}")
    value = workspace.secret_values.get((scope, key))
    if value is None:
        message = f"the value of secret {scope}/{key} did not survive the restart of the workspace"
        raise Refused(500, "INTERNAL_ERROR", message)
    return value


def _checked(workspace, principal, scope, level):
    if scope not in workspace.collection("secrets"):
        raise missing(f"Secret Scope {scope} does not exist!")
    if not may(workspace, principal, scope, level):
        message = f"User {principal.name} does not have {level} permission on scope: {scope}"
        raise denied(message)


class Secrets:
    """Calls on scopes, keys and their ACLs."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.scopes = workspace.collection("secrets")

    def checked(self, call, level):
        scope = call.need("scope")
        _checked(self.workspace, call.principal, scope, level)
        return self.scopes[scope]

    def create_scope(self, call):
        name = call.need("scope")
        if name in self.scopes:
            message = f"Scope {name} already exists!"
            raise Refused(400, "RESOURCE_ALREADY_EXISTS", message)
        if call.body.get("scope_backend_type", "DATABRICKS") != "DATABRICKS":
            raise invalid("only scopes of the backend DATABRICKS are supported")
        manager = call.body.get("initial_manage_principal") or call.principal.name
        self.scopes[name] = {"keys": {}, "acls": {manager: "MANAGE"}}
        return {}

    def delete_scope(self, call):
        self.checked(call, "MANAGE")
        gone = self.scopes.pop(call.need("scope"))
        for key in gone["keys"]:
            self.workspace.secret_values.pop((call.need("scope"), key), None)
        return {}

    def list_scopes(self, call):
        found = [name for name in self.scopes if may(self.workspace, call.principal, name, "READ")]
        return {"scopes": [{"name": name, "backend_type": "DATABRICKS"} for name in found]}

    def put(self, call):
        scope, key = self.checked(call, "WRITE"), call.need("key")
        text, encoded = call.body.get("string_value"), call.body.get("bytes_value")
        if (text is None) == (encoded is None):
            raise invalid("exactly one of string_value and bytes_value is required")
        value = text if encoded is None else base64.b64decode(encoded).decode()
        self.workspace.secret_values[call.need("scope"), key] = value
        scope["keys"][key] = int(time.time() * 1000)
        return {}

    def list_keys(self, call):
        found = self.checked(call, "READ")["keys"].items()
        listed = [{"key": key, "last_updated_timestamp": moment} for key, moment in found]
        return {"secrets": listed}

    def get(self, call):
        value = value_of(self.workspace, call.principal, call.need("scope"), call.need("key"))
        return {"key": call.need("key"), "value": base64.b64encode(value.encode()).decode()}

    def delete(self, call):
        scope, key = self.checked(call, "WRITE"), call.need("key")
        if scope["keys"].pop(key, None) is None:
            raise missing(f"Key {key} does not exist in scope {call.need('scope')}")
        self.workspace.secret_values.pop((call.need("scope"), key), None)
        return {}

    def put_acl(self, call):
        scope, level = self.checked(call, "MANAGE"), call.need("permission")
        if level not in LEVELS:
            raise invalid(f"permission must be one of {', '.join(LEVELS)} (found {level})")
        if not self.workspace.identities.known(call.need("principal")):
            raise missing(f"Principal {call.need('principal')} does not exist")
        scope["acls"][call.need("principal")] = level
        return {}

    def acl(self, call):
        held = self.checked(call, "MANAGE")["acls"].get(call.need("principal"))
        if held is None:
            raise missing(f"No ACL for principal {call.need('principal')}")
        return {"principal": call.need("principal"), "permission": held}

    def list_acls(self, call):
        found = self.checked(call, "MANAGE")["acls"].items()
        return {"items": [{"principal": name, "permission": level} for name, level in found]}

    def delete_acl(self, call):
        if self.checked(call, "MANAGE")["acls"].pop(call.need("principal"), None) is None:
            raise missing(f"No ACL for principal {call.need('principal')}")
        return {}


def routes(workspace):
    """Routes of the Secrets API."""
    api = Secrets(workspace)
    calls = {
        ("POST", "scopes/create"): api.create_scope,
        ("POST", "scopes/delete"): api.delete_scope,
        ("GET", "scopes/list"): api.list_scopes,
        ("POST", "put"): api.put,
        ("GET", "list"): api.list_keys,
        ("GET", "get"): api.get,
        ("POST", "delete"): api.delete,
        ("POST", "acls/put"): api.put_acl,
        ("GET", "acls/get"): api.acl,
        ("GET", "acls/list"): api.list_acls,
        ("POST", "acls/delete"): api.delete_acl,
    }
    return [
        route(workspace, method, f"/api/2.0/secrets/{name}", handler)
        for (method, name), handler in calls.items()
    ]
