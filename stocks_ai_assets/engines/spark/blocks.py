"""Cutting a transform's work into blocks that fit one worker, and giving each block its inputs.

A block is a bucket of symbols, a run of sessions, or all quarters at once. Its inputs are the
rows that the transform would read for it alone (`domain.ranges`), so no bit of it differs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from math import ceil
from typing import TYPE_CHECKING, Any

from stocks_ai_assets.domain.ranges import input_range
from stocks_ai_assets.domain.transform import Input, Transform, Window
from stocks_ai_assets.engines.inputs import wanted_columns
from stocks_ai_assets.tables import TABLES

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

BLOCK_ROWS = 400_000
"""Input rows of a block: some hundred MB in a worker with everything that is made from them."""

BLOCK = "_block"
SYMBOL = "symbol"


def cut(transform: Transform, window: Window, rows: int) -> tuple[Window, ...]:
    """Return the partitions of each block; blocks by symbol all have the whole window.

    Parameters
    ----------
    transform
        Declares the key by which its work may be split.
    window
        Partitions to produce.
    rows
        Rows of all inputs, roughly.
    """
    n = max(1, ceil(rows / BLOCK_ROWS))
    if transform.by == "symbol":
        return (window,) * n
    if transform.by == "quarter":
        # Every quarter reads all that was before it: cutting would read it many times.
        return (window,)
    size = ceil(len(window.partitions) / n)
    starts = range(0, len(window.partitions), size)
    return tuple(replace(window, partitions=window.partitions[i : i + size]) for i in starts)


def read_columns(declared: Input) -> tuple[str, ...]:
    """Columns to read: those judged or seen, those that sort, and the partition that places."""
    table = TABLES[declared.table]
    partition = (table.partition,) if table.partition else ()
    return tuple(dict.fromkeys((*wanted_columns(declared), *table.key, *partition)))


def assigned(
    session: "SparkSession",
    transform: Transform,
    blocks: Sequence[Window],
    inputs: Mapping[str, "DataFrame"],
) -> "DataFrame":
    """Return the rows of all inputs with the block that needs them.

    Parameters
    ----------
    session
        Spark.
    transform
        Declares the inputs.
    blocks
        Partitions of each block.
    inputs
        Rows of each input, with `read_columns`.

    Returns
    -------
    DataFrame
        `_block` and one struct column an input; a row holds one input, the others are null. A row
        that several blocks need is there as often.
        Every block has a row, also one without inputs.
    """
    from pyspark.sql import functions as f

    nothing = {name: f.lit(None).cast(_struct(transform, name)).alias(name) for name in inputs}
    seeds = session.range(len(blocks)).select(f.col("id").cast("int").alias(BLOCK))
    whole = seeds.select(f.col(BLOCK), *nothing.values())
    for name, rows in inputs.items():
        placed = _placed(session, transform, name, blocks, rows)
        columns = [f.col(column) for column in read_columns(transform.inputs[name])]
        structs = {**nothing, name: f.struct(*columns).alias(name)}
        whole = whole.unionByName(placed.select(f.col(BLOCK), *structs.values()))
    return whole


def _placed(
    session: "SparkSession",
    transform: Transform,
    name: str,
    blocks: Sequence[Window],
    rows: "DataFrame",
) -> "DataFrame":
    from pyspark.sql import functions as f

    n = len(blocks)
    if n == 1:
        return rows.withColumn(BLOCK, f.lit(0))
    if transform.by == "symbol":
        if SYMBOL in read_columns(transform.inputs[name]):
            bucket = f.pmod(f.xxhash64(f.col(SYMBOL)), f.lit(n)).cast("int")
            return rows.withColumn(BLOCK, bucket)
        return rows.withColumn(BLOCK, f.explode(f.sequence(f.lit(0), f.lit(n - 1))))
    table = TABLES[transform.inputs[name].table]
    if not table.partition:
        return rows.withColumn(BLOCK, f.explode(f.sequence(f.lit(0), f.lit(n - 1))))
    bounds = session.createDataFrame(
        _bounds(transform, name, blocks), f"{BLOCK} int, _from date, _to date"
    )
    day = f.col(table.partition)
    needed = (f.col("_from").isNull() | (day >= f.col("_from"))) & (day <= f.col("_to"))
    return rows.join(f.broadcast(bounds), needed).drop("_from", "_to")


def _bounds(
    transform: Transform, name: str, windows: Sequence[Window]
) -> list[tuple[int, date | None, date]]:
    found = ((i, input_range(transform, name, window)) for i, window in enumerate(windows))
    return [(i, each.first, each.last) for i, each in found if each is not None]


def _struct(transform: Transform, name: str) -> Any:
    from stocks_ai_assets.engines.spark.arrow import spark_schema

    declared = transform.inputs[name]
    return spark_schema(declared.table, read_columns(declared))
