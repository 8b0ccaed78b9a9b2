"""Every statement of a plan is SQL of Databricks."""

import re
from dataclasses import replace
from typing import get_args

import pytest

from stocks_ai_assets.governance import statements
from stocks_ai_assets.governance.actions import Verb
from stocks_ai_assets.governance.policy import (
    DeskPolicy,
    GrantPolicy,
    MaskPolicy,
    RecipientPolicy,
    VolumePolicy,
    load_policy,
)
from stocks_ai_assets.governance.privileges import GRANTABLE, spaced
from stocks_ai_assets.governance.securables import Column, RowFilter, Securable
from stocks_ai_assets_tests.governance.states import (
    AUDIT,
    SHARE,
    TABLE,
    changed,
    held,
    plan,
    wanted,
    without,
)

ENGINEERS = "stocks_ai_engineers"
NAME = r"(?:[A-Za-z_]\w*|`(?:[^`]|``)+`)"
FULL = rf"{NAME}(?:\.{NAME}){{0,2}}"
TEXT = r"'(?:[^'\\]|\\.)*'"
PAIRS = rf"\({TEXT} = {TEXT}(?:, {TEXT} = {TEXT})*\)"
WHO = r"`(?:[^`]|``)+`"
KINDS = "CATALOG|SCHEMA|TABLE|VIEW|VOLUME|FUNCTION"
PRIVILEGE = "|".join(sorted({spaced(each) for of in GRANTABLE.values() for each in of}))
PRIVILEGES = rf"(?:{PRIVILEGE})(?:, (?:{PRIVILEGE}))*"
SHARED = rf"(?:TABLE|VIEW|MATERIALIZED VIEW|SCHEMA|MODEL) {FULL}"

GRAMMAR = {
    "catalog": rf"CREATE CATALOG IF NOT EXISTS {NAME}(?: MANAGED LOCATION {TEXT})?"
    rf"(?: COMMENT {TEXT})?",
    "volume": rf"CREATE VOLUME IF NOT EXISTS {FULL}(?: COMMENT {TEXT})?",
    "external volume": rf"CREATE EXTERNAL VOLUME IF NOT EXISTS {FULL} LOCATION {TEXT}"
    rf"(?: COMMENT {TEXT})?",
    "share": rf"CREATE SHARE IF NOT EXISTS {NAME}(?: COMMENT {TEXT})?",
    "recipient": rf"CREATE RECIPIENT IF NOT EXISTS {NAME}(?: USING ID {TEXT})?(?: COMMENT {TEXT})?",
    "drop": rf"DROP (?:SHARE|RECIPIENT) IF EXISTS {NAME}",
    "comment": rf"COMMENT ON (?:CATALOG|VOLUME|SHARE|RECIPIENT) {FULL} IS {TEXT}",
    "owner": rf"ALTER (?:{KINDS}) {FULL} OWNER TO {WHO}",
    "tags": rf"ALTER (?:{KINDS}) {FULL}(?: ALTER COLUMN {NAME})? SET TAGS {PAIRS}",
    "untag": rf"ALTER (?:{KINDS}) {FULL}(?: ALTER COLUMN {NAME})? "
    rf"UNSET TAGS \({TEXT}(?:, {TEXT})*\)",
    "mask": rf"ALTER TABLE {FULL} ALTER COLUMN {NAME} (?:SET MASK {FULL}|DROP MASK)",
    "filter": rf"ALTER TABLE {FULL} (?:DROP ROW FILTER"
    rf"|SET ROW FILTER {FULL} ON \({NAME}(?:, {NAME})*\))",
    "add to share": rf"ALTER SHARE {NAME} (?:ADD|ALTER) "
    rf"(?:TABLE {FULL} AS {NAME}\.{NAME} WITH(?:OUT)? HISTORY|VIEW {FULL} AS {NAME}\.{NAME})",
    "remove from share": rf"ALTER SHARE {NAME} REMOVE {SHARED}",
    "grant": rf"GRANT {PRIVILEGES} ON (?:{KINDS}) {FULL} TO {WHO}",
    "revoke": rf"REVOKE {PRIVILEGES} ON (?:{KINDS}) {FULL} FROM {WHO}",
    "grant share": rf"GRANT SELECT ON SHARE {NAME} TO RECIPIENT {NAME}",
    "revoke share": rf"REVOKE SELECT ON SHARE {NAME} FROM RECIPIENT {NAME}",  # noqa: S608  # a rule
}
"""Statements that sqlglot takes as they are, without understanding them, whole."""


def policy_of_everything():
    """Return parts of a policy that need each kind of statement."""
    policy = load_policy()
    mask = MaskPolicy(enabled=True, columns=("agents.predictions.symbol",), visible_to=(ENGINEERS,))
    desks = DeskPolicy(
        enabled=True, table="agents.predictions", column="agent", desks={"a'b": ("risk",)}
    )
    share = policy.shares["stocks_predictions"]
    schema = policy.schemas["meta"].model_copy(update={"owner": ENGINEERS})
    models = ("EXECUTE", "CREATE MODEL VERSION")
    return {
        "masks": {"tickers": mask},
        "desks": desks,
        "owner": ENGINEERS,
        "managed_location": "s3://bucket/it's",
        "schemas": {**policy.schemas, "meta": schema},
        "volumes": {**policy.volumes, "ops.inbox": VolumePolicy(comment="In.", location="s3://in")},
        "grants": (
            *policy.grants,
            GrantPolicy(principal="it's", on="model agents.risk", privileges=models),
            GrantPolicy(principal="it's", on="volume ops.inbox", privileges=("READ VOLUME",)),
            GrantPolicy(principal="it's", on="catalog", privileges=("ALL PRIVILEGES", "MANAGE")),
        ),
        "shares": {
            "stocks_predictions": share.model_copy(
                update={"views": ("meta.recent_predictions", "audit.synthesized_predictions")}
            )
        },
        "recipients": {
            "research_partner": RecipientPolicy(
                comment="R.", authentication="DATABRICKS", metastore="a:b:c"
            )
        },
    }


