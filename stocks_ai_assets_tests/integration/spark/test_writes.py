"""Writes by Spark replace, merge, refuse and report as those of the local lake do."""

import shutil
from datetime import UTC, date, datetime

import polars as pl
import pytest
from deltalake import DeltaTable, Schema

from stocks_ai_assets.errors import ContractError, LookbackMissingError, SparkError
from stocks_ai_assets.lake import Lake, Stamps
from stocks_ai_assets.lake.layout import PROPERTIES, delta_schema, partition_columns
from stocks_ai_assets.tables import TABLES

pytestmark = pytest.mark.spark

SYNTHESIZED, PREDICTIONS = "meta.synthesized_predictions", "agents.predictions"
DAYS = [date(2020, 12, 30), date(2020, 12, 31), date(2021, 1, 4)]


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(tmp_path)


@pytest.fixture
def copied(here, tmp_path) -> Lake:
    """A lake of the whole market."""
    return Lake(shutil.copytree(here.root, tmp_path / "copied"))


@pytest.fixture
def write(engine, lake):
    """Write a frame by Spark, as the local lake writes it."""

    def by_spark(
        name, frame, n=0, slice_=None, first=DAYS[0], last=DAYS[-1], catalog=None, into=None
    ):
        from stocks_ai_assets.engines.spark.arrow import arrow_schema, spark_schema, table_of
        from stocks_ai_assets.engines.spark.rows import SparkRows
        from stocks_ai_assets.engines.spark.stored import Names

        arrow = table_of(frame, arrow_schema(name)) if frame.height else []
        rows = engine.session.createDataFrame(arrow, schema=spark_schema(name))
        stamps = Stamps(
            run_id=f"run-{n}",
            code_version="1",
            input_versions={"market.prices": n},
            created=datetime(2024, 1, 1, 0, n, tzinfo=UTC),
        )
        return SparkRows(engine.session, rows, Names(catalog)).write(
            into or lake, name, first=first, last=last, slice=slice_, stamps=stamps
        )

    return by_spark


@pytest.fixture(scope="module")
def synthesized(here):
    """Three sessions of two companies, with maps and lists."""
    rows = here.read(SYNTHESIZED).head(2)

    def made(alpha=0.01):
        parts = [
            rows.with_columns(
                prediction_date=pl.lit(day),
                target_date=pl.lit(date(2021, 2, 1)),
                predicted_alpha=pl.lit(alpha),
                symbol=pl.Series(["AA", "BB"]),
                prediction_id=pl.Series([f"supervisor:{s}:{day}:2" for s in ("AA", "BB")]),
            )
            for day in DAYS
        ]
        return pl.concat(parts).sort("symbol", "prediction_date")

    return made


def test_what_spark_wrote_is_read_back_bit_for_bit(write, lake, synthesized):
    written = write(SYNTHESIZED, synthesized())
    assert lake.read(SYNTHESIZED).equals(synthesized())
    assert written.content_hash == lake.fingerprint(SYNTHESIZED).content_hash
    assert (written.rows, written.changed) == (6, True)


def test_a_merge_keeps_the_stamps_of_unchanged_rows_and_removes_what_is_gone(
    write, lake, synthesized
):
    write(SYNTHESIZED, synthesized(), n=1)
    changed = synthesized().with_columns(
        predicted_alpha=pl.when(pl.col("symbol") == "BB").then(0.5).otherwise("predicted_alpha")
    )
    gone = changed.filter(~((pl.col("symbol") == "BB") & (pl.col("prediction_date") == DAYS[1])))
    before = lake.version(SYNTHESIZED)
    write(SYNTHESIZED, gone, n=2)
    assert lake.version(SYNTHESIZED) == before + 1
    stored = lake.read(SYNTHESIZED, with_stamps=True)
    assert dict(stored.group_by("symbol").agg(pl.col("run_id").unique()).iter_rows()) == {
        "AA": ["run-1"],
        "BB": ["run-2"],
    }
    assert stored.drop("run_id", "code_version", "input_versions", "created_timestamp").equals(gone)
    changes = lake.changes(SYNTHESIZED, before, before + 1)
    assert sorted(changes["_change_type"].unique()) == [
        "delete",
        "update_postimage",
        "update_preimage",
    ]


