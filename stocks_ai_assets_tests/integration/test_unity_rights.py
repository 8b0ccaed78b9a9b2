"""With authorization on, the local workspace lets everybody do what was granted, and no more."""

import io

import polars as pl
import pytest

pytestmark = pytest.mark.cluster

VIEW, TABLE = "lab.views.seen", "lab.meta.predictions"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    from stocks_ai_assets_tests.workspace.server import start

    with start(tmp_path_factory.mktemp("rights"), authorization=True) as found:
        yield found


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    place = tmp_path_factory.mktemp("lake")
    rows = {"symbol": ["AAA"], "predicted_return": [0.5], "secret": ["hidden"]}
    pl.DataFrame(rows).write_delta(place / "predictions")
    return place


@pytest.fixture(scope="module")
def ask(running):
    warehouse = next(iter(running.client().warehouses.list())).id

    def run(sql, by=None):
        asked = (by or running.client()).statement_execution
        found = asked.execute_statement(sql, warehouse, wait_timeout="30s")
        if found.status.error:
            raise PermissionError(found.status.error.message)
        return found.result.data_array or []

    return run


@pytest.fixture(scope="module")
def client(running, lake, ask):
    """The admin, after the lab was set up: a table, and a view of two of its columns."""
    client = running.client()
    client.storage_credentials.create("lake")
    client.external_locations.create("lake", f"file://{lake}", "lake")
    for sql in (
        "CREATE CATALOG lab",
        "CREATE SCHEMA lab.meta",
        "CREATE SCHEMA lab.views",
        f"CREATE TABLE lab.meta.predictions USING DELTA LOCATION '{lake}/predictions'",
        "CREATE VIEW lab.views.seen AS SELECT symbol, predicted_return FROM lab.meta.predictions",
        "CREATE VOLUME lab.meta.files",
    ):
        ask(sql)
    return client


@pytest.fixture
def person(running, client, request):
    """Client of a new user in a group of its own, both named by the test."""
    name = request.node.name[5:40]
    made = running.client(running.workspace.add_user(f"{name}@example.com", (name,)))
    made.group, made.user = name, f"{name}@example.com"
    return made


def test_reading_needs_the_use_of_catalog_and_schema_and_select(ask, person):
    sql = "SELECT symbol FROM lab.meta.predictions"
    for lacking, place, principal in (
        ("USE CATALOG", "CATALOG lab", person.group),
        ("USE SCHEMA", "SCHEMA lab.meta", person.user),
        ("SELECT", "TABLE lab.meta.predictions", person.group),
    ):
        with pytest.raises(PermissionError, match=f"does not have {lacking} on"):
            ask(sql, by=person)
        ask(f"GRANT {lacking} ON {place} TO `{principal}`")
    assert ask(sql, by=person) == [["AAA"]]

    held = "SELECT ON TABLE lab.meta.predictions"
    ask(f"REVOKE {held} FROM `{person.group}`")
    with pytest.raises(PermissionError, match="SELECT on Table"):
        ask(sql, by=person)


def test_a_view_is_read_with_its_owners_rights_and_the_table_is_not(ask, person):
    ask(f"GRANT USE CATALOG ON CATALOG lab TO `{person.group}`")
    ask(f"GRANT USE SCHEMA, SELECT ON SCHEMA lab.views TO `{person.group}`")

    assert ask("SELECT * FROM lab.views.seen", by=person) == [["AAA", "0.5"]]
    with pytest.raises(PermissionError, match=r"USE SCHEMA on Schema 'lab.meta'"):
        ask("SELECT secret FROM lab.meta.predictions", by=person)


def test_a_view_fails_once_its_owner_may_not_read(running, ask, person):
    owner = f"owner-of-{person.group}"
    running.workspace.add_user(owner)
    ask(f"GRANT USE CATALOG ON CATALOG lab TO `{person.user}`")
    ask(f"GRANT USE SCHEMA, SELECT ON SCHEMA lab.views TO `{person.user}`")
    ask("CREATE VIEW lab.views.lost AS SELECT symbol FROM lab.meta.predictions")

    ask(f"ALTER VIEW lab.views.lost OWNER TO `{owner}`")

    with pytest.raises(PermissionError, match="INSUFFICIENT_PERMISSIONS"):
        ask("SELECT * FROM lab.views.lost", by=person)
    ask("DROP VIEW lab.views.lost")


def test_nobody_makes_a_view_of_what_may_not_be_read(ask, person):
    ask(f"GRANT USE CATALOG ON CATALOG lab TO `{person.user}`")
    ask(f"GRANT USE SCHEMA, CREATE TABLE ON SCHEMA lab.views TO `{person.user}`")

    with pytest.raises(PermissionError, match="USE SCHEMA on Schema"):
        ask("CREATE VIEW lab.views.mine AS SELECT * FROM lab.meta.predictions", by=person)


