"""Shares of Delta Sharing: what they hold. Who may read them is a grant on the share."""

import time

from stocks_ai_assets_tests.workspace.unity.calls import V21, paged, table_of
from stocks_ai_assets_tests.workspace.unity.catalog import METASTORE, unity_of
from stocks_ai_assets_tests.workspace.unity.tables import secured

SHAREABLE = ("TABLE", "VIEW", "SCHEMA", "MODEL", "VOLUME", "NOTEBOOK_FILE")


def show(document, *, data: bool) -> dict:
    """A share as the API answers it; its objects only when asked for."""
    shown = {key: value for key, value in document["info"].items() if key != "full_name"}
    if not data:
        shown.pop("objects", None)
    return shown


def create(unity, principal, name, **info) -> dict:
    """Create an empty share."""
    unity.require(principal, "CREATE_SHARE", ("metastore", METASTORE))
    return unity.add("share", "", name, principal, objects=[], **info)


def drop(unity, principal, document) -> None:
    """Remove a share."""
    unity.require_manage(principal, document)
    unity.remove(document)


def _checked(unity, document, given) -> dict:
    kind = given.get("data_object_type", "TABLE")
    if kind not in SHAREABLE:
        raise unity.bad(f"data_object_type '{kind}' is not known")
    name = str(given.get("name", "")).lower()
    made = {**given, "name": name, "data_object_type": kind}
    if kind == "NOTEBOOK_FILE":
        return {"shared_as": name, **made}
    kinds = {"SCHEMA": "schema", "MODEL": "registered_model", "VOLUME": "volume"}
    where = kinds.get(kind, "table")
    found = unity.get(where, name)
    if where == "table":
        if unity.is_view(found) != (kind == "VIEW"):
            raise unity.bad(f"'{name}' is not a {kind}")
        if secured(found):
            message = "has row level security or column masks, which Delta Sharing does not support"
            raise unity.bad(f"Table '{name}' {message}.")
        owner = unity.owner_of(document)
        if unity.enforced and (owner is None or not unity.may(owner, "SELECT", found)):
            raise unity.denied("SELECT", found)
        if kind == "TABLE":
            made.setdefault("history_data_sharing_status", "DISABLED")
            made.setdefault("start_version", 0)
            properties = found["info"].get("properties", {})
            made["cdf_enabled"] = properties.get("delta.enableChangeDataFeed") == "true"
        elif made.get("history_data_sharing_status") == "ENABLED":
            raise unity.bad(f"history sharing is not supported for the view '{name}'")
    made.setdefault("shared_as", name if where == "schema" else name.partition(".")[2])
    return made


def update(unity, principal, document, updates) -> None:
    """Apply ADD, UPDATE and REMOVE of objects: all of them, or none."""
    if unity.enforced and not unity.owns(principal, document):
        raise unity.denied("OWNERSHIP", document)
    objects = [*document["info"]["objects"]]
    for one in updates:
        action, given = one.get("action"), one.get("data_object") or {}
        name = str(given.get("name", "")).lower()
        kind = given.get("data_object_type")
        held = [o for o in objects if o["name"] == name and kind in (None, o["data_object_type"])]
        if action == "ADD":
            made = _checked(unity, document, given)
            taken = [o["name"] for o in objects if o["shared_as"] == made["shared_as"]]
            if held or taken:
                name = (taken or [name])[0]
                raise unity.taken("data object", f"{document['full_name']}: {name}")
            now = int(time.time() * 1000)
            objects.append(
                {**made, "added_at": now, "added_by": principal.name, "status": "ACTIVE"}
            )
        elif not held:
            raise unity.missing("data object", f"{document['full_name']}: {name}")
        elif action == "REMOVE":
            objects.remove(held[0])
        elif action == "UPDATE":
            position = objects.index(held[0])
            objects[position] = {**held[0], **_checked(unity, document, {**held[0], **given})}
        else:
            raise unity.bad(f"action '{action}' is not known")
    unity.touch(document, principal)["info"]["objects"] = objects


class Shares:
    """Handlers of shares."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.unity = unity_of(workspace)

    def readable(self, call, document):
        shared = self.unity.has(call.principal, "USE_SHARE", self.unity.metastore)
        return self.unity.manages(call.principal, document) or (self.unity.enforced and shared)

    def listing(self, call):
        found = [
            show(one, data=False) for one in self.unity.every("share") if self.readable(call, one)
        ]
        return paged(self.unity, call, "shares", found)

    def create_one(self, call):
        info = {key: call.body.get(key) for key in ("comment", "storage_root")}
        made = create(self.unity, call.principal, call.body.get("name"), **info)
        return show(made, data=True)

    def get(self, call):
        document = self.unity.get("share", call.path["name"])
        if not self.readable(call, document):
            raise self.unity.denied("USE_SHARE", self.unity.metastore)
        return show(document, data=call.flag("include_shared_data"))

    def patch(self, call):
        document, body = self.unity.get("share", call.path["name"]), call.body
        self.unity.require_manage(call.principal, document)
        if body.get("updates"):
            update(self.unity, call.principal, document, body["updates"])
        if body.get("owner"):
            self.unity.touch(document, call.principal, owner=self.unity.known(body["owner"]))
        self.unity.touch(document, call.principal, comment=body.get("comment"))
        if body.get("new_name"):
            self.unity.rename(document, body["new_name"])
        return show(document, data=True)

    def delete(self, call):
        drop(self.unity, call.principal, self.unity.get("share", call.path["name"]))
        return {}


def routes(workspace):
    """Routes of shares, their permissions apart."""
    here = Shares(workspace)
    path = f"{V21}/shares"
    return table_of(
        workspace,
        [
            ("GET", path, here.listing),
            ("POST", path, here.create_one),
            ("GET", f"{path}/{{name}}", here.get),
            ("PATCH", f"{path}/{{name}}", here.patch),
            ("DELETE", f"{path}/{{name}}", here.delete),
        ],
        oss=False,
    )
