"""Cluster policies and instance pools 2.0, and what a policy allows a cluster to be."""

import json
import re
import time

from stocks_ai_assets_tests.workspace import permissions
from stocks_ai_assets_tests.workspace.calls import route
from stocks_ai_assets_tests.workspace.errors import Refused, invalid, missing

RULES = ("fixed", "forbidden", "allowlist", "blocklist", "regex", "range", "unlimited")


def apply_policy(workspace, spec: dict) -> dict:
    """Return a cluster's spec with its policy's fixed and default values, or refuse it."""
    key = spec.get("policy_id")
    if not key:
        return spec
    policy = workspace.collection("policies").get(key)
    if policy is None:
        raise invalid(f"Policy {key} does not exist")
    made = json.loads(json.dumps(spec))
    for path, rule in json.loads(policy["definition"]).items():
        found = _look_up(made, path)
        default = rule.get("value") if rule["type"] == "fixed" else rule.get("defaultValue")
        filled = rule["type"] == "fixed" or spec.get("apply_policy_default_values")
        if found is None and default is not None and filled:
            _put(made, path, default)
            found = default
        reason = _breach(rule, found)
        if reason:
            message = f"Validation failed for {path}, {reason} (policy {policy['name']})"
            raise invalid(message)
    return made


def _look_up(spec, path):
    for part in path.split("."):
        spec = spec.get(part) if isinstance(spec, dict) else None
    return spec


def _put(spec, path, value):
    *parents, last = path.split(".")
    for part in parents:
        spec = spec.setdefault(part, {})
    spec[last] = value


def _breach(rule, found):
    kind = rule["type"]
    if found is None:
        needed = kind in ("allowlist", "range", "regex") and not rule.get("isOptional", False)
        return "the value must be present" if needed and "defaultValue" not in rule else None
    allowed, what = {
        "forbidden": lambda: (False, "not be present"),
        "unlimited": lambda: (True, ""),
        "fixed": lambda: (str(found) == str(rule["value"]), f"be {rule['value']}"),
        "allowlist": lambda: (found in rule["values"], f"be one of {rule['values']}"),
        "blocklist": lambda: (found not in rule["values"], f"not be one of {rule['values']}"),
        "regex": lambda: (re.fullmatch(rule["pattern"], str(found)), f"match {rule['pattern']}"),
        "range": lambda: (
            rule.get("minValue", found) <= found <= rule.get("maxValue", found),
            f"be between {rule.get('minValue')} and {rule.get('maxValue')}",
        ),
    }[kind]()
    return None if allowed else f'the value must {what} (is "{found}")'


class Resource:
    """Calls on policies, or on pools: both are documents that admins edit."""

    def __init__(self, workspace, kind, key_name, rights):
        self.workspace, self.kind = workspace, kind
        self.key_name, self.rights = key_name, rights
        self.documents = workspace.collection(kind)
        self.name_of = "name" if kind == "policies" else "instance_pool_name"

    def found(self, call):
        key = call.need(self.key_name)
        if key not in self.documents:
            raise missing(
                f"Can't find {'a cluster policy' if self.kind == 'policies' else 'pool'} {key}"
            )
        return self.documents[key]

    def admins_only(self, call):
        if not call.principal.admin:
            message = f"{call.principal.name} is not authorized to manage {self.kind}."
            raise Refused(403, "PERMISSION_DENIED", message)

    def read(self, call):
        body = dict(call.body)
        if self.kind == "policies":
            try:
                definition = json.loads(body.get("definition") or "{}")
                unknown = [r for r in definition.values() if r.get("type") not in RULES]
            except (ValueError, AttributeError, TypeError) as error:
                raise invalid(f"Invalid policy definition: {error}") from None
            if unknown:
                raise invalid(f"Invalid policy definition: unknown type in {unknown[0]}")
            body["definition"] = body.get("definition") or "{}"
        return body

    def create(self, call):
        self.admins_only(call)
        name = call.need(self.name_of)
        if self.kind == "policies" and name in [d["name"] for d in self.documents.values()]:
            raise invalid(f"A policy with name {name} already exists.")
        key = f"{self.workspace.next_id():016X}"
        extra = (
            {"creator_user_name": call.principal.name, "created_at_timestamp": _now()}
            if self.kind == "policies"
            else {"state": "ACTIVE", "stats": {"used_count": 0, "idle_count": 0}}
        )
        self.documents[key] = {**self.read(call), **extra, self.key_name: key}
        permissions.own(self.workspace, self.rights, key, call.principal)
        return {self.key_name: key}

    def edit(self, call):
        self.admins_only(call)
        old = self.found(call)
        self.documents[old[self.key_name]] = {**old, **self.read(call)}
        return {}

    def delete(self, call):
        self.admins_only(call)
        key = self.found(call)[self.key_name]
        del self.documents[key]
        permissions.forget(self.workspace, self.rights, key)
        return {}

    def get(self, call):
        return self.found(call)

    def listed(self, call):
        weakest = permissions.LEVELS[self.rights][0]
        shown = [
            document
            for key, document in self.documents.items()
            if permissions.may(self.workspace, call.principal, self.rights, key, weakest)
        ]
        return {"policies" if self.kind == "policies" else "instance_pools": shown}


def routes(workspace):
    """Routes of policies and pools."""
    made = []
    for kind, key_name, base, rights in (
        ("policies", "policy_id", "/api/2.0/policies/clusters", "cluster-policies"),
        ("pools", "instance_pool_id", "/api/2.0/instance-pools", "instance-pools"),
    ):
        api = Resource(workspace, kind, key_name, rights)
        made += [
            route(workspace, "POST", f"{base}/create", api.create),
            route(workspace, "POST", f"{base}/edit", api.edit),
            route(workspace, "POST", f"{base}/delete", api.delete),
            route(workspace, "GET", f"{base}/get", api.get),
            route(workspace, "GET", f"{base}/list", api.listed),
        ]
    return made


def _now():
    return int(time.time() * 1000)
