"""Types of columns in their three spellings: Spark's JSON, SQL text, and the API's type name.

A column of the API carries all three: `type_json` is the JSON of a whole StructField.
"""

import json

from stocks_ai_assets_tests.workspace.errors import invalid

NAMES = {
    "byte": ("tinyint", "BYTE"),
    "short": ("smallint", "SHORT"),
    "integer": ("int", "INT"),
    "long": ("bigint", "LONG"),
    "float": ("float", "FLOAT"),
    "double": ("double", "DOUBLE"),
    "string": ("string", "STRING"),
    "boolean": ("boolean", "BOOLEAN"),
    "binary": ("binary", "BINARY"),
    "date": ("date", "DATE"),
    "timestamp": ("timestamp", "TIMESTAMP"),
    "timestamp_ntz": ("timestamp_ntz", "TIMESTAMP_NTZ"),
    "void": ("void", "NULL"),
}
"""Spark's JSON name -> SQL text and name in the API."""

_PARSED = {
    "TINYINT": "byte",
    "SMALLINT": "short",
    "INT": "integer",
    "BIGINT": "long",
    "FLOAT": "float",
    "DOUBLE": "double",
    "TEXT": "string",
    "VARCHAR": "string",
    "BOOLEAN": "boolean",
    "BINARY": "binary",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMPTZ": "timestamp",
    "TIMESTAMPLTZ": "timestamp",
    "TIMESTAMPNTZ": "timestamp_ntz",
    "NULL": "void",
}


def text(spark, *, loud: bool = False) -> str:
    """SQL text of a type in Spark's JSON; the types' words in capitals if `loud`."""
    if isinstance(spark, str):
        plain = NAMES[spark][0] if spark in NAMES else spark
        return plain.upper() if loud else plain
    if spark["type"] == "array":
        inner = text(spark["elementType"], loud=loud)
    elif spark["type"] == "map":
        inner = ",".join(text(spark[key], loud=loud) for key in ("keyType", "valueType"))
    else:
        fields = spark["fields"]
        inner = ",".join(f"{f['name']}:{text(f['type'], loud=loud)}" for f in fields)
    word = spark["type"].upper() if loud else spark["type"]
    return f"{word}<{inner}>"


def type_name(spark) -> str:
    """Name of a type in the API."""
    if not isinstance(spark, str):
        return spark["type"].upper()
    return NAMES[spark][1] if spark in NAMES else spark.partition("(")[0].upper()


def parse(sql: str):
    """Type in Spark's JSON from SQL text; an unknown type is refused."""
    import sqlglot
    from sqlglot import exp

    try:
        found = exp.DataType.build(sql, dialect="databricks")
    except sqlglot.errors.SqlglotError:
        found = None
    if found is None or found.this == exp.DataType.Type.USERDEFINED:
        raise invalid(f"[UNSUPPORTED_DATATYPE] Unsupported data type {sql!r}. SQLSTATE: 0A000")
    return _spark(found, sql)


def _spark(found, sql):
    name = found.this.value if hasattr(found.this, "value") else str(found.this)
    inner = found.expressions
    if name in ("ARRAY", "LIST"):
        return {"type": "array", "elementType": _spark(inner[0], sql), "containsNull": True}
    if name == "MAP":
        key, value = (_spark(one, sql) for one in inner)
        return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": True}
    if name == "STRUCT":
        fields = [struct_field(one.name, _spark(one.kind, sql)) for one in inner]
        return {"type": "struct", "fields": fields}
    if name == "DECIMAL":
        digits = [one.name for one in inner] or ["10", "0"]
        return f"decimal({','.join([*digits, '0'][:2])})"
    if name not in _PARSED:
        raise invalid(f"[UNSUPPORTED_DATATYPE] Unsupported data type {sql!r}. SQLSTATE: 0A000")
    return _PARSED[name]


def struct_field(name: str, spark, *, nullable: bool = True, metadata=None) -> dict:
    """StructField in Spark's JSON."""
    return {"name": name, "type": spark, "nullable": nullable, "metadata": metadata or {}}


def column(field: dict, position: int, partition_columns=()) -> dict:
    """Column of the API from a StructField; a `comment` in its metadata becomes the column's."""
    name, spark = field["name"], field["type"]
    made = {
        "name": name,
        "type_text": text(spark),
        "type_name": type_name(spark),
        "type_json": json.dumps(field),
        "position": position,
        "nullable": field.get("nullable", True),
    }
    if "comment" in field.get("metadata", {}):
        made["comment"] = field["metadata"]["comment"]
    if isinstance(spark, str) and spark.startswith("decimal"):
        precision, scale = spark[8:-1].split(",")
        made |= {"type_precision": int(precision), "type_scale": int(scale)}
    if name in partition_columns:
        made["partition_index"] = list(partition_columns).index(name)
    return made


def from_arrow(arrow):
    """Type in Spark's JSON of an Arrow type of a result."""
    import pyarrow as pa
    from pyarrow import types as of

    plain = {
        pa.int8(): "byte",
        pa.int16(): "short",
        pa.int32(): "integer",
        pa.int64(): "long",
        pa.uint8(): "short",
        pa.uint16(): "integer",
        pa.uint32(): "long",
        pa.uint64(): "long",
        pa.float32(): "float",
        pa.float64(): "double",
        pa.bool_(): "boolean",
        pa.date32(): "date",
        pa.null(): "void",
    }
    if arrow in plain:
        return plain[arrow]
    if of.is_map(arrow) or of.is_struct(arrow) or hasattr(arrow, "value_type"):
        return _nested(arrow)
    if of.is_timestamp(arrow):
        return "timestamp" if arrow.tz else "timestamp_ntz"
    if of.is_decimal(arrow):
        return f"decimal({arrow.precision},{arrow.scale})"
    binary = of.is_binary(arrow) or of.is_large_binary(arrow) or of.is_binary_view(arrow)
    return "binary" if binary else "string"


def _nested(arrow):
    from pyarrow import types as of

    if of.is_map(arrow):
        key, value = from_arrow(arrow.key_type), from_arrow(arrow.item_type)
        return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": True}
    if of.is_struct(arrow):
        fields = [struct_field(one.name, from_arrow(one.type)) for one in arrow]
        return {"type": "struct", "fields": fields}
    if of.is_dictionary(arrow):
        return from_arrow(arrow.value_type)
    return {"type": "array", "elementType": from_arrow(arrow.value_type), "containsNull": True}
