"""Shares hold what the policy names; what others put there, or may not be seen, stays as it is."""

from dataclasses import replace

import pytest

from stocks_ai_assets.governance.desired import desired_state
from stocks_ai_assets.governance.planning import make_plan
from stocks_ai_assets.governance.policy import load_policy
from stocks_ai_assets.governance.securables import Securable
from stocks_ai_assets_tests.governance.states import (
    AUDIT,
    ROOT,
    SHARE,
    TABLE,
    changed,
    held,
    plan,
    titles,
    wanted,
)

SELECT = frozenset({"SELECT"})


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


def test_the_share_of_another_stage_is_told_and_left_alone():
    mine = desired_state(load_policy(catalog="stocks_ai_dev"), ROOT)
    there = {**{k: t for k, t in mine.items() if k != SHARE}, SHARE: wanted()[SHARE]}
    there = changed(there, SHARE, grants={"another": frozenset({"SELECT"})})
    found = make_plan("stocks_ai_dev", mine, there, dialect="databricks", prune=True)
    assert found.actions == ()
    (left,) = found.drift
    assert (left.name, left.fate) == (SHARE[1], "by hand")
    assert "stocks_ai.meta.synthesized_predictions, not of this catalog" in left.reason


@pytest.fixture
def mixed():
    """Our share, to which a table of ours, one of others, a notebook and a recipient were added."""
    share = wanted()[SHARE]
    ours, theirs = held("table", "stocks_ai.market.prices"), held("table", "sales.orders.lines")
    notebook = held("notebook_file", "reports/weekly.py")
    grants = {**share.grants, "stranger": SELECT}
    return changed(wanted(), SHARE, shared=(*share.shared, ours, theirs, notebook), grants=grants)


@pytest.mark.parametrize("prune", [False, True])
def test_what_others_put_into_our_share_stays_and_hides_no_drift(mixed, prune):
    found = plan(mixed, prune=prune)
    (unshared,) = [each for each in found.everything if each.verb == "unshare"]
    assert unshared.title == "unshare share stocks_predictions table stocks_ai.market.prices"
    assert unshared.fate == ("do" if prune else "prune")
    told = {each.verb: each for each in found.drift if each.fate == "by hand"}
    assert set(told) == {"keep", "revoke"}
    assert "holds reports/weekly.py, sales.orders.lines, not of this catalog" in told["keep"].reason
    assert len(found.everything) == 3


def test_grants_on_a_share_that_opens_what_belongs_to_others_are_left_to_people(mixed):
    nobody = changed(mixed, SHARE, grants={"stranger": SELECT})
    grants = [e for e in plan(nobody, prune=True).drift if e.verb in {"grant", "revoke"}]
    assert titles(grants) == [
        "revoke share stocks_predictions SELECT from stranger",
        "grant share stocks_predictions SELECT to research_partner",
    ]
    assert all("it opens reports/weekly.py, sales.orders.lines too" in e.reason for e in grants)


def test_what_the_policy_wants_in_a_share_is_put_there_also_where_others_have_something(mixed):
    without = tuple(
        each for each in mixed[SHARE].shared if each.alias != "meta.synthesized_predictions"
    )
    (action,) = plan(changed(mixed, SHARE, shared=without)).actions
    assert action.verb == "share"


@pytest.mark.parametrize("key", [SHARE, ("recipient", "research_partner")])
def test_what_may_not_be_seen_is_told_and_neither_made_nor_changed(key):
    hidden = Securable(kind=key[0], name=key[1], hidden=True)
    (told,) = plan({**wanted(), key: hidden}, prune=True).everything
    assert (told.title, told.fate) == (f"keep {key[0]} {key[1]}", "by hand")
    assert "plan as a metastore admin" in told.reason


def test_a_share_whose_grants_may_not_be_seen_is_told_and_gets_none():
    hidden = changed(wanted(), SHARE, grants={}, grants_hidden=True)
    (told,) = plan(hidden, prune=True).everything
    assert (told.verb, told.detail, told.fate) == ("keep", "grants", "by hand")
