"""Hints leave out files that cannot hold wanted rows, and never one that can."""

from datetime import date

import polars as pl
import pytest

from stocks_ai_assets.sharing.predicates import needed_files

FILES = pl.DataFrame(
    {
        "path": ["a", "b", "c"],
        "num_records": [10, 10, 10],
        "min.day": [date(2020, 1, 1), date(2020, 2, 1), None],
        "max.day": [date(2020, 1, 31), date(2020, 2, 29), None],
        "null_count.day": [0, 3, 10],
        "min.small": pl.Series([1, 5, 5], dtype=pl.Int32),
        "max.small": pl.Series([5, 9, 5], dtype=pl.Int32),
        "min.x": [1.0, 5.0, 5.0],
        "max.x": [5.0, 9.0, 5.0],
        "min.n": [1, 5, 5],
        "max.n": [5, 9, 5],
        "min.text": ["aa", "kk", "zz"],
        "max.text": ["cc", "mm", "zz"],
        "min.secret": [1.0, 2.0, 3.0],
        "max.secret": [1.0, 2.0, 3.0],
        "partition.agent": ["risk", "esg", None],
    }
)
SEEN = ("day", "n", "small", "x", "text", "agent")


def node(op, name, value, kind="string"):
    column = {"op": "column", "name": name, "valueType": kind}
    return {"op": op, "children": [column, {"op": "literal", "value": value, "valueType": kind}]}


def not_(child):
    return {"op": "not", "children": [child]}


def null(name):
    return {"op": "isNull", "children": [{"op": "column", "name": name, "valueType": "date"}]}


def kept(**hints):
    return "".join(needed_files(FILES, SEEN, **hints)["path"])


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (node("equal", "day", "2020-01-15", "date"), "ac"),
        (node("equal", "DAY", "2020-01-15", "date"), "ac"),
        (node("greaterThan", "day", "2020-01-31", "date"), "bc"),
        (node("greaterThanOrEqual", "day", "2020-01-31", "date"), "abc"),
        (node("lessThan", "n", "5", "int"), "a"),
        (node("lessThanOrEqual", "n", "5", "int"), "abc"),
        (node("equal", "agent", "risk"), "ac"),
        (not_(node("equal", "n", "5", "int")), "ab"),
        (not_(node("lessThan", "n", "6", "int")), "b"),
        (null("day"), "bc"),
        (not_(null("day")), "ab"),
        (null("agent"), "c"),
        ({"op": "and", "children": [node("equal", "n", "5", "int"), null("day")]}, "bc"),
        (
            {
                "op": "or",
                "children": [node("lessThan", "text", "b"), node("greaterThan", "text", "x")],
            },
            "ac",
        ),
        (not_({"op": "and", "children": [not_(null("day")), not_(null("agent"))]}), "bc"),
        (
            {"op": "lessThan", "children": list(reversed(node("x", "n", "5", "int")["children"]))},
            "b",
        ),
    ],
)
def test_a_tree_keeps_the_files_that_may_hold_its_rows(hint, expected):
    assert kept(json_hint=hint) == expected


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        ("day = '2020-02-02'", "bc"),
        ("`n` >= 6", "b"),
        ("6 <= n", "b"),
        ("text <> 'zz'", "ab"),
        ("day is not null", "ab"),
        ("day IS NULL", "bc"),
    ],
)
def test_a_comparison_in_sql_does_the_same(hint, expected):
    assert kept(sql_hints=[hint]) == expected


@pytest.mark.parametrize(
    "hints",
    [
        {"json_hint": "{"},
        {"json_hint": "[1]"},
        {"json_hint": {"op": "drop table"}},
        {"json_hint": node("equal", "nothing", "1")},
        {"json_hint": node("equal", "day", "yesterday", "date")},
        {"json_hint": node("equal", "n", "2.5", "double")},
        {"json_hint": '{"op":"not","children":' * 5000},
        {"sql_hints": ["n = (select 1)", "1 = 1", "n LIKE '1'", 5, None]},
        {"sql_hints": "n = 1"},
        {"sql_hints": [], "json_hint": 7},
        {"json_hint": {"op": "and", "children": []}},
        {"json_hint": not_({"op": "or", "children": []})},
        {"json_hint": {"op": "isNull", "children": [{"op": "column", "name": 5}]}},
        {"json_hint": {"op": ["and"], "children": None}},
        {"json_hint": node("equal", 5, "1", "int")},
        {"json_hint": node("equal", "small", 3_000_000_000, "long")},
        {"json_hint": not_(node("lessThan", "small", "-2147483649", "long"))},
        {"json_hint": node("equal", "x", "nan", "double")},
        {"sql_hints": ["small = 3000000000", "small = -2147483649"]},
        {"sql_hints": [f"{name} > {'9' * 400}" for name in ("small", "n", "x")]},
        {"sql_hints": [f"n > {'9' * 5000}", "n = 9223372036854775808", "text = '\ud800'"]},
    ],
)
def test_a_hint_that_is_not_understood_is_ignored(hints):
    assert kept(**hints) == "abc"


@pytest.mark.parametrize("literal", ["2147483647", "-2147483648"])
def test_the_largest_numbers_of_a_column_are_understood(literal):
    assert kept(sql_hints=[f"small = {literal}"]) == ""


@pytest.mark.parametrize("error", [pl.exceptions.ComputeError("no"), OverflowError("no")])
def test_a_hint_that_the_comparison_refuses_is_ignored_and_the_others_hold(error, monkeypatch):
    filtered = pl.DataFrame.filter

    def refusing(frame, condition):
        if "text" in str(condition):
            raise error
        return filtered(frame, condition)

    monkeypatch.setattr(pl.DataFrame, "filter", refusing)
    assert kept(sql_hints=["text = 'kk'", "n = 9"]) == "b"


def test_a_hint_on_a_column_that_is_not_shared_tells_nothing():
    hint = node("equal", "secret", "2.0", "double")
    assert kept(json_hint=hint, sql_hints=["secret > 2"]) == "abc"
    assert len(needed_files(FILES, ("secret",), json_hint=hint)) == 1


def test_a_long_text_is_not_compared_with_a_maximum_that_may_be_cut_off():
    files = FILES.with_columns(pl.lit("a" * 32).alias("max.text"), pl.lit("a").alias("min.text"))
    hint = node("equal", "text", "a" * 40)
    assert needed_files(files, SEEN, json_hint=hint).height == 3


@pytest.mark.parametrize(
    ("limit", "expected"), [(0, "a"), (1, "a"), (10, "a"), (11, "ab"), (99, "abc")]
)
def test_a_limit_keeps_enough_files(limit, expected):
    assert kept(limit=limit) == expected


def test_a_limit_leaves_nothing_out_when_a_file_does_not_say_how_many_rows_it_has():
    files = FILES.with_columns(pl.Series("num_records", [1, None, 1]))
    assert needed_files(files, SEEN, limit=1).height == 3
