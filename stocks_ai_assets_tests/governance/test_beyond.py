"""What a server holds beyond the policy is told with what it opens, and goes by prune alone."""

from dataclasses import replace

import pytest

from stocks_ai_assets.governance.securables import Securable
from stocks_ai_assets_tests.governance.states import (
    SYNTHESIS,
    TABLE,
    changed,
    plan,
    titles,
    verbs,
    wanted,
)


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


def test_grants_that_are_made_elsewhere_are_no_drift():
    there = changed(
        wanted(), TABLE, grants={**wanted()[TABLE].grants, "runner": frozenset({"MODIFY"})}
    )
    assert verbs(plan(there, prune=True).actions) == ["revoke"]
    assert not plan(there, elsewhere=frozenset({"runner"}), prune=True).everything


def test_a_recipient_who_is_looked_after_elsewhere_is_never_dropped():
    acme = Securable(kind="recipient", name="acme", authentication="TOKEN")
    found = {**wanted(), acme.key: acme}
    assert [e.name for e in plan(found, prune=True).actions] == ["acme"]
    assert plan(found, prune=True, elsewhere=frozenset({"acme"})).actions == ()