def test_only_the_span_of_changed_partitions_is_replaced(write, lake, here):
    rows = here.read(PREDICTIONS, slices=["risk"])
    first, *_, last = sorted(rows["prediction_date"].unique())
    write(PREDICTIONS, rows, n=1, slice_="risk", first=first, last=last)
    other = rows.with_columns(
        score=pl.when(pl.col("prediction_date") == last).then(0.25).otherwise("score")
    )
    write(PREDICTIONS, other, n=2, slice_="risk", first=first, last=last)
    stored = lake.read(PREDICTIONS, with_stamps=True)
    runs = dict(stored.group_by("prediction_date").agg(pl.col("run_id").unique()).iter_rows())
    assert runs.pop(last) == ["run-2"]
    assert {tuple(found) for found in runs.values()} == {("run-1",)}
    (early, late) = lake.coverage(PREDICTIONS, "risk")
    assert (early.changed_version, late.changed_version) == (1, 2)


def test_another_agents_slice_is_not_touched(write, lake, here):
    for n, agent in enumerate(("risk", "macro", "risk")):
        rows = here.read(PREDICTIONS, slices=[agent])
        days = sorted(rows["prediction_date"].unique())
        write(PREDICTIONS, rows, n=n, slice_=agent, first=days[0], last=days[-1])
    assert lake.read(PREDICTIONS).equals(here.read(PREDICTIONS, slices=["macro", "risk"]))


def test_a_column_that_the_contract_gained_gets_its_own_values(write, lake, synthesized):
    name, gained = SYNTHESIZED, "predicted_alpha"
    fields = [field for field in delta_schema(name).fields if field.name != gained]
    DeltaTable.create(
        lake.location(name),
        Schema(fields),
        partition_by=partition_columns(TABLES[name]),
        configuration=PROPERTIES,
    )
    write(name, synthesized())
    stored = [field.name for field in DeltaTable(lake.location(name)).schema().fields]
    assert stored[-1] == gained
    assert lake.read(name).equals(synthesized())


def test_an_empty_range_is_covered_and_holds_nothing(write, lake, synthesized):
    write(SYNTHESIZED, synthesized(), n=1)
    write(SYNTHESIZED, synthesized().clear(), n=2)
    assert lake.read(SYNTHESIZED).is_empty()
    assert lake.materialized(SYNTHESIZED) == [(DAYS[0], DAYS[-1])]


def test_three_level_names_write_and_read_the_same_table(write, engine, lake, synthesized):
    write(SYNTHESIZED, synthesized(), catalog="spark_catalog")
    write(SYNTHESIZED, synthesized(0.02), n=1, catalog="spark_catalog")
    assert lake.read(SYNTHESIZED).equals(synthesized(0.02))
    found = engine.session.sql(
        "SELECT count(*) AS n FROM spark_catalog.meta.synthesized_predictions VERSION AS OF 1"
    )
    assert found.collect()[0].n == 6
    engine.session.sql("DROP TABLE spark_catalog.meta.synthesized_predictions")


def test_a_table_that_cannot_be_registered_is_named_with_the_rights_and_the_way_around(
    write, lake, synthesized
):
    write(SYNTHESIZED, synthesized())
    with pytest.raises(SparkError) as refused:
        write(SYNTHESIZED, synthesized(0.02), n=1, catalog="nowhere")
    said = str(refused.value)
    assert said.startswith("`nowhere`.`meta`.`synthesized_predictions` cannot be")
    assert lake.location(SYNTHESIZED) in said
    assert "unset STOCKS_AI_CATALOG" in said


def test_a_catalogs_table_of_another_lake_is_neither_read_nor_written(
    write, engine, lake, synthesized, tmp_path
):
    other = Lake(tmp_path / "other")
    write(SYNTHESIZED, synthesized())
    write(SYNTHESIZED, synthesized(0.02), catalog="spark_catalog", into=other)
    try:
        with pytest.raises(SparkError, match=r"synthesized_predictions` lies in .*other.*Drop it"):
            write(SYNTHESIZED, synthesized(0.03), catalog="spark_catalog")
        assert lake.read(SYNTHESIZED).equals(synthesized())
        assert other.read(SYNTHESIZED).equals(synthesized(0.02))
    finally:
        engine.session.sql("DROP TABLE spark_catalog.meta.synthesized_predictions")


