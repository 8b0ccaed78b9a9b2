"""`information_schema` of a catalog, and `system.information_schema` of all of them."""

from stocks_ai_assets_tests.workspace.unity.privileges import APPLICABLE
from stocks_ai_assets_tests.workspace.unity.sql.grammar import Failed

TEXT, NUMBER = "TEXT", "BIGINT"
PLACE = ("catalog_name", "schema_name", "table_name")


def _split(document):
    return [*document["full_name"].split("."), None, None][:3]


def _catalogs(one, _all):
    info = one["info"]
    return [(one["full_name"], info["owner"], info.get("comment"), info["created_by"])]


def _schemata(one, _all):
    info = one["info"]
    return [(*one["full_name"].split("."), info["owner"], info.get("comment"))]


def _tables(one, _all):
    info = one["info"]
    row = (info["owner"], info.get("comment"), info["data_source_format"])
    place = info.get("storage_location")
    return [(*_split(one), info["table_type"], *row, place, info["created_by"])]


def _views(one, _all):
    info = one["info"]
    if info["table_type"] != "VIEW":
        return []
    return [(*_split(one), info["view_definition"], "NO", "NO")]


def _columns(one, _all):
    return [
        (
            *_split(one),
            column["name"],
            column["position"],
            "YES" if column.get("nullable", True) else "NO",
            column["type_text"],
            column["type_name"],
            column.get("comment"),
            column.get("partition_index"),
        )
        for column in one["info"]["columns"]
    ]


def _privileges(one, above):
    rows = []
    for source in (one, *above):
        inherited = "NONE" if source is one else source["kind"].upper()
        for name, given in sorted(source["grants"].items()):
            rows += [
                (None, name, *[p for p in _split(one) if p], privilege, "NO", inherited)
                for privilege in given
                if privilege in APPLICABLE[one["kind"]]
            ]
    return rows


def _tags(one, _all):
    return [(*[p for p in _split(one) if p], *tag) for tag in sorted(one["tags"].items())]


def _column_tags(one, _all):
    return [
        (*_split(one), column, *tag)
        for column, tags in sorted(one["column_tags"].items())
        for tag in sorted(tags.items())
    ]


def _column_masks(one, _all):
    return [
        (
            *_split(one),
            c["name"],
            c["mask"]["function_name"],
            ",".join(c["mask"]["using_column_names"]),
        )
        for c in one["info"]["columns"]
        if "mask" in c
    ]


def _row_filters(one, _all):
    found = one["info"].get("row_filter")
    if not found:
        return []
    return [(*_split(one), found["function_name"], ",".join(found["input_column_names"]))]


def _volumes(one, _all):
    info = one["info"]
    row = (info["volume_type"], info["owner"], info.get("comment"), info["storage_location"])
    return [(*_split(one), *row)]


def _routines(one, _all):
    info = one["info"]
    row = (info["owner"], info["full_data_type"], info.get("routine_definition"))
    return [(*_split(one), *row, info.get("comment"))]


_GRANTED = ("privilege_type", "is_grantable", "inherited_from")
_TABLE = ("table_catalog", "table_schema", "table_name")
RELATIONS = {
    "catalogs": (
        "catalog",
        ("catalog_name", "catalog_owner", "comment", "created_by"),
        _catalogs,
    ),
    "schemata": (
        "schema",
        ("catalog_name", "schema_name", "schema_owner", "comment"),
        _schemata,
    ),
    "tables": (
        "table",
        (
            *_TABLE,
            "table_type",
            "table_owner",
            "comment",
            "data_source_format",
            "storage_path",
            "created_by",
        ),
        _tables,
    ),
    "views": ("table", (*_TABLE, "view_definition", "is_updatable", "is_insertable_into"), _views),
    "columns": (
        "table",
        (
            *_TABLE,
            "column_name",
            "ordinal_position",
            "is_nullable",
            "full_data_type",
            "data_type",
            "comment",
            "partition_index",
        ),
        _columns,
    ),
    "catalog_privileges": (
        "catalog",
        ("grantor", "grantee", "catalog_name", *_GRANTED),
        _privileges,
    ),
    "schema_privileges": (
        "schema",
        ("grantor", "grantee", "catalog_name", "schema_name", *_GRANTED),
        _privileges,
    ),
    "table_privileges": ("table", ("grantor", "grantee", *_TABLE, *_GRANTED), _privileges),
    "catalog_tags": ("catalog", ("catalog_name", "tag_name", "tag_value"), _tags),
    "schema_tags": ("schema", ("catalog_name", "schema_name", "tag_name", "tag_value"), _tags),
    "table_tags": ("table", (*PLACE, "tag_name", "tag_value"), _tags),
    "column_tags": ("table", (*PLACE, "column_name", "tag_name", "tag_value"), _column_tags),
    "column_masks": (
        "table",
        (*_TABLE, "column_name", "mask_name", "using_columns"),
        _column_masks,
    ),
    "row_filters": ("table", (*_TABLE, "filter_name", "target_columns"), _row_filters),
    "volumes": (
        "volume",
        (
            "volume_catalog",
            "volume_schema",
            "volume_name",
            "volume_type",
            "volume_owner",
            "comment",
            "storage_location",
        ),
        _volumes,
    ),
    "routines": (
        "function",
        (
            "routine_catalog",
            "routine_schema",
            "routine_name",
            "routine_owner",
            "full_data_type",
            "routine_definition",
            "comment",
        ),
        _routines,
    ),
}
"""Relation -> kind of securable, columns, rows of one securable."""

_NUMBERS = ("ordinal_position", "partition_index")


def relation(unity, reader, catalog: str, name: str):
    """Query over literal values of what the reader sees; rows of privileges only where managed."""
    from sqlglot import exp

    if name not in RELATIONS:
        shown = f"`{catalog}`.`information_schema`.`{name}`"
        message = f"The table or view {shown} cannot be found"
        raise Failed(f"[TABLE_OR_VIEW_NOT_FOUND] {message}. SQLSTATE: 42P01")
    kind, columns, rows_of = RELATIONS[name]
    if catalog != "system":
        unity.require(reader, "USE_CATALOG", ("catalog", catalog))
    above = "" if catalog == "system" else catalog
    found = unity.every(kind, above)
    if kind == "catalog" and above:
        found = [unity.get("catalog", above)]
    rows = []
    for one in found:
        if unity.sees(reader, one, browse=True):
            made = rows_of(one, unity.above(one))
            if rows_of is _privileges and not unity.manages(reader, one):
                made = [row for row in made if row[1] in unity.names(reader)]
            rows += made
    kinds = [NUMBER if column in _NUMBERS else TEXT for column in columns]
    values = [tuple(None if v is None else str(v) for v in row) for row in rows]
    inner = [f"c{i}" for i in range(len(columns))]
    source = exp.values(values or [tuple(None for _ in columns)], alias="x", columns=inner)
    shown = [
        exp.alias_(exp.cast(exp.column(c), exp.DataType.build(k)), column)
        for c, k, column in zip(inner, kinds, columns, strict=True)
    ]
    made = exp.select(*shown).from_(source)
    return made if values else made.where(exp.false())
