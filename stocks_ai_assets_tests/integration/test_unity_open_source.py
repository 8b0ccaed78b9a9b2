"""The local workspace as the open-source Unity Catalog server: its answers, where they differ."""

import json

import pytest

pytestmark = pytest.mark.cluster

API = "/api/2.1/unity-catalog"
USERS = "/api/1.0/unity-control/scim2/Users"
FIELD = {"name": "symbol", "type": "string", "nullable": True, "metadata": {}}
COLUMN = {
    "name": "symbol",
    "type_text": "string",
    "type_name": "STRING",
    "type_json": json.dumps(FIELD),
    "position": 0,
}


def served(folder, *, authorization):
    from stocks_ai_assets_tests.workspace.server import start

    return start(folder, dialect="oss", authorization=authorization)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with served(tmp_path_factory.mktemp("oss"), authorization=False) as found:
        yield found


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    with served(tmp_path_factory.mktemp("oss"), authorization=True) as found:
        yield found


@pytest.fixture(scope="module")
def call(running):
    return caller(running.client())


def caller(client):
    def run(method, path, **body):
        return client.api_client.do(method, f"{API}{path}", body=body or None)

    return run


def made(call, catalog, place):
    call("POST", "/catalogs", name=catalog)
    call("POST", "/schemas", name="meta", catalog_name=catalog)
    return register(call, catalog, place)


def register(call, catalog, place, **more):
    body = {
        "catalog_name": catalog,
        "schema_name": "meta",
        "name": "predictions",
        "table_type": "EXTERNAL",
        "data_source_format": "DELTA",
        "storage_location": f"file://{place}",
        "columns": [COLUMN],
        **more,
    }
    return call("POST", "/tables", **body)


def test_objects_are_kept_and_duplicates_are_bad_requests(running, call, tmp_path):
    from databricks.sdk import errors

    made(call, "kept", tmp_path)

    client = running.client()
    assert [one.name for one in client.schemas.list("kept")] == ["meta"]
    assert client.tables.get("kept.meta.predictions").columns[0].name == "symbol"
    for again in (
        lambda: client.catalogs.create("kept"),
        lambda: client.schemas.create("meta", "kept"),
        lambda: register(call, "kept", tmp_path),
    ):
        with pytest.raises(errors.BadRequest, match="already exists"):
            again()


def test_a_delete_answers_text_although_the_object_is_gone(running, call):
    from databricks.sdk import errors

    call("POST", "/catalogs", name="gone")

    with pytest.raises(ValueError, match=r"Expecting value|Extra data"):
        running.client().catalogs.delete("gone")
    with pytest.raises(errors.NotFound, match="Catalog not found: gone"):
        running.client().catalogs.get("gone")


@pytest.mark.parametrize(
    "lacking",
    [
        lambda w: w.tables.exists("a.b.c"),
        lambda w: w.grants.get_effective("catalog", "a"),
        lambda w: [*w.shares.list()],
        lambda w: [*w.recipients.list()],
        lambda w: [*w.storage_credentials.list()],
        lambda w: [*w.warehouses.list()],
        lambda w: w.statement_execution.execute_statement("SELECT 1", "x"),
        lambda w: [*w.external_metadata.list_external_metadata()],
        lambda w: w.api_client.do("GET", f"{API}/entity-tag-assignments/tables/a.b.c/tags"),
        lambda w: w.temporary_table_credentials.generate_temporary_table_credentials(),
    ],
)
def test_what_the_server_lacks_is_not_found(running, lacking):
    from databricks.sdk import errors

    with pytest.raises(errors.NotFound):
        lacking(running.client())


def test_a_table_cannot_be_changed(running, call, tmp_path):
    from databricks.sdk.errors import DatabricksError

    made(call, "fixed", tmp_path)

    with pytest.raises(DatabricksError, match="405"):
        running.client().tables.update("fixed.meta.predictions", owner="admin@example.com")


