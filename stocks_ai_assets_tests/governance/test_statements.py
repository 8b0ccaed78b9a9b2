"""Every statement of a plan is SQL of Databricks."""

import pytest

from stocks_ai_assets.governance import statements
from stocks_ai_assets.governance.policy import DeskPolicy, MaskPolicy
from stocks_ai_assets.governance.securables import Column, RowFilter, Securable, Shared
from stocks_ai_assets_tests.governance.states import AUDIT, TABLE, changed, plan, wanted

UNPARSED = (
    "ALTER CATALOG stocks_ai OWNER TO",
    "ALTER SHARE",
    "ALTER TABLE stocks_ai.agents.predictions ALTER COLUMN symbol SET MASK",
    "ALTER TABLE stocks_ai.agents.predictions SET ROW FILTER",
    "ALTER TABLE stocks_ai.agents.predictions UNSET TAGS",
    "COMMENT ON CATALOG",
    "COMMENT ON VOLUME",
    "CREATE CATALOG",
    "CREATE RECIPIENT",
    "CREATE SHARE",
    "CREATE VOLUME",
    "GRANT",
    "REVOKE SELECT ON SHARE",
)
"""Beginnings of statements that sqlglot takes as they are, without understanding them."""


def everything():
    """Plans in which each kind of statement occurs."""
    mask = MaskPolicy(
        enabled=True, columns=("agents.predictions.symbol",), visible_to=("stocks_ai_engineers",)
    )
    desks = DeskPolicy(
        enabled=True, table="agents.predictions", column="agent", desks={"a'b": ("risk",)}
    )
    desired = wanted(masks={"tickers": mask}, desks=desks, owner="stocks_ai_engineers")
    there = changed(
        wanted(),
        TABLE,
        comment="",
        columns=(Column(name="agent", type_text="string", mask="c.s.f"),),
        grants={"somebody": frozenset({"SELECT"})},
        tags={"x": "1"},
        row_filter=RowFilter(function="c.s.f", columns=("agent",)),
    )
    there = changed(there, AUDIT, definition="SELECT 1", columns=())
    there = changed(there, ("catalog", "stocks_ai"), comment="")
    there = changed(
        there,
        ("share", "stocks_predictions"),
        shared=(Shared(kind="table", name="stocks_ai.a.b", history=True),),
        grants={"somebody": frozenset({"SELECT"})},
    )
    extra = Securable(kind="table", name="stocks_ai.meta.old")
    there = {**there, extra.key: extra}
    plans = [plan({}, desired), plan(there, desired, prune=True), plan(there, prune=True)]
    return [each.sql for found in plans for each in found.actions if not each.sql.startswith("--")]


@pytest.mark.cluster
def test_every_statement_parses_as_databricks_sql_and_those_taken_unread_are_known():
    import logging

    import sqlglot
    from sqlglot import exp

    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    unread = set()
    for sql in everything():
        (parsed,) = sqlglot.parse(sql, dialect="databricks")
        if isinstance(parsed, exp.Command):
            unread.add(sql)
    columns = "ALTER COLUMN"
    surprising = [
        each
        for each in unread
        if not each.startswith(UNPARSED)
        and not (columns in each and " TAGS (" in each)
        and not (columns in each and each.endswith("DROP MASK"))
    ]
    assert not surprising
    grants = [each for each in unread if each.startswith("GRANT")]
    # Privileges of two words that it does not know, models, and recipients.
    assert all(
        any(word in each for word in ("USE ", "VOLUME", "RECIPIENT", "BROWSE")) for each in grants
    )


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
