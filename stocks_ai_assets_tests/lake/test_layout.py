"""Every contract is a Delta table that delta-rs and Spark both read and write."""

from datetime import date

import polars as pl
import pytest
from deltalake import DeltaTable

from stocks_ai_assets.lake import Lake
from stocks_ai_assets.lake.layout import PROPERTIES, delta_schema
from stocks_ai_assets.tables import TABLES
from stocks_ai_assets.tables.spec import STAMPS


@pytest.mark.parametrize("name", TABLES)
def test_every_table_takes_an_empty_write_and_gives_back_its_contracts_types(lake, rows, name):
    table = TABLES[name]
    by = {"session": date(2021, 1, 4), "quarter": date(2021, 1, 1), "none": None}
    day = by[table.partitioned_by]
    lake.write(
        name,
        pl.DataFrame(schema=table.schema),
        first=day,
        last=day,
        slice="x" if table.slice else None,
        stamps=rows.stamps(),
    )
    assert lake.read(name, with_stamps=True).schema == pl.Schema({**table.schema, **STAMPS})
    protocol = DeltaTable(str(lake.root.joinpath(*name.split(".")))).protocol()
    assert tuple(protocol) == (1, 4, None, None), "another feature would lock Spark or delta-rs out"


def test_tables_keep_ten_years_of_versions_and_a_change_feed(lake, rows):
    lake.write(
        "evaluation.trials",
        rows.trials("a"),
        first=None,
        last=None,
        slice=None,
        stamps=rows.stamps(),
    )
    metadata = DeltaTable(str(lake.root / "evaluation" / "trials")).metadata()
    assert metadata.configuration == PROPERTIES
    assert metadata.name == "evaluation.trials"
    assert metadata.description == TABLES["evaluation.trials"].description


def test_columns_carry_comment_unit_and_nullability_and_maps_are_maps():
    fields = {f.name: f for f in delta_schema("meta.synthesized_predictions").fields}
    assert fields["volatility"].metadata == {"comment": "Forecast sd.", "unit": "fraction/session"}
    assert not fields["volatility"].nullable
    assert fields["agent_contributions"].type.type == "map"
    assert fields["input_versions"].type.type == "map"
    assert fields["reasoning_chain"].type.type == "array"
    assert fields["created_timestamp"].type.type == "timestamp"
    assert delta_schema("signals.esg").fields[2].nullable


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("signals.esg", ["_year"]),
        ("agents.predictions", ["_year", "agent"]),
        ("agents.models", ["model"]),
        ("meta.supervisor_models", []),
        ("evaluation.trials", []),
    ],
)
def test_tables_by_session_have_a_folder_a_year_and_sliced_tables_one_a_slice(
    lake, rows, name, columns
):
    table = TABLES[name]
    lake.write(
        name,
        pl.DataFrame(schema=table.schema),
        first=None,
        last=None,
        slice="x" if table.slice else None,
        stamps=rows.stamps(),
    )
    delta = DeltaTable(str(lake.root.joinpath(*name.split("."))))
    assert delta.metadata().partition_columns == columns


def test_a_column_that_the_contract_gains_is_added_and_null_in_old_rows(
    lake, rows, write_esg, sessions, monkeypatch
):
    older = [f for f in delta_schema("signals.esg").fields if f.name != "rated_on"]
    schema = type(delta_schema("signals.esg"))(older)
    monkeypatch.setattr("stocks_ai_assets.lake.handles.delta_schema", lambda _: schema)
    root = lake.root / "signals" / "esg"
    Lake(lake.root)._handle("signals.esg").writable()
    monkeypatch.undo()
    write_esg(sessions[:1])
    assert "rated_on" in [f.name for f in DeltaTable(str(root)).schema().fields]
    assert lake.read("signals.esg").equals(rows.esg(sessions[:1]))


def test_nothing_is_written_by_opening_a_lake(tmp_path):
    lake = Lake(tmp_path / "lake")
    assert lake.tables() == ()
    assert lake.version("signals.esg") is None
    assert lake.materialized("signals.esg", None) == []
    assert not (tmp_path / "lake").exists()