@pytest.mark.parametrize("lacking", ["type_text", "type_name", "type_json", "position"])
def test_a_column_needs_every_spelling_of_its_type(call, tmp_path, lacking):
    from databricks.sdk import errors

    column = {key: value for key, value in COLUMN.items() if key != lacking}
    body = {"columns": [column], "name": f"no_{lacking}"}
    with pytest.raises(errors.BadRequest, match=lacking):
        register(call, "kept", tmp_path, **body)
    whole = {**COLUMN, "type_json": '"string"'}
    with pytest.raises(errors.BadRequest, match="StructField"):
        register(call, "kept", tmp_path, columns=[whole], name="plain_json")


def test_privileges_are_spelled_with_spaces_and_kinds_in_lower_case(guarded):
    from databricks.sdk import errors

    call = caller(guarded.client())
    call("POST", "/catalogs", name="spelled")
    change = {"principal": "admin@example.com", "add": ["USE CATALOG", "CREATE SCHEMA"]}

    answer = call("PATCH", "/permissions/catalog/spelled", changes=[change])

    assert answer["privilege_assignments"] == [
        {"principal": "admin@example.com", "privileges": ["CREATE SCHEMA", "USE CATALOG"]}
    ]
    underscored = {"principal": "admin@example.com", "add": ["USE_CATALOG"]}
    with pytest.raises(errors.BadRequest, match="USE_CATALOG"):
        call("PATCH", "/permissions/catalog/spelled", changes=[underscored])
    with pytest.raises(errors.BadRequest, match="CATALOG"):
        call("GET", "/permissions/CATALOG/spelled")
    found = guarded.client().grants.get("catalog", "spelled").privilege_assignments
    assert found[0].privileges in (None, [])


def test_a_principal_is_a_user_that_exists_and_never_a_group(guarded):
    from databricks.sdk import errors

    call = caller(guarded.client())
    call("POST", "/catalogs", name="people")
    guarded.workspace.add_user("ann@example.com", groups=("analysts",))

    for name in ("analysts", "nobody@example.com"):
        change = {"principal": name, "add": ["USE CATALOG"]}
        with pytest.raises(errors.NotFound, match=f"User not found: {name}"):
            call("PATCH", "/permissions/catalog/people", changes=[change])
    email = {"displayName": "New", "emails": [{"value": "new@example.com", "primary": True}]}
    guarded.client().api_client.do("POST", USERS, body=email)
    change = {"principal": "new@example.com", "add": ["USE CATALOG"]}
    assert call("PATCH", "/permissions/catalog/people", changes=[change])


def test_without_authorization_a_grant_is_accepted_and_forgotten(call):
    call("POST", "/catalogs", name="forgetful")
    change = {"principal": "admin@example.com", "add": ["USE CATALOG"]}

    call("PATCH", "/permissions/catalog/forgetful", changes=[change])

    assert call("GET", "/permissions/catalog/forgetful") == {"privilege_assignments": []}


def test_with_authorization_everybody_sees_what_was_granted(guarded, tmp_path):
    from databricks.sdk import errors

    call = caller(guarded.client())
    made(call, "closed", tmp_path)
    reader = guarded.client(guarded.workspace.add_user("reader@example.com"))
    name = "closed.meta.predictions"

    for kind, place, privilege in (
        ("catalog", "closed", "USE CATALOG"),
        ("schema", "closed.meta", "USE SCHEMA"),
        ("table", name, "SELECT"),
    ):
        with pytest.raises(errors.PermissionDenied):
            reader.tables.get(name)
        change = {"principal": "reader@example.com", "add": [privilege]}
        call("PATCH", f"/permissions/{kind}/{place}", changes=[change])
    assert reader.tables.get(name).name == "predictions"
    assert [one.name for one in reader.catalogs.list()] == ["closed"]
    with pytest.raises(errors.NotFound):
        reader.tables.get("closed.meta.none")
    with pytest.raises(errors.PermissionDenied):
        reader.schemas.create("mine", "closed")
