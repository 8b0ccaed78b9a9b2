"""What Dagster sees: every asset described by its contract, nothing done at import."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from deltalake import DeltaTable

from stocks_ai_assets.assets.description import CATALOG
from stocks_ai_assets.backfill import code_versions
from stocks_ai_assets.definitions import build_definitions
from stocks_ai_assets.deployment import open_deployment
from stocks_ai_assets.jobs import stages
from stocks_ai_assets.settings import Settings
from stocks_ai_assets.tables import TABLES
from stocks_ai_assets.tables.dictionary import data_dictionary
from stocks_ai_assets.tables.spec import STAMPS

ROOT = Path(__file__).parents[2]
ASSET_KEYS = Path(__file__).with_name("asset_keys.txt")


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return Settings(home=tmp_path_factory.mktemp("definitions") / "home", sample_symbols=25)


@pytest.fixture(scope="module")
def definitions(settings):
    return build_definitions(settings)


@pytest.fixture(scope="module")
def nodes(settings):
    return open_deployment(settings).registry.nodes


@pytest.fixture(scope="module")
def specs(definitions):
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_dagsters_own_check_of_the_project_finds_nothing(tmp_path):
    environment = {"PATH": os.defpath, "HOME": str(tmp_path), "STOCKS_AI_HOME": str(tmp_path)}
    checked = subprocess.run(
        [Path(sys.executable).with_name("dg"), "check", "defs"],
        capture_output=True,
        check=False,
        cwd=ROOT,
        env=environment,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    said = (checked.stdout + checked.stderr).splitlines()
    # Dagster's own Spark package, where it is installed, warns of itself.
    assert not [line for line in said if "Warning" in line and "SparkDeclarative" not in line]


def test_building_definitions_touches_no_lake(settings, definitions):
    definitions.resolve_all_job_defs()
    assert not settings.home.exists()


def test_asset_keys_are_those_that_people_have_written_down(specs):
    assert sorted(specs) == ASSET_KEYS.read_text().split(), (
        "A renamed asset loses its history: change the file only when that is meant."
    )


def test_every_asset_says_who_owns_it_what_it_is_and_which_code_computes_it(settings, specs, nodes):
    versions = code_versions(open_deployment(settings))
    for name, spec in specs.items():
        assert list(spec.owners) == ["team:quant"], name
        assert spec.kinds == {"polars", "delta"}, name
        assert len(spec.description) > 20, name
        assert spec.group_name == nodes[name].table.name.split(".")[0], name
        assert spec.code_version == versions[name], name
        assert spec.metadata["dagster/table_name"] == f"{CATALOG}.{nodes[name].table.name}"


def test_dagsters_columns_are_those_of_the_contract_with_units_and_of_the_stamps(specs, nodes):
    for name, spec in specs.items():
        contract = nodes[name].table.contract.columns()
        columns = spec.metadata["dagster/column_schema"].columns
        assert [column.name for column in columns] == [*contract, *STAMPS], name
        for column in columns[: len(contract)]:
            declared = contract[column.name]
            assert column.constraints.nullable == declared.nullable, (name, column.name)
            assert declared.description in column.description, (name, column.name)
            unit = declared.metadata["unit"]
            assert unit == "none" or f"Unit: {unit}." in column.description, (name, column.name)


def test_stored_columns_are_those_of_contract_dagster_and_dictionary(deployed, specs, nodes):
    tables = written_down(data_dictionary())
    for name, node in nodes.items():
        schema = DeltaTable(deployed.lake / node.table.name.replace(".", "/")).schema()
        stored = {field["name"]: field for field in json.loads(schema.to_json())["fields"]}
        stored.pop("_year", None)
        types = {column: type_of(field["type"]) for column, field in stored.items()}
        shown = specs[name].metadata["dagster/column_schema"].columns
        assert types == {column.name: column.type for column in shown}, name
        assert types == tables[node.table.name], name
        for column, declared in node.table.contract.columns().items():
            assert stored[column]["nullable"] == declared.nullable, (name, column)
            assert stored[column]["metadata"]["unit"] == declared.metadata["unit"], (name, column)


def written_down(dictionary):
    """Types by table and column in the data dictionary, stamps included."""
    head, *sections = dictionary.split("\n## stocks_ai.")
    row = re.compile(r"^\| \**(\w+?)\** \| ([^|]+?) \|", re.MULTILINE)
    stamps = {name: kind for name, kind in row.findall(head) if name != "column"}
    return {
        section.split("\n")[0]: {
            name: kind for name, kind in row.findall(section) if name != "column"
        }
        | stamps
        for section in sections
    }


def type_of(stored):
    """Name of a Delta type."""
    if isinstance(stored, str):
        return stored
    match stored["type"]:
        case "map":
            return f"map<{type_of(stored['keyType'])}, {type_of(stored['valueType'])}>"
        case "array":
            return f"array<{type_of(stored['elementType'])}>"
        case _:
            parts = (f"{field['name']}: {type_of(field['type'])}" for field in stored["fields"])
            return f"struct<{', '.join(parts)}>"


def test_there_is_a_job_for_every_stage_and_one_for_the_night(definitions, nodes):
    jobs = {job.name for job in definitions.resolve_all_job_defs()}
    assert jobs >= {"nightly", *(stage.name for stage in stages(nodes))}
    (schedule,) = definitions.schedules
    assert schedule.job_name == "nightly"


def test_every_asset_with_partitions_runs_a_range_as_one(definitions, nodes):
    for asset in definitions.resolve_asset_graph().assets_defs:
        for key in asset.keys:
            if nodes[key.to_user_string()].table.partitioned_by == "none":
                assert asset.partitions_def is None
            else:
                assert asset.backfill_policy == dg.BackfillPolicy.single_run(), key


def test_every_table_has_an_asset_or_belongs_to_one(nodes):
    written = {node.table.name for node in nodes.values()}
    assert set(TABLES) - written == {"market.quarantine"}


def test_a_check_that_is_declared_belongs_to_an_asset(definitions, specs):
    keys = {
        key.asset_key.to_user_string()
        for each in definitions.asset_checks
        for key in each.check_keys
    }
    assert keys <= set(specs)
    layers = {key.split("/")[0] for key in keys}
    assert layers == {"market", "signals", "agents", "meta", "evaluation"}
