"""Where data lies: local paths of locations, external locations, storage credentials.

Locations that this machine can read: `file:` and plain paths, `dbfs:`, `/Volumes`. With
authorization on, an external table or volume needs an external location, as in Databricks.
"""

import os
import re
import shutil
from pathlib import Path

from stocks_ai_assets_tests.workspace.errors import Refused
from stocks_ai_assets_tests.workspace.unity.calls import V21, deleted, paged, table_of
from stocks_ai_assets_tests.workspace.unity.catalog import METASTORE, unity_of

SECRETS = ("azure_service_principal", "cloudflare_api_token")
"""Parts of a storage credential whose secrets are never shown."""


def uri(location: str) -> str:
    """Return a location in the form in which it is compared and shown."""
    plain = re.sub(r"^file:/*", "/", location.strip())
    plain = plain.rstrip("/") or "/"
    return f"file://{os.path.normpath(plain)}" if plain.startswith("/") else plain


def local(unity, location: str) -> Path | None:
    """Path on this machine of a location, or None for a real object store."""
    plain = uri(location)
    if plain.startswith(("file:///Volumes/", "file:///dbfs/", "dbfs:/")):
        return unity.workspace.path(plain.removeprefix("file://"))
    return Path(plain.removeprefix("file://")) if plain.startswith("file://") else None


def within(location: str, folder: str) -> bool:
    """Whether a location is a folder or lies in it."""
    inner, outer = uri(location), uri(folder)
    return inner == outer or inner.startswith(outer.rstrip("/") + "/")


def claim(unity, principal, location: str, privilege: str) -> str:
    """Check that the caller may put a securable at a location that no other one overlaps."""
    if unity.oss:
        return uri(location)
    for one in unity.documents.values():
        taken = one["info"].get("storage_location")
        if one["kind"] not in ("table", "volume") or not taken:
            continue
        if within(location, taken) or within(taken, location):
            message = (
                f"Input path url '{uri(location)}' overlaps with other external tables or "
                f"volumes: {one['kind']} '{one['full_name']}' at '{taken}'"
            )
            raise Refused(400, "INVALID_PARAMETER_VALUE", f"LOCATION_OVERLAP: {message}")
    if unity.enforced:
        found = [
            one for one in unity.every("external_location") if within(location, one["info"]["url"])
        ]
        if not found:
            message = (
                f"No parent external location was found for path '{uri(location)}'. "
                "Please create an external location on one of the parent paths and then retry."
            )
            raise Refused(400, "INVALID_PARAMETER_VALUE", message)
        unity.require(principal, privilege, max(found, key=lambda one: len(one["info"]["url"])))
    return uri(location)


def managed(unity, kind: str, full_name: str) -> str:
    """Location of a managed table."""
    folder = unity.workspace.folder / "managed" / kind / full_name.replace(".", "/")
    return f"file://{folder}"


def forget(unity, document) -> None:
    """Delete what a managed table or a volume has on disk; external data stays."""
    info = document["info"]
    if document["kind"] == "volume":
        path = unity.workspace.folder / "Volumes" / document["full_name"].replace(".", "/")
        if path.is_symlink():
            path.unlink()
        else:
            shutil.rmtree(path, ignore_errors=True)
    elif info.get("table_type") == "MANAGED":
        shutil.rmtree(local(unity, info["storage_location"]), ignore_errors=True)


def show(unity, document) -> dict:
    """An external location or storage credential without its secrets."""
    info = {key: value for key, value in document["info"].items() if key not in SECRETS}
    more = {"id": document["id"], "isolation_mode": "ISOLATION_MODE_OPEN"}
    if document["kind"] == "external_location":
        found = unity.find("storage_credential", info.get("credential_name", ""))
        more["credential_id"] = found["id"] if found else ""
        info.pop("full_name")
    return {**info, **more, "metastore_id": unity.metastore["id"]}


class Locations:
    """Handlers of external locations and storage credentials."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.unity = unity_of(workspace)

    def listed(self, kind, key):
        def handler(call):
            found = [one for one in self.unity.every(kind) if self.unity.sees(call.principal, one)]
            return paged(self.unity, call, key, [show(self.unity, one) for one in found])

        return handler

    def create_location(self, call):
        body = call.body
        self.unity.require(call.principal, "CREATE_EXTERNAL_LOCATION", ("metastore", METASTORE))
        credential = self.unity.get("storage_credential", str(call.need("credential_name")))
        self.unity.require(call.principal, "CREATE_EXTERNAL_LOCATION", credential)
        url = uri(call.need("url"))
        for one in self.unity.every("external_location"):
            if within(url, one["info"]["url"]) or within(one["info"]["url"], url):
                message = f"Path '{url}' overlaps with external location '{one['full_name']}'"
                raise self.unity.bad(message)
        info = {key: body.get(key) for key in ("comment", "read_only", "fallback")}
        named = {"url": url, "credential_name": credential["full_name"]}
        made = self.unity.add(
            "external_location", "", body.get("name"), call.principal, **named, **info
        )
        return show(self.unity, made)

    def create_credential(self, call):
        self.unity.require(call.principal, "CREATE_STORAGE_CREDENTIAL", ("metastore", METASTORE))
        info = {key: value for key, value in call.body.items() if key != "name"}
        info.pop("skip_validation", None)
        name = call.body.get("name")
        return show(
            self.unity, self.unity.add("storage_credential", "", name, call.principal, **info)
        )

    def of(self, kind, work):
        return lambda call: work(call, self.unity.get(kind, call.path["name"]))

    def get(self, call, document):
        self.unity.require_see(call.principal, document, browse=True)
        return show(self.unity, document)

    def update(self, call, document):
        self.unity.require_manage(call.principal, document)
        body = call.body
        if body.get("owner"):
            self.unity.touch(document, call.principal, owner=self.unity.known(body["owner"]))
        keys = ("comment", "read_only", "url", "credential_name")
        self.unity.touch(document, call.principal, **{key: body.get(key) for key in keys})
        return show(self.unity, document)

    def delete(self, call, document):
        self.unity.require_manage(call.principal, document)
        self.unity.remove(document)
        return deleted(self.unity)


def routes(workspace):
    """Routes of external locations and storage credentials."""
    here = Locations(workspace)
    locations, credentials = f"{V21}/external-locations", f"{V21}/storage-credentials"
    of_locations = [
        ("GET", locations, here.listed("external_location", "external_locations")),
        ("POST", locations, here.create_location),
        ("GET", f"{locations}/{{name}}", here.of("external_location", here.get)),
        ("PATCH", f"{locations}/{{name}}", here.of("external_location", here.update)),
        ("DELETE", f"{locations}/{{name}}", here.of("external_location", here.delete)),
    ]
    of_credentials = [
        ("GET", credentials, here.listed("storage_credential", "storage_credentials")),
        ("POST", credentials, here.create_credential),
        ("GET", f"{credentials}/{{name}}", here.of("storage_credential", here.get)),
        ("PATCH", f"{credentials}/{{name}}", here.of("storage_credential", here.update)),
        ("DELETE", f"{credentials}/{{name}}", here.of("storage_credential", here.delete)),
    ]
    return table_of(workspace, of_locations) + table_of(workspace, of_credentials, oss=False)
