"""Registered models, their versions and aliases."""

from stocks_ai_assets_tests.workspace.errors import Refused
from stocks_ai_assets_tests.workspace.unity.calls import V21, deleted, paged, table_of
from stocks_ai_assets_tests.workspace.unity.catalog import unity_of

HIDDEN = ("versions", "last_version")


def show(unity, document, *, aliases: bool = True) -> dict:
    """A registered model as the API answers it."""
    info = {key: value for key, value in document["info"].items() if key not in HIDDEN}
    if not aliases or unity.oss:
        info.pop("aliases", None)
    return {**info, "id": document["id"], "metastore_id": unity.metastore["id"]}


def version_of(unity, document, number) -> dict:
    """A version of a model."""
    found = document["info"]["versions"].get(str(number))
    if found is None:
        message = f"Model version '{document['full_name']}' version {number} does not exist."
        code = "NOT_FOUND" if unity.oss else "RESOURCE_DOES_NOT_EXIST"
        raise Refused(404, code, message)
    return found


class Models:
    """Handlers of registered models and their versions."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.unity = unity_of(workspace)

    def listing(self, call):
        above = ".".join(call.query.get(key, "") for key in ("catalog_name", "schema_name"))
        every = self.unity.every("registered_model", above.strip("."))
        found = [
            show(self.unity, one, aliases=False)
            for one in every
            if self.unity.sees(call.principal, one)
        ]
        return paged(self.unity, call, "registered_models", found, largest=100)

    def create(self, call):
        catalog, schema, name = (
            str(call.need(key)).lower() for key in ("catalog_name", "schema_name", "name")
        )
        above = self.unity.get("schema", f"{catalog}.{schema}")
        self.unity.require(call.principal, "CREATE_MODEL", above)
        made = self.unity.add(
            "registered_model",
            above["full_name"],
            name,
            call.principal,
            catalog_name=catalog,
            schema_name=schema,
            comment=call.body.get("comment"),
            storage_location=call.body.get("storage_location"),
            versions={},
            aliases=[],
        )
        return show(self.unity, made)

    def of(self, work, *, manage: bool = True):
        def handler(call):
            document = self.unity.get("registered_model", call.path["name"])
            if manage:
                self.unity.require_manage(call.principal, document)
            else:
                self.unity.require_see(call.principal, document)
            return work(call, document)

        return handler

    def get(self, call, document):
        return show(self.unity, document, aliases=call.flag("include_aliases"))

    def update(self, call, document):
        if call.body.get("owner"):
            self.unity.touch(document, call.principal, owner=self.unity.known(call.body["owner"]))
        self.unity.touch(document, call.principal, comment=call.body.get("comment"))
        return show(self.unity, document)

    def delete(self, call, document):
        self.unity.remove(document)
        return deleted(self.unity)

    def set_alias(self, call, document):
        alias = {"alias_name": call.path["alias"], "version_num": int(call.need("version_num"))}
        version_of(self.unity, document, alias["version_num"])
        kept = [a for a in document["info"]["aliases"] if a["alias_name"] != call.path["alias"]]
        document["info"]["aliases"] = [*kept, alias]
        return alias

    def drop_alias(self, call, document):
        kept = [a for a in document["info"]["aliases"] if a["alias_name"] != call.path["alias"]]
        document["info"]["aliases"] = kept
        return {}

    def create_version(self, call):
        name = ".".join(str(call.need(k)) for k in ("catalog_name", "schema_name", "model_name"))
        document = self.unity.get("registered_model", name)
        self.unity.require_manage(call.principal, document)
        number = document["info"].get("last_version", 0) + 1
        document["info"]["last_version"] = number
        kept = {key: call.body.get(key) for key in ("source", "run_id", "comment")}
        made = {
            "catalog_name": document["info"]["catalog_name"],
            "schema_name": document["info"]["schema_name"],
            "model_name": document["info"]["name"],
            "version": number,
            "status": "READY",
            **{key: value for key, value in kept.items() if value is not None},
        }
        document["info"]["versions"][str(number)] = made
        return made

    def versions(self, call, document):
        found = sorted(document["info"]["versions"].values(), key=lambda v: -v["version"])
        return paged(self.unity, call, "model_versions", found)

    def version(self, call, document):
        return version_of(self.unity, document, call.path["number"])

    def by_alias(self, call, document):
        for one in document["info"]["aliases"]:
            if one["alias_name"] == call.path["alias"]:
                return version_of(self.unity, document, one["version_num"])
        message = f"Alias '{call.path['alias']}' does not exist."
        raise Refused(404, "RESOURCE_DOES_NOT_EXIST", message)

    def update_version(self, call, document):
        found = version_of(self.unity, document, call.path["number"])
        found["comment"] = call.body.get("comment")
        return found

    def delete_version(self, call, document):
        number = version_of(self.unity, document, call.path["number"])["version"]
        del document["info"]["versions"][str(number)]
        kept = [a for a in document["info"]["aliases"] if a["version_num"] != number]
        document["info"]["aliases"] = kept
        return deleted(self.unity)


def routes(workspace):
    """Routes of models."""
    here = Models(workspace)
    one = f"{V21}/models/{{name}}"
    both = [
        ("GET", f"{V21}/models", here.listing),
        ("POST", f"{V21}/models", here.create),
        ("POST", f"{V21}/models/versions", here.create_version),
        ("GET", one, here.of(here.get, manage=False)),
        ("PATCH", one, here.of(here.update)),
        ("DELETE", one, here.of(here.delete)),
        ("GET", f"{one}/versions", here.of(here.versions, manage=False)),
        ("GET", f"{one}/versions/{{number}}", here.of(here.version, manage=False)),
        ("PATCH", f"{one}/versions/{{number}}", here.of(here.update_version)),
        ("DELETE", f"{one}/versions/{{number}}", here.of(here.delete_version)),
    ]
    databricks = [
        ("GET", f"{one}/aliases/{{alias}}", here.of(here.by_alias, manage=False)),
        ("PUT", f"{one}/aliases/{{alias}}", here.of(here.set_alias)),
        ("DELETE", f"{one}/aliases/{{alias}}", here.of(here.drop_alias)),
    ]
    return table_of(workspace, both) + table_of(workspace, databricks, oss=False)
