"""A plan is the difference between policy and catalog; it takes nothing away unasked."""

from dataclasses import replace

import pytest

from stocks_ai_assets.governance.desired import desired_state
from stocks_ai_assets.governance.fixed import plain_location
from stocks_ai_assets.governance.planning import make_plan
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
    ROOT,
    SHARE,
    SYNTHESIS,
    TABLE,
    changed,
    held,
    plan,
    titles,
    wanted,
    without,
)


def verbs(actions):
    return [each.verb for each in actions]


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
        (SHARE, {"shared": (held("notebook_file", "stocks_ai.s.t"),)}, "unshare"),
    ],
)
def test_what_the_policy_does_not_know_is_shown_and_left_alone_without_prune(key, fields, title):
    there = changed(wanted(), key, **fields)
    assert title not in verbs(plan(there).actions)
    assert title in verbs(plan(there).drift)
    assert title in verbs(plan(there, prune=True).actions)


def test_unknown_tables_and_views_are_dropped_by_prune_alone_and_only_if_no_data_is_lost():
    extra = Securable(kind="table", name="stocks_ai.meta.scratch", location="s3://x/y")
    view = Securable(kind="view", name="stocks_ai.meta.peek", definition="SELECT 1")
    precious = Securable(kind="table", name="stocks_ai.meta.precious", managed=True)
    volume = Securable(kind="volume", name="stocks_ai.ops.files", managed=True)
    there = {**wanted(), **{each.key: each for each in (extra, view, precious, volume)}}
    assert not plan(there).actions
    assert titles(plan(there, prune=True).actions) == [
        "drop view stocks_ai.meta.peek",
        "drop table stocks_ai.meta.scratch",
    ]
    kept = [each for each in plan(there, prune=True).drift if each.fate == "by hand"]
    assert {each.name for each in kept} == {"stocks_ai.meta.precious", "stocks_ai.ops.files"}


def test_the_schema_that_databricks_makes_itself_is_drift_only_with_something_in_it():
    schema = Securable(kind="schema", name="stocks_ai.default")
    there = {**wanted(), schema.key: schema}
    assert not plan(there).everything
    table = Securable(kind="table", name="stocks_ai.default.copy", managed=True)
    (kept,) = plan({**there, table.key: table}, prune=True).everything
    assert (kept.title, kept.fate) == ("keep schema stocks_ai.default", "by hand")
    assert "holds table: 1" in kept.reason


@pytest.mark.parametrize(
    "thing",
    [
        Securable(kind="table", name="stocks_ai.default.copy", managed=True),
        Securable(kind="table", name="stocks_ai.meta.precious", managed=True),
        Securable(kind="volume", name="stocks_ai.ops.files", managed=True),
        Securable(kind="schema", name="stocks_ai.scratch"),
    ],
    ids=lambda thing: thing.name,
)
def test_what_the_policy_does_not_know_is_told_with_those_to_whom_it_is_open(thing):
    grants = {name: frozenset({"ALL_PRIVILEGES"}) for name in ("account users", "runner")}
    there = {**wanted(), thing.key: replace(thing, grants=grants)}
    found = plan(there, elsewhere=frozenset({"runner"}))
    (revoked,) = [each for each in found.drift if each.verb == "revoke"]
    assert revoked.title == f"revoke {thing.kind} {thing.name} ALL PRIVILEGES from account users"
    assert "auditors too" in revoked.reason
    assert not found.actions
    assert revoked.sql in [e.sql for e in plan(there, prune=True).actions]
    hidden = {**wanted(), thing.key: replace(thing, grants_hidden=True)}
    assert any("grants cannot be read" in each.reason for each in plan(hidden).drift)


def test_a_share_left_over_is_told_with_what_it_opens_and_dropped_only_by_prune():
    left = Securable(
        kind="share",
        name="old",
        shared=(held("table", "stocks_ai.meta.synthesized_predictions"),),
        grants={"partner": frozenset({"SELECT"})},
    )
    reader = Securable(kind="recipient", name="partner", authentication="TOKEN")
    there = {**wanted(), left.key: left, reader.key: reader}
    found = plan(there)
    assert not found.actions
    assert titles(found.drift) == ["drop share old", "drop recipient partner"]
    assert found.drift[0].reason == (
        "left there, not in the policy; opens table stocks_ai.meta.synthesized_predictions with "
        "history to partner"
    )
    other = changed(there, TABLE, comment="")
    closing = plan(other, prune=True).actions
    assert titles(closing)[:2] == ["drop share old", "drop recipient partner"]
    assert [each.sql for each in closing[:2]] == [
        "DROP SHARE IF EXISTS old",
        "DROP RECIPIENT IF EXISTS partner",
    ]


