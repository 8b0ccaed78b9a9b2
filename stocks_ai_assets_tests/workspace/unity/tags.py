"""Tags of securables and columns (entity tag assignments; the same tags that SQL sets)."""

from stocks_ai_assets_tests.workspace.errors import Refused
from stocks_ai_assets_tests.workspace.unity.calls import V21, paged, table_of
from stocks_ai_assets_tests.workspace.unity.catalog import unity_of
from stocks_ai_assets_tests.workspace.unity.tables import column_of

ENTITIES = {
    "catalogs": "catalog",
    "schemas": "schema",
    "tables": "table",
    "volumes": "volume",
    "models": "registered_model",
}
LARGEST, LONGEST_KEY, LONGEST_VALUE = 50, 255, 1000


def change(unity, principal, document, *, column=None, put=None, remove=()) -> None:
    """Set and remove tags of a securable, or of one of its columns."""
    if not unity.manages(principal, document):
        unity.require(principal, "APPLY_TAG", document)
    tags = dict(of(unity, document, column))
    for key, value in (put or {}).items():
        if not key or len(key) > LONGEST_KEY or set(key) & set(".,-=/:") or key != key.strip():
            raise unity.bad(f"Tag key '{key}' is not valid")
        if len(value) > LONGEST_VALUE:
            raise unity.bad(f"The value of tag '{key}' is longer than {LONGEST_VALUE}")
        tags[key] = value
    for key in remove:
        tags.pop(key, None)
    if len(tags) > LARGEST:
        raise unity.bad(f"'{document['full_name']}' may have at most {LARGEST} tags")
    if column is None:
        document["tags"] = tags
    else:
        document["column_tags"][column_of(document, column)["name"]] = tags


def of(unity, document, column=None) -> dict:
    """Tags of a securable or of a column; an unknown column is refused."""
    if column is None:
        return document["tags"]
    found = column_of(document, column)
    if found is None:
        raise unity.missing("column", f"{document['full_name']}.{column}")
    return document["column_tags"].get(found["name"], {})


class Tags:
    """Handlers of entity tag assignments."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.unity = unity_of(workspace)

    def entity(self, kind, name):
        if kind == "columns":
            table, _, column = name.rpartition(".")
            return self.unity.get("table", table), column
        if kind not in ENTITIES:
            raise self.unity.bad(f"entity_type '{kind}' is not known")
        return self.unity.get(ENTITIES[kind], name), None

    def shown(self, kind, name, key, value):
        return {"entity_type": kind, "entity_name": name, "tag_key": key, "tag_value": value}

    def listing(self, call):
        kind, name = call.path["kind"], call.path["name"]
        document, column = self.entity(kind, name)
        self.unity.require_see(call.principal, document, browse=True)
        found = [
            self.shown(kind, name, *one) for one in sorted(of(self.unity, document, column).items())
        ]
        return paged(self.unity, call, "tag_assignments", found)

    def create(self, call):
        body = call.body
        kind, name = str(call.need("entity_type")), str(call.need("entity_name"))
        document, column = self.entity(kind, name)
        key, value = str(call.need("tag_key")), str(body.get("tag_value") or "")
        if key in of(self.unity, document, column):
            raise self.unity.taken("tag", f"{name}: {key}")
        change(self.unity, call.principal, document, column=column, put={key: value})
        return self.shown(kind, name, key, value)

    def held(self, call):
        kind, name, key = (call.path[part] for part in ("kind", "name", "key"))
        document, column = self.entity(kind, name)
        found = of(self.unity, document, column)
        if key not in found:
            message = f"Tag '{key}' is not assigned to '{name}'."
            raise Refused(404, "RESOURCE_DOES_NOT_EXIST", message)
        return kind, name, key, document, column, found[key]

    def get(self, call):
        kind, name, key, document, _, value = self.held(call)
        self.unity.require_see(call.principal, document, browse=True)
        return self.shown(kind, name, key, value)

    def patch(self, call):
        kind, name, key, document, column, _ = self.held(call)
        value = str(call.body.get("tag_value") or "")
        change(self.unity, call.principal, document, column=column, put={key: value})
        return self.shown(kind, name, key, value)

    def delete(self, call):
        _, _, key, document, column, _ = self.held(call)
        change(self.unity, call.principal, document, column=column, remove=[key])
        return {}


def routes(workspace):
    """Routes of entity tag assignments."""
    here = Tags(workspace)
    path = f"{V21}/entity-tag-assignments"
    one = f"{path}/{{kind}}/{{name}}/tags"
    return table_of(
        workspace,
        [
            ("POST", path, here.create),
            ("GET", one, here.listing),
            ("GET", f"{one}/{{key}}", here.get),
            ("PATCH", f"{one}/{{key}}", here.patch),
            ("DELETE", f"{one}/{{key}}", here.delete),
        ],
        oss=False,
    )
