"""SQL statements of the local workspace: they change its state, or fail and change nothing."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def client(workspace):
    return workspace.client()


@pytest.fixture(scope="module")
def warehouse(client):
    return next(iter(client.warehouses.list())).id


@pytest.fixture(scope="module")
def ask(client, warehouse):
    """Rows of a statement; a failed one raises with its message."""

    def run(sql, by=None, **more):
        asked = (by or client).statement_execution
        found = asked.execute_statement(sql, warehouse, wait_timeout="30s", **more)
        if found.status.error:
            raise RuntimeError(found.status.error.message)
        assert found.status.state.value == "SUCCEEDED"
        return found.result.data_array or []

    return run


@pytest.fixture(scope="module")
def table(ask, tmp_path_factory):
    """A Delta table of two versions, registered: `lab.meta.predictions`."""
    place = tmp_path_factory.mktemp("lake") / "predictions"
    rows = {
        "symbol": ["AAA", "BBB"],
        "predicted_return": [0.0125, None],
        "desk": ["us", "eu"],
        "prediction_date": [date(2024, 1, 2)] * 2,
        "created_timestamp": [datetime(2024, 1, 2, 21, tzinfo=UTC)] * 2,
        "key_factors": [[{"factor": "beta", "value": 1.5}], []],
    }
    pl.DataFrame(rows).write_delta(place)
    pl.DataFrame(rows).write_delta(place, mode="append")
    ask("CREATE CATALOG IF NOT EXISTS lab")
    ask("CREATE SCHEMA IF NOT EXISTS lab.meta COMMENT 'Syntheses'")
    ask(f"CREATE TABLE lab.meta.predictions USING DELTA LOCATION '{place}' COMMENT 'It''s ours'")
    return "lab.meta.predictions"


def test_a_query_reads_the_tables_own_files_as_text_by_type(client, warehouse, table):
    sql = "SELECT * EXCEPT (desk) FROM lab.meta.predictions ORDER BY symbol LIMIT 1"
    found = client.statement_execution.execute_statement(sql, warehouse, wait_timeout="30s")

    columns = [(c.name, c.type_text) for c in found.manifest.schema.columns]
    assert columns == [
        ("symbol", "STRING"),
        ("predicted_return", "DOUBLE"),
        ("prediction_date", "DATE"),
        ("created_timestamp", "TIMESTAMP"),
        ("key_factors", "ARRAY<STRUCT<factor:STRING,value:DOUBLE>>"),
    ]
    assert found.result.data_array == [
        [
            "AAA",
            "0.0125",
            "2024-01-02",
            "2024-01-02T21:00:00.000Z",
            '[{"factor":"beta","value":"1.5"}]',
        ]
    ]


def test_a_query_joins_groups_and_takes_parameters(ask, table):
    from databricks.sdk.service.sql import StatementParameterListItem as Item

    sql = """
        WITH ours AS (SELECT Symbol, predicted_return FROM lab.meta.predictions WHERE desk = :desk)
        SELECT ours.symbol, count(*) AS n, sum(ours.predicted_return) / 2 AS half
        FROM ours JOIN lab.meta.predictions AS other ON ours.symbol = other.symbol
        WHERE other.created_timestamp > timestamp '2024-01-02 20:00:00' GROUP BY ours.symbol
    """
    assert ask(sql, parameters=[Item("desk", value="us")]) == [["AAA", "4", "0.025"]]
    with pytest.raises(RuntimeError, match="UNBOUND_SQL_PARAMETER"):
        ask("SELECT * FROM lab.meta.predictions WHERE desk = :desk")


def test_a_query_travels_to_a_version_that_exists(ask, table):
    assert ask("SELECT count(*) FROM lab.meta.predictions VERSION AS OF 0") == [["2"]]
    assert ask("SELECT count(*) FROM lab.meta.predictions") == [["4"]]
    with pytest.raises(RuntimeError, match="DELTA_VERSION_NOT_FOUND"):
        ask("SELECT count(*) FROM lab.meta.predictions VERSION AS OF 9")


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT nothing FROM lab.meta.predictions", "UNRESOLVED_COLUMN"),
        ("SELECT * FROM lab.meta.nothing", "TABLE_OR_VIEW_NOT_FOUND"),
        ("SELECT * FROM nothing", "TABLE_OR_VIEW_NOT_FOUND"),
        ("GRANT SELECT (symbol) ON TABLE lab.meta.predictions TO `account users`", "near '\\('"),
        ("GRANT READ ON TABLE lab.meta.predictions TO `account users`", "near 'READ'"),
        ("GRANT SELECT ON TABLE lab.meta.predictions TO nobody", "principal with name nobody"),
        ("GRANT SELECT ON TABLE lab.meta.predictions TO `a` `b`", "near '`b`'"),
        ("GRANT SELECT ON TABLE lab.meta.predictions TO admins", "principal with name admins"),
        ("ALTER TABLE lab.meta.predictions FROBNICATE", "near 'FROBNICATE'"),
        ("ALTER TABLE lab.meta.predictions ALTER COLUMN none COMMENT 'x'", "UNRESOLVED_COLUMN"),
        ("CREATE SCHEMA lab.other COMMENT 'a' COMMENT 'b'", "near 'COMMENT'"),
        ("CREATE TABLE lab.meta.x (a HUGEINTEGER)", "UNSUPPORTED_DATATYPE"),
        ("DROP SCHEMA lab.meta", "not empty"),
        ("DROP TABLE lab.meta.nothing", "TABLE_OR_VIEW_NOT_FOUND"),
        ("INSERT INTO lab.meta.predictions VALUES (1)", "not run by this test workspace"),
        ("SELECT 1; DROP CATALOG lab CASCADE", "One query was expected"),
        ("EXPLODE EVERYTHING", "near 'EXPLODE'"),
        ("", "required"),
    ],
)
def test_what_is_not_understood_or_does_not_exist_fails(client, ask, table, workspace, sql, said):
    before = dict(workspace.workspace.collection("unity"))

    with pytest.raises(Exception, match=said):
        ask(sql)
    assert workspace.workspace.collection("unity") == before


def test_comments_tags_properties_and_owner_are_seen_by_the_api(client, ask, table, workspace):
    workspace.workspace.add_user("keeper@example.com")
    for sql in (
        "COMMENT ON TABLE lab.meta.predictions IS 'One row a symbol'",
        "ALTER TABLE lab.meta.predictions ALTER COLUMN symbol COMMENT 'Ticker'",
        "COMMENT ON COLUMN lab.meta.predictions.desk IS 'Trading desk'",
        "ALTER TABLE lab.meta.predictions SET TBLPROPERTIES ('layer' = 'meta', 'old' = 'x')",
        "ALTER TABLE lab.meta.predictions UNSET TBLPROPERTIES ('old')",
        "ALTER TABLE lab.meta.predictions SET TAGS ('domain' = 'equities', 'old' = '')",
        "ALTER TABLE lab.meta.predictions UNSET TAGS ('old')",
        "ALTER TABLE lab.meta.predictions ALTER COLUMN symbol SET TAGS ('pii' = 'no')",
        "ALTER TABLE lab.meta.predictions OWNER TO `keeper@example.com`",
    ):
        ask(sql)

    found = client.tables.get(table)
    comments = {c.name: c.comment for c in found.columns}
    assert (found.comment, found.owner) == ("One row a symbol", "keeper@example.com")
    assert (comments["symbol"], comments["desk"]) == ("Ticker", "Trading desk")
    assert found.properties["layer"] == "meta"
    assert "old" not in found.properties
    tags = "SELECT tag_name, tag_value FROM lab.information_schema.table_tags"
    assert ask(f"{tags} WHERE table_name = 'predictions'") == [["domain", "equities"]]
    columns = "SELECT column_name, tag_name, tag_value FROM system.information_schema.column_tags"
    assert ask(columns) == [["symbol", "pii", "no"]]
    path = "/api/2.1/unity-catalog/entity-tag-assignments/tables/lab.meta.predictions/tags"
    assert client.api_client.do("GET", path)["tag_assignments"][0]["tag_key"] == "domain"


def test_a_view_shows_its_columns_alone_and_names_them(client, ask, table):
    ask(
        "CREATE OR REPLACE VIEW lab.meta.seen (ticker COMMENT 'Symbol', expected) COMMENT 'Seen' "
        "AS SELECT symbol, predicted_return FROM lab.meta.predictions VERSION AS OF 0"
    )

    assert ask("SELECT ticker FROM lab.meta.seen WHERE expected > 0") == [["AAA"]]
    found = client.tables.get("lab.meta.seen")
    assert found.table_type.value == "VIEW"
    assert [(c.name, c.type_text, c.comment) for c in found.columns] == [
        ("ticker", "string", "Symbol"),
        ("expected", "double", None),
    ]
    for wrong in ("DROP TABLE lab.meta.seen", "ALTER TABLE lab.meta.seen SET TAGS ('a' = 'b')"):
        with pytest.raises(RuntimeError, match="EXPECT_TABLE_NOT_VIEW"):
            ask(wrong)
    ask("ALTER VIEW lab.meta.seen SET TAGS ('audience' = 'auditors')")
    with pytest.raises(RuntimeError, match="UNRESOLVED_COLUMN"):
        ask("SELECT desk FROM lab.meta.seen")


def test_a_view_that_is_altered_keeps_its_grants_and_tags(client, ask, table, workspace):
    workspace.workspace.add_user("c@example.com", groups=("viewers",))
    said = "COMMENT 'It\\'s one' AS SELECT symbol FROM lab.meta.predictions"
    ask(f"CREATE VIEW lab.meta.altered {said}")
    ask("GRANT SELECT ON VIEW lab.meta.altered TO viewers")
    ask("ALTER VIEW lab.meta.altered SET TAGS ('audience' = 'all')")

    ask("ALTER VIEW lab.meta.altered AS SELECT symbol, desk FROM lab.meta.predictions")

    found = client.tables.get("lab.meta.altered")
    assert (found.comment, [c.name for c in found.columns]) == ("It's one", ["symbol", "desk"])
    (granted,) = client.grants.get("table", "lab.meta.altered").privilege_assignments
    assert granted.principal == "viewers"
    sql = "SELECT tag_value FROM lab.information_schema.table_tags WHERE table_name = 'altered'"
    assert ask(sql) == [["all"]]
    with pytest.raises(RuntimeError, match="near 'AS'"):
        ask("ALTER TABLE lab.meta.predictions AS SELECT 1")


def test_a_column_added_to_a_table_is_in_its_files_and_null_in_old_rows(client, ask, tmp_path):
    pl.DataFrame({"x": [1]}).write_delta(tmp_path / "grown")
    ask(f"CREATE TABLE lab.meta.grown USING DELTA LOCATION '{tmp_path}/grown'")

    ask("ALTER TABLE lab.meta.grown ADD COLUMNS (y DOUBLE COMMENT 'New')")

    assert ask("SELECT x, y FROM lab.meta.grown") == [["1", None]]
    added = client.tables.get("lab.meta.grown").columns[1]
    assert (added.name, added.comment, added.position) == ("y", "New", 1)
    with pytest.raises(RuntimeError, match="FIELD_ALREADY_EXISTS"):
        ask("ALTER TABLE lab.meta.grown ADD COLUMNS (Y STRING)")


def test_masks_and_row_filters_follow_who_asks_and_end_time_travel(client, ask, workspace, table):
    auditor = workspace.client(workspace.workspace.add_user("a@example.com", ("auditors", "us")))
    other = workspace.client(workspace.workspace.add_user("b@example.com", ("eu",)))
    sql = "SELECT DISTINCT symbol, predicted_return FROM lab.meta.predictions ORDER BY symbol"
    mask = (
        "CREATE FUNCTION lab.meta.masked(r DOUBLE) RETURNS DOUBLE "
        "RETURN CASE WHEN is_account_group_member('auditors') THEN r ELSE -1 END"
    )
    own = (
        "CREATE FUNCTION lab.meta.own(d STRING) RETURNS BOOLEAN "
        "RETURN is_member('admins') OR is_account_group_member(d)"
    )
    for one in (
        mask,
        own,
        "ALTER TABLE lab.meta.predictions ALTER COLUMN predicted_return SET MASK lab.meta.masked",
        "ALTER TABLE lab.meta.predictions SET ROW FILTER lab.meta.own ON (desk)",
    ):
        ask(one)

    assert ask(sql, by=auditor) == [["AAA", "0.0125"]]
    assert ask(sql, by=other) == [["BBB", "-1.0"]]
    with pytest.raises(RuntimeError, match=r"UNSUPPORTED_FEATURE\.TIME_TRAVEL"):
        ask("SELECT * FROM lab.meta.predictions VERSION AS OF 0")
    found = client.tables.get(table)
    masks = {c.name: c.mask.function_name for c in found.columns if c.mask}
    assert masks == {"predicted_return": "lab.meta.masked"}
    assert found.row_filter.function_name == "lab.meta.own"
    ask("CREATE SHARE masked_share")
    with pytest.raises(RuntimeError, match="row level security or column masks"):
        ask("ALTER SHARE masked_share ADD TABLE lab.meta.predictions WITH HISTORY")

    ask("ALTER TABLE lab.meta.predictions ALTER COLUMN predicted_return DROP MASK")
    ask("ALTER TABLE lab.meta.predictions DROP ROW FILTER")
    assert ask(sql) == [["AAA", "0.0125"], ["BBB", None]]


def test_a_mask_of_another_type_or_of_too_few_arguments_is_refused(ask, table):
    ask("CREATE OR REPLACE FUNCTION lab.meta.words(r DOUBLE) RETURNS STRING RETURN 'x'")
    ask("CREATE OR REPLACE FUNCTION lab.meta.two(r DOUBLE, d STRING) RETURNS DOUBLE RETURN r")
    change = "ALTER TABLE lab.meta.predictions ALTER COLUMN predicted_return SET MASK"

    with pytest.raises(RuntimeError, match="DATATYPE_MISMATCH"):
        ask(f"{change} lab.meta.words")
    with pytest.raises(RuntimeError, match="WRONG_NUM_ARGS"):
        ask(f"{change} lab.meta.two")
    with pytest.raises(RuntimeError, match=r"lab\.meta\.none"):
        ask(f"{change} lab.meta.none")
    ask(f"{change} lab.meta.two USING COLUMNS (desk)")
    ask("ALTER TABLE lab.meta.predictions ALTER COLUMN predicted_return DROP MASK")


def test_a_share_and_its_recipients_are_made_by_sql(client, ask, table):
    ask("CREATE SHARE IF NOT EXISTS stocks COMMENT 'Predictions'")
    part = "lab.meta.predictions PARTITION (desk = 'us') AS public.predictions"
    ask(f"ALTER SHARE stocks ADD TABLE {part}")
    ask("CREATE RECIPIENT IF NOT EXISTS partner")
    ask("GRANT SELECT ON SHARE stocks TO RECIPIENT partner")

    (held,) = client.shares.get("stocks", include_shared_data=True).objects
    assert held.shared_as == "public.predictions"
    assert held.partitions[0].values[0].value == "us"
    assert ask("SHOW GRANTS ON SHARE stocks") == [["partner", "SELECT", "SHARE", "stocks"]]
    ask("ALTER SHARE stocks ALTER TABLE lab.meta.predictions WITH HISTORY")
    (held,) = client.shares.get("stocks", include_shared_data=True).objects
    assert held.history_data_sharing_status.value == "ENABLED"
    ask("REVOKE SELECT ON SHARE stocks FROM RECIPIENT partner")
    ask("ALTER SHARE stocks REMOVE TABLE lab.meta.predictions")
    assert not client.shares.get("stocks", include_shared_data=True).objects


def test_an_external_table_of_new_columns_becomes_an_empty_delta_table(client, ask, tmp_path):
    from deltalake import DeltaTable

    ask("CREATE SCHEMA IF NOT EXISTS lab.meta")
    ask(
        "CREATE TABLE lab.meta.made (symbol STRING NOT NULL COMMENT 'Ticker', "
        "shares MAP<STRING, DOUBLE>, year INT) USING DELTA PARTITIONED BY (year) "
        f"LOCATION 'file://{tmp_path}/made' TBLPROPERTIES ('delta.appendOnly' = true)"
    )

    columns = client.tables.get("lab.meta.made").columns
    assert [(c.type_text, c.nullable, c.partition_index) for c in columns] == [
        ("string", False, None),
        ("map<string,double>", True, None),
        ("int", True, 0),
    ]
    assert DeltaTable(tmp_path / "made").metadata().partition_columns == ["year"]
    assert ask("SELECT * FROM lab.meta.made") == []
    ask("DROP TABLE lab.meta.made")
    assert DeltaTable(tmp_path / "made").version() == 0


def test_a_large_result_comes_in_chunks_and_a_limit_says_so(client, warehouse, ask, tmp_path):
    pl.DataFrame({"n": range(12_001)}).write_delta(tmp_path / "many")
    ask(f"CREATE TABLE lab.meta.many USING DELTA LOCATION '{tmp_path}/many'")
    run = client.statement_execution

    found = run.execute_statement("SELECT n FROM lab.meta.many", warehouse, wait_timeout="30s")
    rows, part = [*found.result.data_array], found.result
    while part.next_chunk_index:
        part = run.get_statement_result_chunk_n(found.statement_id, part.next_chunk_index)
        rows += part.data_array
    assert len(rows) == found.manifest.total_row_count == 12_001
    assert len({row[0] for row in rows}) == 12_001
    limited = run.execute_statement("SELECT n FROM lab.meta.many", warehouse, row_limit=3)
    assert (limited.manifest.truncated, limited.manifest.total_row_count) == (True, 3)


def test_a_statement_may_be_polled_and_canceled(client, ask, table, workspace):
    from databricks.sdk import errors

    made = client.warehouses.create(name="slow").id
    client.warehouses.stop(made)
    run = client.statement_execution
    workspace.workspace.misbehaviour.change(slow_start_seconds=30)
    try:
        started = run.execute_statement("SELECT 1", made, wait_timeout="0s")
        assert run.get_statement(started.statement_id).status.state.value == "PENDING"
        run.cancel_execution(started.statement_id)
        assert run.get_statement(started.statement_id).status.state.value == "CANCELED"
    finally:
        workspace.workspace.misbehaviour.reset()
    with pytest.raises(errors.InvalidParameterValue, match="wait_timeout"):
        run.execute_statement("SELECT 1", made, wait_timeout="2s")
    with pytest.raises(errors.NotFound):
        run.execute_statement("SELECT 1", "no-such-warehouse")
