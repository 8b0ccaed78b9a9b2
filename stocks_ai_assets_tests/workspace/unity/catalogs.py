"""Catalogs and schemas: REST handlers, and the creation and removal that SQL shares with them."""

from stocks_ai_assets_tests.workspace.unity.calls import V21, deleted, paged, table_of
from stocks_ai_assets_tests.workspace.unity.catalog import METASTORE, RESERVED, SYSTEM, unity_of

SHOWN = {
    "catalog": ("name", "comment", "properties", "owner", "storage_root"),
    "schema": ("name", "catalog_name", "full_name", "comment", "properties", "owner"),
}
"""What the open-source server shows of them, besides times and the id."""
TIMES = ("created_at", "created_by", "updated_at", "updated_by")


def show(unity, document) -> dict:
    """A catalog or schema as either server answers it."""
    info, kind = document["info"], document["kind"]
    if unity.oss:
        identity = {"id" if kind == "catalog" else "schema_id": document["id"]}
        return {key: info.get(key) for key in (*SHOWN[kind], *TIMES)} | identity
    more = {"metastore_id": unity.metastore["id"]}
    if kind == "catalog":
        more |= {
            "catalog_type": "SYSTEM_CATALOG" if info["owner"] == SYSTEM else "MANAGED_CATALOG",
            "isolation_mode": "OPEN",
            "securable_type": "CATALOG",
            "securable_kind": "CATALOG_STANDARD",
        }
    else:
        more |= {"catalog_type": "MANAGED_CATALOG", "schema_id": document["id"]}
    return {**info, **more}


def create_catalog(unity, principal, name, **info) -> dict:
    """Create a catalog; Databricks adds the schemas `default` and `information_schema`."""
    unity.require(principal, "CREATE_CATALOG", ("metastore", METASTORE))
    made = unity.add("catalog", "", name, principal, **info)
    if not unity.oss:
        for schema in ("default", RESERVED):
            parts = {"catalog_name": made["full_name"]}
            found = unity.add("schema", made["full_name"], schema, principal, **parts)
            if schema == RESERVED:
                found["info"].update(owner=SYSTEM, created_by=SYSTEM)
    return made


def create_schema(unity, principal, catalog, name, **info) -> dict:
    """Create a schema."""
    unity.get("catalog", str(catalog))
    unity.require(principal, "CREATE_SCHEMA", ("catalog", catalog))
    parts = {"catalog_name": catalog.lower()}
    return unity.add("schema", catalog.lower(), name, principal, **parts, **info)


def drop(unity, principal, document, *, force: bool) -> None:
    """Remove a catalog or schema; one with anything in it only by force."""
    unity.require_manage(principal, document)
    inside = [one for one in unity.below(document) if one["info"]["name"] != RESERVED]
    if inside and not force:
        called, name = unity.called(document["kind"]), document["full_name"]
        kinds = sorted({one["kind"] for one in inside})
        raise unity.bad(
            f"{called} '{name}' is not empty. The {document['kind']} has {len(inside)} "
            f"objects ({', '.join(kinds)}), e.g. '{inside[0]['full_name']}'"
        )
    from stocks_ai_assets_tests.workspace.unity.storage import forget

    for one in [*inside, document]:
        forget(unity, one)
    unity.remove(document)


def change(unity, principal, document, body) -> dict:
    """Apply the body of an update."""
    unity.require_manage(principal, document)
    if body.get("owner") and not unity.oss:
        unity.touch(document, principal, owner=unity.known(body["owner"]))
    unity.touch(document, principal, **{key: body.get(key) for key in ("comment", "properties")})
    new = body.get("new_name")
    if new and new.lower() != document["info"]["name"]:
        rename(unity, document, new)
    return document