def test_out_of_a_share_of_others_only_what_is_ours_is_taken():
    ours, theirs = held("view", AUDIT[1]), held("table", "sales.orders.lines")
    share = Securable(kind="share", name="of others", shared=(theirs, ours))
    (action,) = plan({**wanted(), share.key: share}, prune=True).actions
    assert action.sql == (
        "ALTER SHARE `of others` REMOVE VIEW stocks_ai.audit.synthesized_predictions"
    )
    assert action.call.path.endswith("/shares/of%20others")


@pytest.mark.parametrize(
    ("kind", "by_sql"),
    [
        ("model", True),
        ("materialized_view", True),
        ("schema", True),
        ("volume", False),
        ("notebook_file", False),
        ("feature_spec", False),
    ],
)
def test_whatever_a_share_holds_can_be_taken_out(kind, by_sql):
    thing = held(kind, "stocks_ai.meta.thing")
    there = changed(wanted(), SHARE, shared=(*wanted()[SHARE].shared, thing))
    (action,) = plan(there, prune=True).actions
    assert action.call.body["updates"][0]["data_object"]["data_object_type"] == kind.upper()
    assert action.sql.startswith("--") is not by_sql
    assert f"REMOVE {kind.upper().replace('_', ' ')} stocks_ai.meta.thing" in action.sql


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


def test_history_of_a_shared_table_follows_the_policy():
    (shared,) = wanted()[SHARE].shared
    there = changed(wanted(), SHARE, shared=(replace(shared, history=False),))
    (action,) = plan(there).actions
    assert action.call.body["updates"][0]["action"] == "UPDATE"
    assert action.sql.endswith("WITH HISTORY")


def test_a_table_that_recipients_see_under_another_name_gets_the_name_of_the_policy():
    (shared,) = wanted()[SHARE].shared
    (action,) = plan(changed(wanted(), SHARE, shared=(replace(shared, alias="old.name"),))).actions
    assert action.call.body["updates"][0]["data_object"]["shared_as"] == shared.alias
    assert "shared as old.name" in action.reason
    assert "AS meta.synthesized_predictions WITH HISTORY" in action.sql


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


def test_grants_that_are_made_elsewhere_are_no_drift():
    there = changed(
        wanted(), TABLE, grants={**wanted()[TABLE].grants, "runner": frozenset({"MODIFY"})}
    )
    assert verbs(plan(there, prune=True).actions) == ["revoke"]
    assert not plan(there, elsewhere=frozenset({"runner"}), prune=True).everything


def test_the_share_of_another_stage_is_told_and_left_alone():
    mine = desired_state(load_policy(catalog="stocks_ai_dev"), ROOT)
    there = {**{k: t for k, t in mine.items() if k != SHARE}, SHARE: wanted()[SHARE]}
    there = changed(there, SHARE, grants={"another": frozenset({"SELECT"})})
    found = make_plan("stocks_ai_dev", mine, there, dialect="databricks", prune=True)
    assert found.actions == ()
    (left,) = found.drift
    assert (left.name, left.fate) == (SHARE[1], "by hand")
    assert "stocks_ai.meta.synthesized_predictions, not of this catalog" in left.reason


@pytest.mark.parametrize("owner", ["regulatory_auditors", "Regulatory_Auditors", "account users"])
def test_what_the_auditors_own_is_told_also_where_the_policy_does_not_know_it(owner):
    unknown = Securable(kind="table", name="stocks_ai.default.notes", owner=owner, managed=True)
    schema = Securable(kind="schema", name="stocks_ai.default")
    found = {**changed(wanted(), SYNTHESIS, owner=owner), schema.key: schema, unknown.key: unknown}
    restricted = frozenset({"regulatory_auditors", "account users"})
    wanted_owner = wanted()[SYNTHESIS].owner
    told = [each for each in plan(found, restricted=restricted).drift if each.detail == "owner"]
    names = {unknown.name} | ({SYNTHESIS[1]} if wanted_owner is None else set())
    assert {each.name for each in told} == names
    assert all("owners see everything" in each.reason for each in told)
    assert not [e for e in plan(found).drift if e.detail == "owner"]


def test_a_recipient_who_is_looked_after_elsewhere_is_never_dropped():
    acme = Securable(kind="recipient", name="acme", authentication="TOKEN")
    found = {**wanted(), acme.key: acme}
    assert [e.name for e in plan(found, prune=True).actions] == ["acme"]
    assert plan(found, prune=True, elsewhere=frozenset({"acme"})).actions == ()
