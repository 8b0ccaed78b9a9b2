"""Permissions API 2.0: who may do what with jobs, clusters, policies, pools, experiments, files.

`check` is asked by the other modules. Admins may everything; who made an object owns it.
"""

from stocks_ai_assets_tests.workspace.calls import route
from stocks_ai_assets_tests.workspace.errors import denied, invalid, missing

LEVELS = {
    "jobs": ("CAN_VIEW", "CAN_MANAGE_RUN", "CAN_MANAGE", "IS_OWNER"),
    "clusters": ("CAN_ATTACH_TO", "CAN_RESTART", "CAN_MANAGE"),
    "cluster-policies": ("CAN_USE",),
    "instance-pools": ("CAN_ATTACH_TO", "CAN_MANAGE"),
    "experiments": ("CAN_READ", "CAN_EDIT", "CAN_MANAGE"),
    "registered-models": ("CAN_READ", "CAN_EDIT", "CAN_MANAGE"),
    "directories": ("CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE"),
    "files": ("CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE"),
    "notebooks": ("CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE"),
    "warehouses": ("CAN_VIEW", "CAN_MONITOR", "CAN_USE", "CAN_MANAGE", "IS_OWNER"),
    "tokens": ("CAN_USE",),
}
"""Rights of each kind of object, the weakest first."""

TYPES = {"cluster-policies": "cluster-policy", "directories": "directory", "tokens": "tokens"}
HOLDERS = ("user_name", "group_name", "service_principal_name")


def own(workspace, kind: str, key, principal) -> None:
    """Record who made an object; the maker owns it."""
    level = LEVELS[kind][-1]
    holder = "user_name" if principal.kind == "Users" else "service_principal_name"
    entry = {holder: principal.name, "permission_level": level}
    workspace.collection("permissions")[f"{kind}/{key}"] = [entry]


def forget(workspace, kind: str, key) -> None:
    """Forget an object that is gone."""
    workspace.collection("permissions").pop(f"{kind}/{key}", None)


def may(workspace, principal, kind: str, key, level: str) -> bool:
    """Whether a principal has this or a higher right on an object."""
    if principal.admin:
        return True
    order = LEVELS[kind]
    held = [
        order.index(entry["permission_level"])
        for entry in workspace.collection("permissions").get(f"{kind}/{key}", ())
        if any(entry.get(holder) in principal.names for holder in HOLDERS)
    ]
    return max(held, default=-1) >= order.index(level)


def check(workspace, principal, kind: str, key, level: str) -> None:
    """Refuse a principal without this right."""
    if not may(workspace, principal, kind, key, level):
        what = f"{TYPES.get(kind, kind.rstrip('s'))} {key}"
        raise denied(f"User {principal.name} does not have {level} permission on {what}.")


def add(workspace, kind: str, key, entries) -> None:
    """Grant what `entries` of an access control list say, besides what is granted."""
    workspace.collection("permissions")[f"{kind}/{key}"] += _checked(workspace, kind, entries)


def _checked(workspace, kind, entries):
    for entry in entries or ():
        names = [entry[holder] for holder in HOLDERS if entry.get(holder)]
        if len(names) != 1:
            raise invalid(f"exactly one of {', '.join(HOLDERS)} is required in {entry}")
        if entry.get("permission_level") not in LEVELS[kind]:
            message = f"{entry.get('permission_level')} is not a permission of {kind}"
            raise invalid(f"{message}; there are {', '.join(LEVELS[kind])}")
        if not workspace.identities.known(names[0]):
            raise missing(f"Principal: {names[0]} does not exist")
    return list(entries or ())


class Permissions:
    """Calls on access control lists."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.entries = workspace.collection("permissions")

    def known(self, call):
        kind, key = call.path["kind"], call.path["key"]
        if kind not in LEVELS:
            raise invalid(f"object type {kind} is not supported; there are {', '.join(LEVELS)}")
        if f"{kind}/{key}" not in self.entries and kind not in ("tokens", "warehouses"):
            raise missing(f"{TYPES.get(kind, kind.rstrip('s'))} {key} does not exist.")
        return kind, key

    def read(self, call):
        kind, key = self.known(call)
        check(self.workspace, call.principal, kind, key, LEVELS[kind][0])
        return self.shown(kind, key)

    def shown(self, kind, key):
        listed = [
            {
                **{holder: entry[holder] for holder in HOLDERS if holder in entry},
                "all_permissions": [
                    {"permission_level": entry["permission_level"], "inherited": False}
                ],
            }
            for entry in self.entries.get(f"{kind}/{key}", ())
        ]
        top = [level for level in LEVELS[kind] if level != "IS_OWNER"][-1]
        inherited = {
            "permission_level": top,
            "inherited": True,
            "inherited_from_object": [f"/{kind}/"],
        }
        listed.append({"group_name": "admins", "all_permissions": [inherited]})
        return {
            "object_id": f"/{kind}/{key}",
            "object_type": TYPES.get(kind, kind.rstrip("s")),
            "access_control_list": listed,
        }

    def manage(self, call):
        kind, key = self.known(call)
        order = LEVELS[kind]
        needed = "CAN_MANAGE" if "CAN_MANAGE" in order else order[-1]
        check(self.workspace, call.principal, kind, key, needed)
        return kind, key

    def holder_of(self, entry):
        return [(holder, entry[holder]) for holder in HOLDERS if holder in entry]

    def one_owner(self, kind, changed):
        owners = [entry for entry in changed if entry["permission_level"] == "IS_OWNER"]
        if kind == "jobs" and len(owners) != 1:
            raise invalid(f"The job must have exactly one owner (found {len(owners)}).")

    def replace(self, call):
        kind, key = self.manage(call)
        changed = _checked(self.workspace, kind, call.body.get("access_control_list"))
        self.one_owner(kind, changed)
        self.entries[f"{kind}/{key}"] = changed
        return self.shown(kind, key)

    def update(self, call):
        kind, key = self.manage(call)
        added = _checked(self.workspace, kind, call.body.get("access_control_list"))
        named = [self.holder_of(entry) for entry in added]
        kept = [e for e in self.entries.get(f"{kind}/{key}", ()) if self.holder_of(e) not in named]
        if any(entry["permission_level"] == "IS_OWNER" for entry in added):
            kept = [entry for entry in kept if entry["permission_level"] != "IS_OWNER"]
        self.one_owner(kind, kept + added)
        self.entries[f"{kind}/{key}"] = kept + added
        return self.shown(kind, key)

    def levels(self, call):
        kind, _ = self.known(call)
        return {"permission_levels": [{"permission_level": name} for name in LEVELS[kind]]}


def routes(workspace):
    """Routes of the Permissions API."""
    api = Permissions(workspace)
    made = []
    for prefix in ("", "sql/", "authorization/"):
        base = f"/api/2.0/permissions/{prefix}{{kind}}"
        made += [
            route(workspace, "GET", f"{base}/{{key}}", api.read),
            route(workspace, "PUT", f"{base}/{{key}}", api.replace),
            route(workspace, "PATCH", f"{base}/{{key}}", api.update),
            route(workspace, "GET", f"{base}/{{key}}/permissionLevels", api.levels),
        ]
    return made
