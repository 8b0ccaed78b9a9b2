"""What a catalog should hold follows from the contracts; auditors get one view and nothing else."""

import json

from stocks_ai_assets.governance.contracts import columns_of
from stocks_ai_assets.tables import TABLES
from stocks_ai_assets_tests.governance.states import AUDIT, SYNTHESIS, TABLE, wanted


def test_every_column_carries_its_three_spellings_and_the_comment_of_the_contract():
    for name in TABLES:
        for column in columns_of(name):
            field = json.loads(column.type_json)
            assert field["name"] == column.name
            assert column.comment == field["metadata"].get("comment", "")
            assert column.comment, f"{name}.{column.name} has no comment"
            assert column.type_name == column.type_name.upper()
    types = {each.name: each.type_text for each in columns_of("agents.predictions")}
    assert types["key_factors"] == "array<struct<factor:string,value:double,contribution:double>>"
    assert types["input_versions"] == "map<string,bigint>"
    assert types["horizon"] == "int"


def test_units_become_tags_and_columns_without_a_unit_get_none():
    column = wanted()[TABLE].column
    assert column("predicted_return").tags == {"unit": "fraction"}
    assert column("volatility").tags == {"unit": "fraction/session"}
    assert column("agent").tags == {}
    assert column("run_id").tags == {}


def test_tags_of_a_column_add_to_its_unit():
    column = wanted()[SYNTHESIS].column("reasoning_chain")
    assert column.tags == {"sensitivity": "restricted"}


def test_auditors_may_use_the_catalog_one_schema_and_read_one_view_of_two_columns():
    state = wanted()
    granted = {
        (kind, name): sorted(thing.grants["regulatory_auditors"])
        for (kind, name), thing in state.items()
        if "regulatory_auditors" in thing.grants
    }
    assert granted == {
        ("catalog", "stocks_ai"): ["USE_CATALOG"],
        ("schema", "stocks_ai.audit"): ["USE_SCHEMA"],
        AUDIT: ["SELECT"],
    }
    assert [each.name for each in state[AUDIT].columns] == ["symbol", "predicted_return"]
    assert state[AUDIT].definition == (
        "SELECT symbol, predicted_return FROM stocks_ai.meta.synthesized_predictions"
    )


def test_there_is_a_registered_model_for_each_agent_the_volatility_and_the_supervisor():
    models = [name for kind, name in wanted() if kind == "model"]
    assert len(models) == 10
    assert "stocks_ai.agents.risk" in models
    assert "stocks_ai.agents.supervisor" in models
