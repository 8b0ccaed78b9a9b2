"""Lineage pushed from outside: external metadata objects and relationships with them."""

import time
import uuid

from stocks_ai_assets_tests.workspace.errors import Refused
from stocks_ai_assets_tests.workspace.unity.calls import paged, table_of
from stocks_ai_assets_tests.workspace.unity.catalog import METASTORE, unity_of

PATH = "/api/2.0/lineage-tracking"
NEEDED = ("name", "system_type", "entity_type")
GIVEN = ("description", "columns", "properties", "url")
SYSTEMS = frozenset(
    {
        "AMAZON_REDSHIFT",
        "AZURE_SYNAPSE",
        "CONFLUENT",
        "DATABRICKS",
        "GOOGLE_BIGQUERY",
        "KAFKA",
        "LOOKER",
        "MICROSOFT_FABRIC",
        "MICROSOFT_SQL_SERVER",
        "MONGODB",
        "MYSQL",
        "ORACLE",
        "OTHER",
        "POSTGRESQL",
        "POWER_BI",
        "SALESFORCE",
        "SAP",
        "SERVICENOW",
        "SNOWFLAKE",
        "TABLEAU",
        "TERADATA",
        "WORKDAY",
    }
)


class Lineage:
    """Handlers of external metadata and external lineage."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.unity = unity_of(workspace)
        self.relations = workspace.collection("unity.lineage")

    def shown(self, document):
        info = {k: v for k, v in document["info"].items() if k != "full_name"}
        for old, new in (("created_at", "create_time"), ("updated_at", "update_time")):
            info[new] = _iso(info.pop(old))
        return {**info, "id": document["id"], "metastore_id": self.unity.metastore["id"]}

    def metadata_list(self, call):
        every = self.unity.every("external_metadata")
        found = [
            self.shown(one) for one in every if self.unity.sees(call.principal, one, browse=True)
        ]
        return paged(self.unity, call, "external_metadata", found)

    def metadata_create(self, call):
        for key in NEEDED:
            call.need(key)
        if call.body["system_type"] not in SYSTEMS:
            raise self.unity.bad(f"system_type '{call.body['system_type']}' is not known")
        self.unity.require(call.principal, "CREATE_EXTERNAL_METADATA", ("metastore", METASTORE))
        info = {key: call.body.get(key) for key in (*NEEDED[1:], *GIVEN)}
        return self.shown(
            self.unity.add("external_metadata", "", call.body["name"], call.principal, **info)
        )

    def metadata_get(self, call):
        document = self.unity.get("external_metadata", call.path["name"])
        self.unity.require_see(call.principal, document, browse=True)
        return self.shown(document)

    def metadata_patch(self, call):
        document = self.unity.get("external_metadata", call.path["name"])
        self.unity.require_manage(call.principal, document)
        mask = call.need("update_mask").split(",")
        if mask == ["*"]:
            mask = [*NEEDED[1:], *GIVEN]
        self.unity.touch(document, call.principal, **{key: call.body.get(key) for key in mask})
        return self.shown(document)

    def metadata_delete(self, call):
        document = self.unity.get("external_metadata", call.path["name"])
        self.unity.require_manage(call.principal, document)
        self.unity.remove(document)
        gone = {"external_metadata": {"name": document["info"]["name"]}}
        for key, one in [*self.relations.items()]:
            if gone in (one["source"], one["target"]):
                del self.relations[key]
        return {}

    def end(self, given):
        """One end of a relationship, checked."""
        if not isinstance(given, dict) or len(given) != 1:
            raise self.unity.bad("an end of a relationship is exactly one object")
        ((kind, inner),) = given.items()
        if kind == "external_metadata":
            found = self.unity.get("external_metadata", str(inner.get("name")))
            return {kind: {"name": found["info"]["name"]}}
        if kind == "table":
            return {kind: {"name": self.unity.get("table", str(inner.get("name")))["full_name"]}}
        if kind == "path" and inner.get("url"):
            return {kind: {"url": inner["url"]}}
        if kind == "model_version":
            self.unity.get("registered_model", str(inner.get("name")))
            return {kind: inner}
        raise self.unity.bad(f"'{kind}' cannot be an end of a relationship")

    def read(self, call):
        source, target = self.end(call.body.get("source")), self.end(call.body.get("target"))
        if "external_metadata" not in {*source, *target}:
            raise self.unity.bad("source or target must be an external metadata object")
        return source, target

    def same(self, source, target):
        found = [
            key
            for key, one in self.relations.items()
            if (one["source"], one["target"]) == (source, target)
        ]
        return found[0] if found else None

    def create(self, call):
        source, target = self.read(call)
        for one in (source, target):
            self.writable(call, one)
        if self.same(source, target):
            raise Refused(409, "ALREADY_EXISTS", "External lineage relationship already exists")
        made = {"id": str(uuid.uuid4()), "source": source, "target": target}
        for key in ("columns", "properties"):
            if call.body.get(key):
                made[key] = call.body[key]
        self.relations[made["id"]] = {**made, "at": int(time.time() * 1000)}
        return made

    def writable(self, call, one):
        if "external_metadata" in one:
            document = self.unity.get("external_metadata", one["external_metadata"]["name"])
            if not self.unity.manages(call.principal, document):
                self.unity.require(call.principal, "MODIFY", document)
        elif "table" in one:
            self.unity.require(call.principal, "SELECT", ("table", one["table"]["name"]))

    def held(self, source, target, key=None):
        found = key if key in self.relations else self.same(source, target)
        if found is None:
            message = "External lineage relationship does not exist."
            raise Refused(404, "RESOURCE_DOES_NOT_EXIST", message)
        return found

    def patch(self, call):
        source, target = self.read(call)
        one = self.relations[self.held(source, target, call.body.get("id"))]
        mask = call.need("update_mask")
        for key in ("columns", "properties") if mask == "*" else mask.split(","):
            one[key] = call.body.get(key)
        return {key: value for key, value in one.items() if key != "at"}

    def delete(self, call):
        given = _nested(call.query, "external_lineage_relationship.")
        del self.relations[self.held(given.get("source"), given.get("target"), given.get("id"))]
        return {}

    def listing(self, call):
        given = _nested(call.query, "object_info.")
        wanted = self.end(given)
        direction = call.need("lineage_direction")
        if direction not in ("UPSTREAM", "DOWNSTREAM"):
            raise self.unity.bad(f"lineage_direction '{direction}' is not known")
        mine, other = ("source", "target") if direction == "DOWNSTREAM" else ("target", "source")
        found = [
            {
                "external_lineage_info": {k: v for k, v in one.items() if k != "at"},
                **_described(self.unity, one[other], one["at"]),
            }
            for one in self.relations.values()
            if one[mine] == wanted
        ]
        return paged(self.unity, call, "external_lineage_relationships", found)


def routes(workspace):
    """Routes of external metadata and external lineage."""
    here = Lineage(workspace)
    metadata, lineage = f"{PATH}/external-metadata", f"{PATH}/external-lineage"
    return table_of(
        workspace,
        [
            ("GET", metadata, here.metadata_list),
            ("POST", metadata, here.metadata_create),
            ("GET", f"{metadata}/{{name}}", here.metadata_get),
            ("PATCH", f"{metadata}/{{name}}", here.metadata_patch),
            ("DELETE", f"{metadata}/{{name}}", here.metadata_delete),
            ("GET", lineage, here.listing),
            ("POST", lineage, here.create),
            ("PATCH", lineage, here.patch),
            ("DELETE", lineage, here.delete),
        ],
        oss=False,
    )


def _described(unity, one, at):
    """What a list says of the other end."""
    if "external_metadata" in one:
        info = unity.get("external_metadata", one["external_metadata"]["name"])["info"]
        kept = {key: info[key] for key in NEEDED}
        return {"external_metadata_info": {**kept, "event_time": _iso(at)}}
    if "table" in one:
        catalog, schema, name = one["table"]["name"].split(".")
        parts = {"catalog_name": catalog, "schema_name": schema, "name": name}
        return {"table_info": {**parts, "event_time": _iso(at)}}
    return {}


def _iso(milliseconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(milliseconds / 1000))


def _nested(query, prefix):
    """Return the nested object that a query flattens with dots."""
    found = {}
    for name, value in query.items():
        if name.startswith(prefix):
            *path, last = name.removeprefix(prefix).split(".")
            inner = found
            for part in path:
                inner = inner.setdefault(part, {})
            inner[last] = value
    return found
