"""Values of a result as text, the way JSON_ARRAY carries them."""

import base64
import json
import math
from datetime import date, datetime


def rows_of(table, columns: list) -> list[list]:
    """Rows of an Arrow table as text or None; `columns` are the types in Spark's JSON."""
    pairs = zip(table.columns, columns, strict=True)
    made = [[shown(one, spark) for one in column.to_pylist()] for column, spark in pairs]
    return [list(row) for row in zip(*made, strict=True)]


def shown(value, spark) -> str | None:
    """Text of a value."""
    if value is None:
        return None
    if isinstance(spark, dict):
        return json.dumps(_nested(value, spark), ensure_ascii=False, separators=(",", ":"))
    for kind, text in _TEXTS.items():
        if isinstance(value, kind):
            return text(value, spark)
    return str(value)


def _moment(value, spark):
    text = value.replace(tzinfo=None).isoformat(timespec="milliseconds")
    return text + ("Z" if spark == "timestamp" else "")


def _nested(value, spark):
    if value is None or not isinstance(spark, dict):
        return shown(value, spark)
    if spark["type"] == "array":
        return [_nested(one, spark["elementType"]) for one in value]
    if spark["type"] == "map":
        pairs = value.items() if isinstance(value, dict) else value
        return {shown(k, spark["keyType"]): _nested(v, spark["valueType"]) for k, v in pairs}
    return {f["name"]: _nested(value.get(f["name"]), f["type"]) for f in spark["fields"]}


def _double(value, _spark):
    """Text of a double, as Java writes it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        text = repr(value)
        return text if "e" not in text else f"{value:f}"
    digits, _, power = f"{value:e}".partition("e")
    shortest = repr(value).lower().partition("e")
    digits = shortest[0] if shortest[1] else _mantissa(repr(value))
    return f"{digits if '.' in digits else digits + '.0'}E{int(power)}"


def _mantissa(text):
    sign = "-" if text.startswith("-") else ""
    whole, _, part = text.lstrip("-").partition(".")
    figures = (whole + part).lstrip("0").rstrip("0")
    return f"{sign}{figures[0]}.{figures[1:] or '0'}"


_TEXTS = {
    bool: lambda value, _spark: "true" if value else "false",
    float: _double,
    datetime: _moment,
    date: lambda value, _spark: value.isoformat(),
    bytes: lambda value, _spark: base64.b64encode(value).decode(),
}
"""Python type -> its text; a datetime is a date too, so it comes first."""
