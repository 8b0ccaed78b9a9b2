"""A plan is the difference between policy and catalog; it takes nothing away unasked."""

from dataclasses import replace

import pytest

from stocks_ai_assets.governance.fixed import plain_location
from stocks_ai_assets.governance.policy import (
    DeskPolicy,
    GrantPolicy,
    MaskPolicy,
    RecipientPolicy,
    VolumePolicy,
    load_policy,
)
from stocks_ai_assets.governance.securables import Column, RowFilter, Securable
from stocks_ai_assets.tables import TABLES
from stocks_ai_assets_tests.governance.states import (
    AUDIT,
    SHARE,
    SYNTHESIS,
    TABLE,
    changed,
    held,
    plan,
    titles,
    verbs,
    wanted,
    without,
)


def test_a_catalog_as_the_policy_wants_it_needs_nothing():
    found = plan(wanted())
    assert not found.everything


def test_an_empty_server_gets_every_table_of_the_contracts_with_all_its_columns():
    found = plan({})
    made = {each.name: each for each in found.actions if each.verb == "create"}
    assert {f"stocks_ai.{name}" for name in TABLES} <= set(made)
    body = made["stocks_ai.agents.predictions"].call.body
    names = [each["name"] for each in body["columns"]]
    assert names[:2] == ["prediction_id", "agent"]
    assert names[-1] == "_year"
    assert [each["partition_index"] for each in body["columns"] if "partition_index" in each] == [
        1,
        0,
    ]
    assert body["storage_location"] == "s3://lake/stocks_ai/agents/predictions"


def test_access_is_narrowed_first_masks_come_before_grants_and_owners_change_last():
    policy = load_policy()
    mask = MaskPolicy(
        enabled=True, columns=("agents.predictions.symbol",), visible_to=("stocks_ai_engineers",)
    )
    desired = wanted(masks={"tickers": mask}, owner="stocks_ai_engineers")
    there = changed(wanted(), AUDIT, grants={"everybody": frozenset({"SELECT"})})
    order = verbs(plan(without(there, TABLE), desired, prune=True).actions)
    assert order.index("revoke") == 0
    assert order.index("create") < order.index("tag") < order.index("mask") < order.index("grant")
    assert order[-1] == "owner"
    assert policy.owner is None


def test_parents_are_made_before_children_and_views_after_tables():
    kinds = [each.kind for each in plan({}).actions if each.verb == "create"]
    assert kinds == sorted(
        kinds,
        key=["catalog", "schema", "volume", "model", "table", "view", "recipient", "share"].index,
    )


@pytest.mark.parametrize(
    ("key", "fields", "title"),
    [
        (TABLE, {"grants": {"everybody": frozenset({"SELECT"})}}, "revoke"),
        (
            TABLE,
            {"tags": {"domain": "predictions", "sensitivity": "confidential", "x": "1"}},
            "untag",
        ),
        (TABLE, {"row_filter": RowFilter(function="c.s.f", columns=("agent",))}, "unfilter"),
        (SHARE, {"shared": (held("table", "stocks_ai.s.t"),)}, "unshare"),
        (SHARE, {"shared": (held("notebook_file", "reports/weekly.py"),)}, "unshare"),
    ],
)
def test_what_the_policy_does_not_know_is_shown_and_left_alone_without_prune(key, fields, title):
    there = changed(wanted(), key, **fields)
    assert title not in verbs(plan(there).actions)
    assert title in verbs(plan(there).drift)
    assert title in verbs(plan(there, prune=True).actions)


def test_a_grant_on_all_tables_of_a_schema_reaches_those_of_the_contracts():
    grant = GrantPolicy(
        principal="stocks_ai_analysts", on="table signals.*", privileges=("SELECT",)
    )
    desired = wanted(grants=(grant,))
    granted = {name for (kind, name), thing in desired.items() if kind == "table" and thing.grants}
    assert granted == {f"stocks_ai.{name}" for name in TABLES if name.startswith("signals.")}
    assert len(granted) > 1


def test_comments_follow_the_contract():
    found = changed(wanted(), TABLE, comment="Old words.")
    (action,) = plan(found).actions
    assert action.sql.startswith("COMMENT ON TABLE stocks_ai.agents.predictions IS 'One agent\\'s")
    assert "Old words." in action.reason


def test_a_column_that_the_contract_gained_is_added_with_comment_and_tags():
    columns = tuple(each for each in wanted()[TABLE].columns if each.name != "predicted_alpha")
    added, tagged = plan(changed(wanted(), TABLE, columns=columns)).actions
    assert added.sql == (
        "ALTER TABLE stocks_ai.agents.predictions ADD COLUMNS "
        "(predicted_alpha double COMMENT 'Agent\\'s own part.')"
    )
    assert "SET TAGS ('unit' = 'fraction')" in tagged.sql


def test_a_column_of_another_type_and_one_too_many_are_left_to_people():
    first, *rest = wanted()[TABLE].columns
    columns = (replace(first, type_text="bigint"), *rest, Column(name="extra", type_text="int"))
    found = plan(changed(wanted(), TABLE, columns=columns), prune=True)
    assert not found.actions
    assert [(each.fate, each.detail) for each in found.drift] == [
        ("by hand", "prediction_id"),
        ("by hand", "extra"),
    ]


def test_a_changed_view_keeps_its_grants_because_it_is_altered():
    found = plan(changed(wanted(), AUDIT, definition="SELECT * FROM stocks_ai.meta.secrets"))
    assert found.actions[0].sql == (
        "ALTER VIEW stocks_ai.audit.synthesized_predictions AS SELECT symbol, predicted_return "
        "FROM stocks_ai.meta.synthesized_predictions"
    )
    assert set(verbs(found.actions)) == {"alter", "comment"}


