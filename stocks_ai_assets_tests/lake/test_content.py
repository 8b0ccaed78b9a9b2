"""The content hash covers every bit of the content and nothing else."""

import hashlib
import struct
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stocks_ai_assets.lake import content_hash
from stocks_ai_assets.lake.content import canonical_map
from stocks_ai_assets.tables import TABLES

ESG, SYNTHESIZED = "signals.esg", "meta.synthesized_predictions"
FLOATS = st.floats(0, 100, allow_subnormal=True) | st.sampled_from([0.0, -0.0, None])


@given(st.lists(FLOATS, min_size=1, max_size=12), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_the_hash_does_not_depend_on_row_order_column_order_chunks_or_stamps(rows, values, random):
    days = [date(2021, 1, 4) + timedelta(days=i) for i in range(len(values))]
    frame = rows.esg(days, symbols=("AA",)).with_columns(
        total_risk=pl.Series(values, dtype=pl.Float64)
    )
    order, columns = list(range(len(values))), list(frame.columns)
    random.shuffle(order)
    random.shuffle(columns)
    chunks = pl.concat([frame[i] for i in order], rechunk=False).select(columns)
    stamped = chunks.with_columns(run_id=pl.lit("another"))
    assert content_hash(stamped, ESG) == content_hash(frame, ESG)


@given(st.integers(0, 63), st.integers(0, 1), st.floats(0, 100))
@settings(max_examples=50, deadline=None)
def test_one_bit_of_one_number_changes_the_hash(rows, bit, row, value):
    (pattern,) = struct.unpack("<q", struct.pack("<d", value))
    (other,) = struct.unpack("<d", struct.pack("<Q", (pattern ^ (1 << bit)) & (2**64 - 1)))
    frame = rows.esg([date(2021, 1, 4)], value)
    values = [value, value]
    values[row] = other
    changed = frame.with_columns(total_risk=pl.Series(values, dtype=pl.Float64))
    assert content_hash(changed, ESG) != content_hash(frame, ESG)


def replaced(name, value):
    dtype = TABLES[SYNTHESIZED].schema[name]
    return lambda f: f.with_columns(pl.Series(name, [value] * f.height, dtype=dtype))


@pytest.mark.parametrize(
    "change",
    [
        replaced("equal_weight_score", 0.0),
        replaced("investment_hypothesis", "AA rises, slightly (ä)."),
        replaced("reasoning_chain", ["one", "drei äöü", ""]),
        replaced("reasoning_chain", ["one", None, "drei äöü"]),
        replaced("key_insights", [""]),
        replaced(
            "agent_contributions", [{"key": "risk", "value": 0.0}, {"key": "market", "value": 0.01}]
        ),
        replaced("agent_contributions", [{"key": "market", "value": 0.01}]),
        replaced(
            "agent_contributions",
            [{"key": "risc", "value": None}, {"key": "market", "value": 0.01}],
        ),
        lambda f: f.head(1),
        lambda f: f.clear(),
        lambda f: f.with_columns(n_agents=pl.lit(3, dtype=pl.Int32)),
        lambda f: f.with_columns(target_date=pl.col("target_date").dt.offset_by("1d")),
        lambda f: f.with_columns(risk_factors="key_insights", key_insights="risk_factors"),
    ],
)
def test_a_change_anywhere_in_nested_content_changes_the_hash(rows, change):
    frame = rows.synthesized([date(2021, 1, 4)])
    assert content_hash(change(frame), SYNTHESIZED) != content_hash(frame, SYNTHESIZED)


def test_the_order_of_a_maps_entries_is_not_content_but_that_of_a_list_is(rows):
    frame = rows.synthesized([date(2021, 1, 4)])
    turned = frame.with_columns(pl.col("agent_contributions").list.reverse())
    assert content_hash(turned, SYNTHESIZED) == content_hash(frame, SYNTHESIZED)
    chain = frame.with_columns(pl.col("reasoning_chain").list.reverse())
    assert content_hash(chain, SYNTHESIZED) != content_hash(frame, SYNTHESIZED)


def test_the_documented_definition_gives_the_same_hash_from_plain_python_values(rows):
    for name, frame in {
        SYNTHESIZED: rows.synthesized([date(2021, 4, 1), date(2021, 1, 5), date(2021, 1, 4)]),
        "agents.predictions": rows.predictions([date(2021, 1, 4)], "risk"),
        "meta.supervisor_models": rows.weights([date(2021, 1, 1)]),
        ESG: rows.esg([date(2021, 1, 4)], None),
    }.items():
        assert content_hash(frame, name) == by_definition(frame, TABLES[name])


def by_definition(frame, table):
    blocks = {}
    for row in frame.sort(table.key).to_dicts():
        day = row[table.partition]
        start = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
        blocks.setdefault(start.isoformat(), []).append(row)
    lines = [f"{at} {len(blocks[at])} {block_of(blocks[at], table)}\n" for at in sorted(blocks)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def block_of(ordered, table):
    text = f"rows={len(ordered)}\n".encode()
    for name, column in table.contract.columns().items():
        is_map = (column.metadata or {}).get("delta") == "map"
        values = [row[name] for row in ordered]
        text += f"{name}:{type_of(column.dtype, is_map=is_map)}\n".encode()
        text += column_of(values, column.dtype, is_map=is_map)
    return hashlib.sha256(text).hexdigest()


def type_of(dtype, *, is_map=False):
    if is_map:
        return "map<string,double>"
    if isinstance(dtype, pl.List):
        return f"array<{type_of(dtype.inner)}>"
    if isinstance(dtype, pl.Struct):
        return "struct<" + ",".join(f"{f.name}:{type_of(f.dtype)}" for f in dtype.fields) + ">"
    return {pl.String: "string", pl.Float64: "double", pl.Int32: "integer", pl.Date: "date"}[
        type(dtype)
    ]


def column_of(values, dtype, *, is_map=False):
    text = b"".join(struct.pack("<B", value is not None) for value in values)
    if isinstance(dtype, pl.List):
        lists = [sorted(v, key=lambda e: e["key"]) if is_map else v or [] for v in values]
        text += b"".join(struct.pack("<I", len(v)) for v in lists)
        return text + column_of([e for v in lists for e in v], dtype.inner)
    if isinstance(dtype, pl.Struct):
        return text + b"".join(
            column_of([v and v[f.name] for v in values], f.dtype) for f in dtype.fields
        )
    if dtype == pl.String:
        encoded = [(v or "").encode() for v in values]
        return text + b"".join(struct.pack("<I", len(v)) for v in encoded) + b"".join(encoded)
    if dtype == pl.Float64:
        return text + b"".join(struct.pack("<d", 0.0 if v is None else v) for v in values)
    if dtype == pl.Date:
        return text + b"".join(
            struct.pack("<i", (v - date(1970, 1, 1)).days if v else 0) for v in values
        )
    return text + b"".join(struct.pack("<i", v or 0) for v in values)


def test_maps_that_are_in_order_are_not_copied(rows):
    values = canonical_map(rows.synthesized([date(2021, 1, 4)])["agent_contributions"])
    assert canonical_map(values) is values
