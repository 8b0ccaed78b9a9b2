"""Recipients of Delta Sharing, their tokens' activation links, and providers (none)."""

import time
import uuid

from stocks_ai_assets_tests.workspace.unity.calls import V21, paged, table_of
from stocks_ai_assets_tests.workspace.unity.catalog import METASTORE, unity_of
from stocks_ai_assets_tests.workspace.unity.grants import assignments

LIFETIME = 90 * 24 * 3600 * 1000
"""Milliseconds that a recipient's token lives unless told otherwise."""


def show(unity, document) -> dict:
    """A recipient as the API answers it."""
    shown = {key: value for key, value in document["info"].items() if key != "full_name"}
    return {**shown, "metastore_id": unity.metastore["id"]}


def create(unity, principal, name, *, kind="TOKEN", global_id=None, expires=None, **info) -> dict:
    """Create a recipient: of a token, or of another Databricks metastore."""
    unity.require(principal, "CREATE_RECIPIENT", ("metastore", METASTORE))
    if kind not in ("TOKEN", "DATABRICKS"):
        raise unity.bad(f"authentication_type '{kind}' is not kept by this workspace")
    if (kind == "DATABRICKS") != bool(global_id):
        raise unity.bad("data_recipient_global_metastore_id goes with DATABRICKS, and only there")
    info |= {"authentication_type": kind, "data_recipient_global_metastore_id": global_id}
    if global_id:
        if global_id.count(":") != 2:
            raise unity.bad("the global metastore id has the form <cloud>:<region>:<uuid>")
        cloud, region, _ = global_id.split(":")
        info |= {"cloud": cloud, "region": region}
    made = unity.add("recipient", "", name, principal, **info)
    if kind == "TOKEN":
        token = _token(unity, principal, expires)
        made["info"].update(activated=False, activation_url=token["activation_url"], tokens=[token])
    return made


def _token(unity, principal, expires):
    now = int(time.time() * 1000)
    return {
        "id": str(uuid.uuid4()),
        "created_at": now,
        "created_by": principal.name,
        "updated_at": now,
        "updated_by": principal.name,
        "activation_url": f"{unity.workspace.url}/delta_sharing/retrieve?{uuid.uuid4()}",
        "expiration_time": expires or now + LIFETIME,
    }


def drop(unity, principal, document) -> None:
    """Remove a recipient and what was granted to it."""
    unity.require_manage(principal, document)
    for share in unity.every("share"):
        share["grants"].pop(document["info"]["name"], None)
    unity.remove(document)


class Recipients:
    """Handlers of recipients."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.unity = unity_of(workspace)

    def managed(self, call):
        document = self.unity.get("recipient", call.path["name"])
        self.unity.require_manage(call.principal, document)
        return document

    def listing(self, call):
        wanted = call.query.get("data_recipient_global_metastore_id")
        found = [
            show(self.unity, one)
            for one in self.unity.every("recipient")
            if self.unity.manages(call.principal, one)
            and wanted in (None, one["info"].get("data_recipient_global_metastore_id"))
        ]
        return paged(self.unity, call, "recipients", found)

    def create_one(self, call):
        body = call.body
        made = create(
            self.unity,
            call.principal,
            body.get("name"),
            kind=call.need("authentication_type"),
            global_id=body.get("data_recipient_global_metastore_id"),
            expires=body.get("expiration_time"),
            **{key: body.get(key) for key in ("comment", "ip_access_list", "properties_kvpairs")},
        )
        return show(self.unity, made)

    def patch(self, call):
        document, body = self.managed(call), call.body
        if body.get("owner"):
            self.unity.touch(document, call.principal, owner=self.unity.known(body["owner"]))
        keys = ("comment", "ip_access_list", "properties_kvpairs")
        self.unity.touch(document, call.principal, **{key: body.get(key) for key in keys})
        if body.get("new_name"):
            old = document["info"]["name"]
            self.unity.rename(document, body["new_name"])
            for share in self.unity.every("share"):
                if old in share["grants"]:
                    share["grants"][document["info"]["name"]] = share["grants"].pop(old)
        return show(self.unity, document)

    def delete(self, call):
        drop(self.unity, call.principal, self.managed(call))
        return {}

    def rotate(self, call):
        document = self.managed(call)
        seconds = int(call.need("existing_token_expire_in_seconds"))
        if seconds < 0:
            raise self.unity.bad("existing_token_expire_in_seconds must not be negative")
        if document["info"]["authentication_type"] != "TOKEN":
            raise self.unity.bad(f"Recipient '{document['full_name']}' has no tokens")
        now = int(time.time() * 1000)
        living = [t for t in document["info"]["tokens"] if t["expiration_time"] > now]
        if len(living) > 1:
            raise self.unity.bad("There can only be at most 2 active tokens at the same time")
        for token in living:
            token["expiration_time"] = min(token["expiration_time"], now + seconds * 1000)
        living.append(_token(self.unity, call.principal, None))
        document["info"]["tokens"] = [t for t in living if t["expiration_time"] > now]
        return show(self.unity, document)

    def permissions(self, call):
        document = self.managed(call)
        found = []
        for share in self.unity.every("share"):
            given = assignments(self.unity, share, {document["info"]["name"]})
            if given:
                found.append({"share_name": share["full_name"], "privilege_assignments": given})
        return paged(self.unity, call, "permissions_out", found)


def routes(workspace):
    """Routes of recipients and providers."""
    here = Recipients(workspace)
    path = f"{V21}/recipients"
    return table_of(
        workspace,
        [
            ("GET", path, here.listing),
            ("POST", path, here.create_one),
            ("GET", f"{path}/{{name}}", lambda call: show(here.unity, here.managed(call))),
            ("PATCH", f"{path}/{{name}}", here.patch),
            ("DELETE", f"{path}/{{name}}", here.delete),
            ("POST", f"{path}/{{name}}/rotate-token", here.rotate),
            ("GET", f"{path}/{{name}}/share-permissions", here.permissions),
            ("GET", f"{V21}/providers", lambda call: paged(here.unity, call, "providers", [])),
            (
                "GET",
                f"{V21}/providers/{{name}}",
                lambda c: here.unity.get("provider", c.path["name"]),
            ),
        ],
        oss=False,
    )