def test_a_view_in_the_place_of_a_table_is_left_to_people():
    view = Securable(kind="view", name=SYNTHESIS[1])
    found = plan({**without(wanted(), SYNTHESIS), view.key: view})
    assert not [each for each in found.actions if each.name == SYNTHESIS[1]]
    assert [each.verb for each in found.drift] == ["keep"]


def test_locations_are_compared_by_meaning():
    assert plain_location("file:/lake/x/") == plain_location("file:///lake/x") == "/lake/x"
    assert plain_location("s3a://b/x") == plain_location("s3://b/x")


def test_a_table_registered_elsewhere_is_not_moved():
    found = plan(changed(wanted(), TABLE, location="s3://other/place"))
    assert not found.actions
    assert "s3://other/place" in found.drift[0].reason


@pytest.mark.parametrize(
    ("key", "fields", "told"),
    [
        (TABLE, {"managed": True}, "may delete its data"),
        (("catalog", "stocks_ai"), {"location": "s3://old/managed"}, "s3://old/managed there"),
        (("catalog", "stocks_ai"), {"location": None}, "of the metastore there"),
        (("volume", "stocks_ai.ops.staging"), {"managed": False, "location": "s3://x"}, "s3://x"),
        (("volume", "stocks_ai.ops.inbox"), {"managed": True}, "deletes its files"),
        (("volume", "stocks_ai.ops.inbox"), {"location": "s3://y"}, "at s3://y there"),
        (("recipient", "research_partner"), {"metastore": "a:b:d"}, "a:b:d there, policy: a:b:c"),
        (("recipient", "research_partner"), {"authentication": "TOKEN"}, "TOKEN there"),
    ],
)
def test_what_cannot_be_changed_in_place_is_told_with_the_way_out(key, fields, told):
    policy = load_policy()
    partner = RecipientPolicy(comment="Reads.", authentication="DATABRICKS", metastore="a:b:c")
    desired = wanted(
        managed_location="s3://bucket/managed",
        volumes={**policy.volumes, "ops.inbox": VolumePolicy(comment="In.", location="s3://in")},
        recipients={"research_partner": partner},
    )
    assert not plan(desired, desired).everything
    found = plan(changed(desired, key, **fields), desired, prune=True)
    assert not found.actions
    (kept,) = found.drift
    assert kept.fate == "by hand"
    assert told in kept.reason
    assert "plan again" in kept.reason or "another name" in kept.reason


def test_properties_that_the_contract_declares_are_set_and_those_of_delta_stay():
    properties = {**wanted()[TABLE].properties, "delta.minReaderVersion": "1"}
    assert not plan(changed(wanted(), TABLE, properties=properties)).everything
    there = changed(wanted(), TABLE, properties={**properties, "stocks_ai.slice": "desk"})
    (action,) = plan(there).actions
    assert action.sql == (
        "ALTER TABLE stocks_ai.agents.predictions SET TBLPROPERTIES ('stocks_ai.slice' = 'agent')"
    )
    (lacking,) = [each for each in plan(there, dialect="oss").cannot if each.verb == "alter"]
    assert "drop it there and plan again, the data stays" in lacking.obstacle


def test_a_row_filter_by_desk_names_each_group_and_its_agents():
    desks = DeskPolicy(
        enabled=True,
        table="agents.predictions",
        column="agent",
        unrestricted=("stocks_ai_engineers",),
        desks={"stocks_ai_analysts": ("technical", "risk")},
    )
    actions = plan(wanted(), wanted(desks=desks)).actions
    assert titles(actions) == [
        "create function stocks_ai.governance.agents_of_desk",
        "filter table stocks_ai.agents.predictions",
    ]
    assert "agent IN ('technical', 'risk')" in actions[0].sql
    assert "time travel" in actions[1].reason


def test_the_open_source_server_is_told_what_it_lacks_and_still_gets_the_rest():
    found = plan({}, dialect="oss")
    assert {each.kind for each in found.actions} == {
        "catalog",
        "schema",
        "volume",
        "model",
        "table",
    }
    lacking = {(each.verb, each.kind) for each in found.cannot}
    assert {("create", "view"), ("create", "share"), ("tag", "table"), ("grant", "view")} <= lacking
    assert all(each.obstacle for each in found.cannot)


def test_the_open_source_server_grants_to_users_alone_in_its_own_spelling():
    policy = load_policy()
    people = policy.principals.model_copy(
        update={"groups": ("regulatory_auditors", "stocks_ai_engineers"), "users": ("ann@x.org",)}
    )
    grants = tuple(
        grant.model_copy(update={"principal": "ann@x.org"})
        for grant in policy.grants
        if grant.principal == "stocks_ai_analysts"
    )
    desired = wanted(principals=people, grants=grants)
    found = plan({}, desired, dialect="oss", users=frozenset({"ann@x.org"}))
    (catalog,) = [e for e in found.actions if e.verb == "grant" and e.kind == "catalog"]
    assert catalog.call.body == {"changes": [{"principal": "ann@x.org", "add": ["USE CATALOG"]}]}
    obstacles = {each.detail: each.obstacle for each in found.cannot if each.verb == "grant"}
    assert "no such privilege" in obstacles["BROWSE to ann@x.org"]
    assert "users only" in obstacles["USE CATALOG to regulatory_auditors"]
