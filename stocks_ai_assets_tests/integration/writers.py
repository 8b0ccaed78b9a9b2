"""What processes do that write to, or read from, shared tables at the same time."""

import os
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.lake import Lake, Stamps
from stocks_ai_assets.tables import TABLES

PREDICTIONS, SYNTHESIZED = "agents.predictions", "meta.synthesized_predictions"
AGENTS = ("fundamentals", "valuation", "technical", "macro", "events", "sector", "risk", "esg")
SESSIONS = nyse().between(date(2020, 12, 14), date(2021, 3, 31))
LONG = nyse().between(date(2020, 7, 1), date(2021, 3, 31))
SYMBOLS = ("AA", "BB", "CC")
START = datetime(2024, 1, 1, tzinfo=UTC)

WIDTH = 4
"""Sessions that each owner writes."""

OWNERS = {
    PREDICTIONS: dict.fromkeys(AGENTS, SESSIONS[10 : 10 + WIDTH]),
    SYNTHESIZED: {f"range-{i}": SESSIONS[WIDTH * i : WIDTH * (i + 1)] for i in range(len(AGENTS))},
}
"""Slices of one table, sessions of the other; the sessions lie in two years."""


def predictions(days, agent, value, symbols=SYMBOLS):
    """Rows of one agent whose scores all tell which write they are of."""
    rows = _rows(days, f"{agent}:", value, "agents.predictions", symbols)
    return rows.with_columns(agent=pl.lit(agent))


def synthesized(days, value, symbols=SYMBOLS):
    return _rows(days, "supervisor:", value, "meta.synthesized_predictions", symbols)


def _rows(days, prefix, value, table, symbols):
    """Content with the keys of `days`; everything that is not told apart is a constant."""
    keys = pl.DataFrame({"symbol": symbols}).join(
        pl.DataFrame({"prediction_date": days}, schema={"prediction_date": pl.Date}), how="cross"
    )
    constants = {
        "agent": "",
        "horizon": 21,
        "equal_weight_score": 0.0,
        "predicted_alpha": 0.01,
        "predicted_return": 0.02,
        "volatility": 0.015,
        "confidence_score": 0.55,
        "return_low": -0.1,
        "return_high": 0.1,
        "disagreement": 0.2,
        "n_agents": 3,
        "investment_hypothesis": "none",
        "model_version": "m1",
    }
    key, day = pl.col("symbol"), pl.col("prediction_date")
    rows = keys.with_columns(
        prediction_id=pl.concat_str(pl.lit(prefix), key, pl.lit(":"), day.cast(pl.String)),
        target_date=day + timedelta(days=30),
        score=pl.lit(value / 1000),
        **{name: pl.lit(constant) for name, constant in constants.items()},
    )
    schema = TABLES[table].schema
    missing = {n: pl.lit(None, dtype=t) for n, t in schema.items() if n not in rows.columns}
    empty = {n: pl.lit([], dtype=t) for n, t in schema.items() if isinstance(t, pl.List)}
    return rows.with_columns(**missing | empty).select(schema.names()).cast(pl.Schema(schema))


def opened(root, environment):
    """A lake as another process opens it: a path is a folder, a text a URL."""
    os.environ.update(environment)  # noqa: TID251  # what the store needs, in a process of its own
    return Lake(root)


def put(lake, table, days, owner, value, symbols=SYMBOLS):
    """Write all rows of one owner: an agent has its slice, others have their sessions."""
    rows, target = what_to_put(table, days, owner, value, symbols)
    return lake.write(table, rows, **target)


def what_to_put(table, days, owner, value, symbols=SYMBOLS):
    """Rows of one owner, and where and by whom they are written."""
    is_sliced = table == PREDICTIONS
    rows = (
        predictions(days, owner, value, symbols) if is_sliced else synthesized(days, value, symbols)
    )
    stamps = Stamps(
        run_id=f"{owner}-{value}",
        code_version=str(value),
        input_versions={},
        created=START + timedelta(seconds=value),
    )
    slice_ = owner if is_sliced else None
    return rows, {"first": days[0], "last": days[-1], "slice": slice_, "stamps": stamps}


def write_in_turn(root, environment, table, days, owner, values):
    """Write the owner's rows once for each value, as one process of many does."""
    lake = opened(root, environment)
    return [put(lake, table, days, owner, value).version for value in values]


def write_what_is_missing(root, environment, table, days, owner, value):
    """Write the days that are not covered by this code, two at a time: what a run again does."""
    put_what_is_missing(opened(root, environment), table, days, owner, value, put)


def put_what_is_missing(lake, table, days, owner, value, put):
    """`write_what_is_missing`, with `put` to write."""
    for pair in (days[i : i + 2] for i in range(0, len(days), 2)):
        done = [
            s
            for s in lake.coverage(table, owner if table == PREDICTIONS else None)
            if s.code_version == str(value) and s.first <= pair[0] and s.last >= pair[-1]
        ]
        if not done:
            put(lake, table, pair, owner, value)


def watch(root, environment, owners, stop: Path):
    """Read until told to stop; return what was seen that no commit held, and how often read."""
    lake, torn, reads = opened(root, environment), [], 0
    while not stop.exists():
        for table in (PREDICTIONS, SYNTHESIZED):
            version = lake.version(table)
            if version is None:
                time.sleep(0.05)
                continue
            torn += [
                f"{table} {version}: {fault}" for fault in faults(lake, table, version, owners)
            ]
            reads += 1
    return torn, reads


def faults(lake, table, version, owners):
    """Owners whose rows at a version are not those of exactly one write."""
    rows = lake.read(table, columns=("symbol", "prediction_date", "score"), version=version)
    if table == PREDICTIONS:
        rows = lake.read(
            table, columns=("symbol", "prediction_date", "score", "agent"), version=version
        )
    for owner, days in owners[table].items():
        mine = rows.filter(pl.col("prediction_date").is_between(days[0], days[-1]))
        if table == PREDICTIONS:
            mine = mine.filter(agent=owner)
        whole = mine.height == len(days) * len(SYMBOLS) and mine["score"].n_unique() == 1
        if mine.height and not whole:
            yield f"{owner}: {mine.height} rows, scores {sorted(mine['score'].unique())}"


def wrongly_covered(lake, table, owners):
    """Owners with partitions that are covered by code that did not compute what is stored."""
    for owner, days in owners.items():
        slices = owner if table == PREDICTIONS else None
        for segment in lake.coverage(table, slices):
            first, last = max(segment.first, days[0]), min(segment.last, days[-1])
            if first > last:
                continue
            rows = lake.read(table, first, last, slices=[slices] if slices else None)
            if segment not in lake.coverage(table, slices):
                continue  # another writer came between the two looks
            expected = len([d for d in days if first <= d <= last]) * len(SYMBOLS)
            scores = rows["score"].unique().to_list()
            if rows.height != expected or scores != [int(segment.code_version) / 1000]:
                yield f"{owner} {first}..{last} by {segment.code_version}: {rows.height} {scores}"