def test_lists_and_the_information_schema_show_what_may_be_seen(client, ask, person):
    from databricks.sdk import errors

    assert [one.name for one in person.catalogs.list()] == ["system"]
    with pytest.raises(errors.PermissionDenied, match="USE CATALOG on Catalog 'lab'"):
        person.tables.get(TABLE)

    ask(f"GRANT USE CATALOG ON CATALOG lab TO `{person.user}`")
    ask(f"GRANT USE SCHEMA, SELECT ON SCHEMA lab.views TO `{person.user}`")
    assert [one.name for one in person.schemas.list("lab")] == ["views"]
    assert [one.full_name for one in person.tables.list("lab", "views")] == [VIEW]
    seen = ask("SELECT table_name FROM lab.information_schema.tables", by=person)
    assert seen == [["seen"]]


def test_browse_shows_metadata_and_no_data(client, ask, person):
    from databricks.sdk import errors

    ask(f"GRANT BROWSE ON CATALOG lab TO `{person.group}`")

    assert person.tables.get(TABLE, include_browse=True).browse_only
    with pytest.raises(errors.PermissionDenied):
        person.tables.get(TABLE)
    with pytest.raises(PermissionError):
        ask("SELECT * FROM lab.meta.predictions", by=person)


def test_grants_are_made_by_owners_and_managers_only(client, ask, person):
    ask(f"GRANT USE CATALOG ON CATALOG lab TO `{person.user}`")
    ask(f"GRANT USE SCHEMA, SELECT ON SCHEMA lab.meta TO `{person.user}`")
    grant = "GRANT SELECT ON TABLE lab.meta.predictions TO `account users`"

    with pytest.raises(PermissionError, match="MANAGE on Table"):
        ask(grant, by=person)
    ask(f"GRANT MANAGE ON TABLE lab.meta.predictions TO `{person.group}`")
    ask(grant, by=person)
    ask("REVOKE SELECT ON TABLE lab.meta.predictions FROM `account users`", by=person)


def test_all_privileges_read_but_do_not_manage(ask, person):
    ask(f"GRANT ALL PRIVILEGES ON CATALOG lab TO `{person.user}`")

    assert ask("SELECT symbol FROM lab.meta.predictions", by=person) == [["AAA"]]
    with pytest.raises(PermissionError, match="MANAGE"):
        ask("DROP TABLE lab.meta.predictions", by=person)


def test_the_admin_manages_all_but_reads_what_was_granted(running, client, ask, lake):
    other = running.client(running.workspace.add_user("second@example.com", ("admins",)))

    ask("COMMENT ON TABLE lab.meta.predictions IS 'ours'", by=other)
    with pytest.raises(PermissionError, match="USE CATALOG"):
        ask("SELECT * FROM lab.meta.predictions", by=other)


def test_an_external_table_needs_an_external_location_and_the_right_to_it(
    client, ask, person, tmp_path, lake
):
    pl.DataFrame({"x": [1]}).write_delta(lake / "other")
    pl.DataFrame({"x": [1]}).write_delta(tmp_path / "outside")
    ask(f"GRANT USE CATALOG ON CATALOG lab TO `{person.user}`")
    ask(f"GRANT USE SCHEMA, CREATE TABLE ON SCHEMA lab.meta TO `{person.user}`")

    with pytest.raises(PermissionError, match="No parent external location"):
        ask(f"CREATE TABLE lab.meta.x USING DELTA LOCATION '{tmp_path}/outside'", by=person)
    with pytest.raises(PermissionError, match="CREATE EXTERNAL TABLE on External location"):
        ask(f"CREATE TABLE lab.meta.x USING DELTA LOCATION '{lake}/other'", by=person)
    ask(f"GRANT CREATE EXTERNAL TABLE ON EXTERNAL LOCATION lake TO `{person.user}`")
    ask(f"CREATE TABLE lab.meta.x USING DELTA LOCATION '{lake}/other'", by=person)
    assert ask("SELECT * FROM lab.meta.x", by=person) == [["1"]]


def test_a_volume_is_read_and_written_as_granted(running, client, ask, person):
    from databricks.sdk import errors

    path = "/Volumes/lab/meta/files/a.txt"
    client.files.upload(path, io.BytesIO(b"one"))
    with pytest.raises(errors.PermissionDenied, match="USE CATALOG"):
        person.files.download(path)

    ask(f"GRANT USE CATALOG ON CATALOG lab TO `{person.group}`")
    ask(f"GRANT USE SCHEMA, READ VOLUME ON SCHEMA lab.meta TO `{person.group}`")
    assert person.files.download(path).contents.read() == b"one"
    with pytest.raises(errors.PermissionDenied, match="WRITE VOLUME on Volume"):
        person.files.upload(path, io.BytesIO(b"two"), overwrite=True)

    ask(f"GRANT WRITE VOLUME ON VOLUME lab.meta.files TO `{person.group}`")
    person.files.upload(path, io.BytesIO(b"two"), overwrite=True)
    assert client.files.download(path).contents.read() == b"two"


def test_a_share_may_hold_only_what_its_owner_reads(running, client, ask, person):
    ask(f"GRANT CREATE SHARE ON METASTORE TO `{person.user}`")
    ask("CREATE SHARE mine", by=person)

    with pytest.raises(PermissionError, match="SELECT on Table"):
        ask("ALTER SHARE mine ADD TABLE lab.meta.predictions", by=person)
    ask(f"GRANT ALL PRIVILEGES ON CATALOG lab TO `{person.user}`")
    ask("ALTER SHARE mine ADD TABLE lab.meta.predictions", by=person)