def there_of_everything():
    """What a server holds that differs from the policy, and beyond it, in every way."""
    select = {"some`body": frozenset({"SELECT"})}
    there = changed(
        wanted(),
        TABLE,
        comment="",
        columns=(Column(name="agent", type_text="string", mask="c.s.f", tags={"y": "2"}),),
        grants=select,
        tags={"x": "1"},
        properties={},
        row_filter=RowFilter(function="c.s.f", columns=("agent",)),
    )
    there = changed(there, AUDIT, definition="SELECT 1", columns=(), grants=select)
    shared = [replace(each, history=not each.history) for each in there[SHARE].shared]
    others = ("table", "view", "materialized_view", "schema", "model", "volume", "notebook_file")
    there = changed(
        there,
        SHARE,
        comment="Old.",
        shared=(*shared, *(held(kind, f"stocks_ai.old.{kind}") for kind in others)),
        grants=select,
    )
    for kind, thing in list(there):
        if kind in {"catalog", "schema", "volume", "model", "recipient", "view"}:
            there = changed(there, (kind, thing), comment="Old.")
    beyond = [
        Securable(kind="table", name="stocks_ai.meta.old"),
        Securable(kind="view", name="stocks_ai.meta.peek"),
        Securable(kind="function", name="stocks_ai.meta.f"),
        Securable(kind="schema", name="stocks_ai.scratch"),
        Securable(kind="volume", name="stocks_ai.ops.files", managed=True),
        Securable(kind="model", name="stocks_ai.agents.nobody", managed=True),
        Securable(kind="recipient", name="old-partner"),
        Securable(kind="share", name="old-share", shared=(held("view", AUDIT[1]),)),
    ]
    granted = [replace(each, grants=select) for each in beyond if each.kind != "recipient"]
    return {**there, **{each.key: each for each in (*beyond, *granted)}}


def everything():
    """Actions of plans in which each kind of statement occurs."""
    desired, there = wanted(**policy_of_everything()), there_of_everything()
    plans = [
        plan({}, desired),
        plan(there, desired, prune=True),
        plan(there, prune=True),
        plan(without(there, TABLE), desired),
    ]
    return [action for found in plans for action in found.everything]


def test_the_plans_of_these_tests_have_every_kind_of_change():
    assert {each.verb for each in everything()} == set(get_args(Verb))


@pytest.mark.cluster
def test_every_statement_is_understood_whole_by_a_parser_or_by_a_rule_of_its_kind():
    import logging

    import sqlglot
    from sqlglot import exp

    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    used, unread = set(), []
    for sql in {each.sql for each in everything() if each.sql}:
        if sql.startswith("-- by REST alone: "):
            assert "\n" not in sql
            continue
        (parsed,) = sqlglot.parse(sql, dialect="databricks")
        if not any(isinstance(each, exp.Command) for each in parsed.walk()):
            continue
        rules = [name for name, rule in GRAMMAR.items() if re.fullmatch(rule, sql)]
        used.update(rules)
        if len(rules) != 1:
            unread.append(sql)
    assert not unread
    assert used == set(GRAMMAR), "rules for what no plan says, or what sqlglot understands"


@pytest.mark.parametrize(
    "wrong",
    [
        "GRANT SELECT (symbol) ON TABLE a.b.c TO `x`",
        "GRANT READ ON TABLE a.b.c TO `x`",
        "GRANT SELECT ON TABLE a.b.c TO x",
        "GRANT SELECT ON SHARE s TO `x`",
        "COMMENT ON CATALOG a IS 'it's'",
        "ALTER SHARE s REMOVE VOLUME a.b.c",
        "ALTER TABLE a.b.c ALTER COLUMN d SET MASK f; DROP TABLE a.b.c",
        "CREATE CATALOG a.b",
    ],
)
def test_the_rules_take_nothing_that_databricks_would_refuse(wrong):
    assert not [name for name, rule in GRAMMAR.items() if re.fullmatch(rule, wrong)]


@pytest.mark.cluster
def test_a_table_is_created_with_the_columns_partitions_and_place_of_its_contract():
    import sqlglot
    from sqlglot import exp

    parsed = sqlglot.parse_one(statements.create(wanted()[TABLE]), dialect="databricks")
    columns = [each.name for each in parsed.this.find_all(exp.ColumnDef)]
    assert columns[0] == "prediction_id"
    assert parsed.find(exp.LocationProperty).this.name == "s3://lake/stocks_ai/agents/predictions"
    by = parsed.find(exp.PartitionedByProperty).this.expressions
    assert [each.name for each in by] == ["_year", "agent"]


def test_quotes_in_names_and_texts_do_not_end_them():
    assert statements.literal("it's \\ here") == "'it\\'s \\\\ here'"
    assert statements.principal("a`b") == "`a``b`"
    assert statements.full("my-catalog.s.t") == "`my-catalog`.s.t"


def test_a_registered_model_has_no_statement_and_says_so():
    model = wanted()[("model", "stocks_ai.agents.risk")]
    assert statements.create(model).startswith("-- by REST alone")
