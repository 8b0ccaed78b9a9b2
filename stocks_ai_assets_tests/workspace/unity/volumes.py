"""Volumes: a folder below `/Volumes` of the workspace, or a link to an external one."""

from stocks_ai_assets_tests.workspace.unity import storage
from stocks_ai_assets_tests.workspace.unity.calls import V21, deleted, paged, table_of
from stocks_ai_assets_tests.workspace.unity.catalog import unity_of


def show(unity, document) -> dict:
    """A volume as the API answers it."""
    return {
        **document["info"],
        "volume_id": document["id"],
        **({} if unity.oss else {"metastore_id": unity.metastore["id"]}),
    }


def create(unity, principal, full_name: str, *, location=None, comment=None) -> dict:
    """Create a volume and its folder; with a location it is external."""
    catalog, schema, name = full_name.lower().split(".")
    above = unity.get("schema", f"{catalog}.{schema}")
    unity.require(principal, "CREATE_VOLUME", above)
    if unity.find("volume", full_name):
        raise unity.taken("volume", full_name.lower())
    path = unity.workspace.folder / "Volumes" / catalog / schema / name
    if location:
        claimed = storage.claim(unity, principal, location, "CREATE_EXTERNAL_VOLUME")
    else:
        claimed = f"file://{path}"
    made = unity.add(
        "volume",
        above["full_name"],
        name,
        principal,
        catalog_name=catalog,
        schema_name=schema,
        volume_type="EXTERNAL" if location else "MANAGED",
        storage_location=claimed,
        comment=comment,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = storage.local(unity, claimed) if location else None
    if folder is None:
        path.mkdir(exist_ok=True)
    elif not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.symlink_to(folder, target_is_directory=True)
    return made


def drop(unity, principal, document) -> None:
    """Remove a volume; files of an external one stay."""
    unity.require_manage(principal, document)
    storage.forget(unity, document)
    unity.remove(document)


class Volumes:
    """Handlers of volumes."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.unity = unity_of(workspace)

    def listing(self, call):
        above = self.unity.get("schema", f"{call.need('catalog_name')}.{call.need('schema_name')}")
        every = self.unity.every("volume", above["full_name"])
        found = [show(self.unity, one) for one in every if self.unity.sees(call.principal, one)]
        return paged(self.unity, call, "volumes", found)

    def create_one(self, call):
        body = call.body
        full = ".".join(str(call.need(key)) for key in ("catalog_name", "schema_name", "name"))
        kind, location = body.get("volume_type"), body.get("storage_location")
        if kind not in ("MANAGED", "EXTERNAL"):
            raise self.unity.bad(f"volume_type '{kind}' is not known")
        if (kind == "EXTERNAL") != bool(location):
            raise self.unity.bad(f"storage_location is for EXTERNAL volumes, found {kind}")
        more = {"location": location, "comment": body.get("comment")}
        return show(self.unity, create(self.unity, call.principal, full, **more))

    def get(self, call):
        document = self.unity.get("volume", call.path["name"])
        self.unity.require_see(call.principal, document, browse=call.flag("include_browse"))
        return show(self.unity, document)

    def update(self, call):
        document = self.unity.get("volume", call.path["name"])
        self.unity.require_manage(call.principal, document)
        if call.body.get("owner") and not self.unity.oss:
            self.unity.touch(document, call.principal, owner=self.unity.known(call.body["owner"]))
        return show(
            self.unity, self.unity.touch(document, call.principal, comment=call.body.get("comment"))
        )

    def delete(self, call):
        drop(self.unity, call.principal, self.unity.get("volume", call.path["name"]))
        return deleted(self.unity)


def routes(workspace):
    """Routes of volumes."""
    here = Volumes(workspace)
    path = f"{V21}/volumes"
    return table_of(
        workspace,
        [
            ("GET", path, here.listing),
            ("POST", path, here.create_one),
            ("GET", f"{path}/{{name}}", here.get),
            ("PATCH", f"{path}/{{name}}", here.update),
            ("DELETE", f"{path}/{{name}}", here.delete),
        ],
    )