def test_a_row_that_breaks_its_contract_fails_with_the_contracts_message(
    vendor_graph, engine, here, copied
):
    from dataclasses import replace

    from stocks_ai_assets.domain.graph import transform
    from stocks_ai_assets.engines.local import materialize
    from stocks_ai_assets.partitions import partition_range

    technical = transform("signals/technical", vendor_graph.parameters)

    def broken(frames, window):
        return technical.function(frames, window).with_columns(volatility_21=pl.lit(-1.0))

    window = partition_range("session", date(2021, 4, 1), date(2021, 4, 7), vendor_graph.parameters)
    with pytest.raises(ContractError, match=r"signals\.technical: .* rows break volatility_21"):
        materialize(
            copied,
            replace(technical, function=broken),
            window,
            run_id="x",
            created=datetime(2024, 1, 1, tzinfo=UTC),
            engine=engine,
        )
    assert copied.materialized("signals.technical") == here.materialized("signals.technical")


def test_inputs_of_another_horizon_are_refused_by_name(vendor_graph, engine, copied):
    from dataclasses import replace

    from stocks_ai_assets.domain.graph import transform
    from stocks_ai_assets.engines.local import materialize
    from stocks_ai_assets.partitions import partition_range

    parameters = replace(vendor_graph.parameters, horizon=5)
    weights = transform("portfolio/target_weights", parameters)
    window = partition_range("session", date(2021, 4, 1), date(2021, 4, 7), parameters)
    with pytest.raises(LookbackMissingError, match=r"needs meta\.synthesized_predictions with ho"):
        materialize(
            copied,
            weights,
            window,
            run_id="x",
            created=datetime(2024, 1, 1, tzinfo=UTC),
            engine=engine,
        )


def test_every_contract_has_spark_types_that_come_back_as_polars_types(here):
    from stocks_ai_assets.engines.spark.arrow import arrow_schema, frame_of, table_of

    for name, table in TABLES.items():
        rows = here.read(name).head(3)
        arrow = table_of(rows, arrow_schema(name))
        assert frame_of(arrow, name, table.columns).equals(rows), name


def test_a_folder_of_this_machine_is_refused_to_a_spark_on_another(vendor_graph, engine, tmp_path):
    from stocks_ai_assets.domain.graph import transform
    from stocks_ai_assets.engines.spark.engine import SparkEngine
    from stocks_ai_assets.engines.spark.session import SparkOptions
    from stocks_ai_assets.partitions import partition_range

    parameters = vendor_graph.parameters
    window = partition_range("session", date(2021, 4, 1), date(2021, 4, 7), parameters)
    there = SparkEngine(SparkOptions(remote="sc://spark.test:443/;token=dapi-secret"))
    there._session = engine.session  # as if it had been reached
    with pytest.raises(SparkError, match=r"sc://spark.test:443 .*STOCKS_AI_LAKE_ROOT") as refused:
        there.compute(Lake(tmp_path), transform("signals/technical", parameters), window)
    assert "dapi-secret" not in str(refused.value)


def test_braces_quotes_and_blanks_in_the_path_of_a_lake_are_nothing_special(engine, tmp_path):
    from stocks_ai_assets_tests.integration.spark.test_writers import put_by_spark
    from stocks_ai_assets_tests.integration.writers import PREDICTIONS, SESSIONS, SYNTHESIZED

    lake = Lake(tmp_path / "it's a {lake} `here`")
    for table, owner in ((PREDICTIONS, "risk"), (SYNTHESIZED, "range-0")):
        for value in (1, 2):
            put_by_spark(engine.session, lake, table, SESSIONS[:2], owner, value)
        assert lake.read(table).height > 0
    # Of Hadoop's checksums none: delta-rs would leave them untrue.
    assert not [*tmp_path.rglob(".*.crc")]


@pytest.mark.parametrize(
    ("master", "finding"),
    [
        (None, r"local\[2\].* cannot write s3://lakes/mine.*folder"),
        ("spark://host:7077", r"outside Databricks cannot write s3://lakes/mine safely.*local"),
    ],
)
def test_a_lake_in_an_object_store_is_refused_where_commits_are_not_safe(
    vendor_graph, engine, monkeypatch, master, finding
):
    from stocks_ai_assets.domain.graph import transform
    from stocks_ai_assets.partitions import partition_range

    parameters = vendor_graph.parameters
    window = partition_range("session", date(2021, 4, 1), date(2021, 4, 7), parameters)
    if master:
        monkeypatch.setattr(
            type(engine.session.conf),
            "get",
            lambda _, n, d=None: {"spark.master": master}.get(n, d),
        )
    with pytest.raises(SparkError, match=finding):
        engine.compute(Lake("s3://lakes/mine"), transform("signals/technical", parameters), window)