def rename(unity, document, new: str) -> None:
    """Rename a catalog or schema with everything below it."""
    old, kind = document["full_name"], document["kind"]
    above = old.rpartition(".")[0]
    full = f"{above}.{new.lower()}" if above else new.lower()
    if unity.find(kind, full):
        raise unity.taken(kind, full)
    moved = [document, *unity.below(document)]
    for one in moved:
        del unity.documents[f"{one['kind']}:{one['full_name']}"]
        one["full_name"] = full + one["full_name"][len(old) :]
        parts = one["full_name"].split(".")
        one["info"]["full_name"] = one["full_name"]
        one["info"]["name"] = parts[-1]
        for key, part in zip(("catalog_name", "schema_name"), parts[:-1], strict=False):
            one["info"][key] = part
        unity.documents[f"{one['kind']}:{one['full_name']}"] = one


class Catalogs:
    """Handlers of catalogs, schemas and the metastore's summary."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.unity = unity_of(workspace)

    def metastore(self, call):
        info = self.unity.metastore["info"]
        if self.unity.oss:
            return {"metastore_id": self.unity.metastore["id"], "name": info["name"]}
        more = {
            "cloud": "local",
            "region": "local",
            "global_metastore_id": f"local:local:{self.unity.metastore['id']}",
            "delta_sharing_scope": "INTERNAL_AND_EXTERNAL",
            "privilege_model_version": "1.0",
        }
        return {**info, "metastore_id": self.unity.metastore["id"], **more}

    def assignment(self, call):
        return {
            "metastore_id": self.unity.metastore["id"],
            "workspace_id": 1,
            "default_catalog_name": "workspace",
        }

    def catalog_list(self, call):
        found = [c for c in self.unity.every("catalog") if self.unity.sees(call.principal, c)]
        return paged(self.unity, call, "catalogs", [show(self.unity, one) for one in found])

    def catalog_create(self, call):
        body = call.body
        info = {key: body.get(key) for key in ("comment", "properties", "storage_root", "options")}
        return show(
            self.unity, create_catalog(self.unity, call.principal, body.get("name"), **info)
        )

    def schema_list(self, call):
        above = self.unity.get("catalog", call.need("catalog_name"))
        if not self.unity.oss:
            self.unity.require_see(call.principal, above)
        every = self.unity.every("schema", above["full_name"])
        found = [one for one in every if self.unity.sees(call.principal, one)]
        return paged(self.unity, call, "schemas", [show(self.unity, one) for one in found])

    def schema_create(self, call):
        body = call.body
        info = {key: body.get(key) for key in ("comment", "properties", "storage_root")}
        catalog = str(call.need("catalog_name"))
        return show(
            self.unity, create_schema(self.unity, call.principal, catalog, body.get("name"), **info)
        )

    def of(self, kind, work):
        def handler(call):
            document = self.unity.get(kind, call.path["name"])
            return work(call, document)

        return handler

    def get(self, call, document):
        self.unity.require_see(call.principal, document)
        return show(self.unity, document)

    def update(self, call, document):
        return show(self.unity, change(self.unity, call.principal, document, call.body))

    def delete(self, call, document):
        drop(self.unity, call.principal, document, force=call.flag("force"))
        return deleted(self.unity)


def routes(workspace):
    """Routes of catalogs, schemas and the metastore's summary."""
    here = Catalogs(workspace)
    listed = [
        ("GET", f"{V21}/metastore_summary", here.metastore),
        ("GET", f"{V21}/catalogs", here.catalog_list),
        ("POST", f"{V21}/catalogs", here.catalog_create),
        ("GET", f"{V21}/schemas", here.schema_list),
        ("POST", f"{V21}/schemas", here.schema_create),
    ]
    for kind, path in (("catalog", "catalogs"), ("schema", "schemas")):
        listed += [
            ("GET", f"{V21}/{path}/{{name}}", here.of(kind, here.get)),
            ("PATCH", f"{V21}/{path}/{{name}}", here.of(kind, here.update)),
            ("DELETE", f"{V21}/{path}/{{name}}", here.of(kind, here.delete)),
        ]
    assigned = [("GET", f"{V21}/current-metastore-assignment", here.assignment)]
    return table_of(workspace, listed) + table_of(workspace, assigned, oss=False)
