"""SQL functions: REST handlers and the creation that SQL shares with them."""

from stocks_ai_assets_tests.workspace.unity import types
from stocks_ai_assets_tests.workspace.unity.calls import V21, deleted, paged, table_of
from stocks_ai_assets_tests.workspace.unity.catalog import unity_of


def show(unity, document) -> dict:
    """A function as the API answers it."""
    return {
        **document["info"],
        "function_id": document["id"],
        **({} if unity.oss else {"metastore_id": unity.metastore["id"]}),
    }


def create(unity, principal, full_name: str, **info) -> dict:
    """Create a function in the state."""
    catalog, schema, name = full_name.lower().split(".")
    above = unity.get("schema", f"{catalog}.{schema}")
    unity.require(principal, "CREATE_FUNCTION", above)
    parts = {"catalog_name": catalog, "schema_name": schema}
    return unity.add("function", above["full_name"], name, principal, **parts, **info)


def parameter(name: str, spark, position: int) -> dict:
    """Parameter of the API from a type in Spark's JSON."""
    return {
        "name": name,
        "type_text": types.text(spark),
        "type_name": types.type_name(spark),
        "type_json": types.column(types.struct_field(name, spark), position)["type_json"],
        "position": position,
        "parameter_mode": "IN",
        "parameter_type": "PARAM",
    }


def parameters(document) -> list[dict]:
    """Parameters of a function in their order."""
    return document["info"].get("input_params", {}).get("parameters", [])


class Functions:
    """Handlers of functions."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.unity = unity_of(workspace)

    def listing(self, call):
        above = self.unity.get("schema", f"{call.need('catalog_name')}.{call.need('schema_name')}")
        every = self.unity.every("function", above["full_name"])
        found = [show(self.unity, one) for one in every if self.unity.sees(call.principal, one)]
        return paged(self.unity, call, "functions", found)

    def create_one(self, call):
        info = call.body.get("function_info")
        keys = ("catalog_name", "schema_name", "name", "data_type", "full_data_type")
        lacking = [key for key in keys if not (info or {}).get(key)]
        if lacking:
            raise self.unity.bad(f"function_info: missing {', '.join(lacking)}")
        info = dict(info)
        full = ".".join(info.pop(key) for key in ("catalog_name", "schema_name", "name"))
        return show(self.unity, create(self.unity, call.principal, full, **info))

    def get(self, call):
        document = self.unity.get("function", call.path["name"])
        self.unity.require_see(call.principal, document)
        return show(self.unity, document)

    def update(self, call):
        document = self.unity.get("function", call.path["name"])
        self.unity.require_manage(call.principal, document)
        if call.body.get("owner"):
            self.unity.touch(document, call.principal, owner=self.unity.known(call.body["owner"]))
        return show(self.unity, document)

    def delete(self, call):
        document = self.unity.get("function", call.path["name"])
        self.unity.require_manage(call.principal, document)
        self.unity.remove(document)
        return deleted(self.unity)


def routes(workspace):
    """Routes of functions."""
    here = Functions(workspace)
    path = f"{V21}/functions"
    both = [
        ("GET", path, here.listing),
        ("POST", path, here.create_one),
        ("GET", f"{path}/{{name}}", here.get),
        ("DELETE", f"{path}/{{name}}", here.delete),
    ]
    owner = [("PATCH", f"{path}/{{name}}", here.update)]
    return table_of(workspace, both) + table_of(workspace, owner, oss=False)
