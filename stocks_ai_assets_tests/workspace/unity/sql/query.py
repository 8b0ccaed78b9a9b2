"""Queries over registered Delta tables and views, run by DataFusion on the tables' files.

Every table of a query is replaced by what its reader may see of it: masks and row filters are
inlined, a view becomes its own query, read with the view owner's rights.
"""

import json

from stocks_ai_assets_tests.workspace.unity import functions, types
from stocks_ai_assets_tests.workspace.unity.catalog import WORKSPACE_GROUPS
from stocks_ai_assets_tests.workspace.unity.sql import information_schema
from stocks_ai_assets_tests.workspace.unity.sql.delta import open_delta, travel
from stocks_ai_assets_tests.workspace.unity.sql.grammar import Failed
from stocks_ai_assets_tests.workspace.unity.sql.session import Result, Session
from stocks_ai_assets_tests.workspace.unity.sql.values import rows_of
from stocks_ai_assets_tests.workspace.unity.tables import secured


def parse(sql: str):
    """Parse a query; anything else, or more than one, fails."""
    import sqlglot
    from sqlglot import exp

    try:
        found = sqlglot.parse(sql, dialect="databricks")
    except sqlglot.errors.SqlglotError as error:
        where = error.errors[0] if getattr(error, "errors", None) else {}
        near = where.get("highlight") or str(error).splitlines()[0]
        message = f"Syntax error at or near '{near}'. SQLSTATE: 42601"
        raise Failed(f"[PARSE_SYNTAX_ERROR] {message}") from None
    if len(found) != 1 or not isinstance(found[0], exp.Query | exp.Values):
        raise Failed("[PARSE_SYNTAX_ERROR] One query was expected. SQLSTATE: 42601")
    return found[0]


def run(session: Session, sql: str) -> Result:
    """Run a query for the session's principal."""
    parsed = parse(sql)
    names = _output_names(parsed)
    read = _read(session, parsed)
    given = names if names and len(names) == read.num_columns else read.column_names
    columns = [
        (name, types.from_arrow(field.type)) for name, field in zip(given, read.schema, strict=True)
    ]
    return Result(columns=columns, rows=rows_of(read, [spark for _, spark in columns]))


def describe(session: Session, sql: str) -> list[tuple]:
    """Names and types (Spark's JSON) of a query's columns; refused like the query itself."""
    from sqlglot import exp

    parsed = parse(sql)
    names = _output_names(parsed)
    read = _read(session, exp.select("*").from_(parsed.subquery("q")).limit(0))
    given = names if names and len(names) == read.num_columns else read.column_names
    return [(n, types.from_arrow(f.type)) for n, f in zip(given, read.schema, strict=True)]


def _output_names(parsed):
    """Names of the columns as they were written; None if a star hides them."""
    if parsed.is_star or not hasattr(parsed, "selects"):
        return None
    return [one.alias_or_name or one.sql("databricks").lower() for one in parsed.selects]


def _read(session, parsed):
    import pyarrow as pa
    from deltalake import QueryBuilder

    with session.unity.workspace.lock:
        plan = _Plan(session)
        ready = plan.resolve(parsed, session.principal, session.catalog, session.schema)
    builder = QueryBuilder()
    for name, delta in plan.registered.items():
        builder.register(name, delta)
    try:
        found = builder.execute(ready.sql("postgres", identify=True))
        return pa.RecordBatchReader.from_stream(found).read_all()
    except Exception as error:  # noqa: BLE001  # DataFusion raises a bare Exception
        raise Failed(_told(str(error))) from None


def _told(text):
    """Message of DataFusion in the words of a warehouse where the cause is known."""
    if "No field named" in text:
        name = text.split("No field named ", 1)[1].splitlines()[0].split(". ")[0].strip('." ')
        message = f"A column, variable, or function parameter with name `{name}` cannot be resolved"
        return f"[UNRESOLVED_COLUMN.WITHOUT_SUGGESTION] {message}. SQLSTATE: 42703"
    if "Invalid function" in text:
        return f"[UNRESOLVED_ROUTINE] {text.splitlines()[0]}. SQLSTATE: 42883"
    return f"[QUERY_FAILED_HERE] {text.splitlines()[0]}"


class _Plan:
    """Replaces the names of a query by what they stand for; Delta tables are `registered`."""

    def __init__(self, session):
        self.session, self.unity = session, session.unity
        self.registered = {}

    def resolve(self, parsed, reader, catalog, schema):
        """Return the query with tables, views and functions replaced, read as `reader`."""
        from sqlglot import exp
        from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

        parsed = normalize_identifiers(parsed.copy(), dialect="databricks")
        names = Session(unity=self.unity, principal=reader, catalog=catalog, schema=schema)
        for table in [*parsed.find_all(exp.Table)]:
            if not self._of_cte(table):
                table.replace(self._relation(table, reader, names))
        parsed = parsed.transform(lambda node: self._scalar(node, reader, names))
        for column in parsed.find_all(exp.Column):
            column.set("db", None)
            column.set("catalog", None)
        return parsed

    def _of_cte(self, table):
        if table.args.get("db"):
            return False
        above = table.parent
        while above is not None:
            with_ = above.args.get("with_")
            if with_ and table.name in [one.alias for one in with_.expressions]:
                return True
            above = above.parent
        return False

    def _relation(self, table, reader, names):
        from sqlglot import exp

        if not isinstance(table.this, exp.Identifier):
            message = f"the table function {table.sql('databricks')} is not run here"
            raise Failed(f"[UNSUPPORTED_FEATURE] {message}. SQLSTATE: 0A000")
        parts = [part.name for part in table.parts]
        alias = table.alias or parts[-1]
        full = names.full(parts)
        catalog, schema, name = full.split(".")
        if schema == "information_schema":
            made = information_schema.relation(self.unity, reader, catalog, name)
            return made.subquery(alias)
        document = self.unity.find("table", full)
        if document is None:
            shown = ".".join(f"`{part}`" for part in full.split("."))
            message = f"The table or view {shown} cannot be found. Verify the spelling"
            raise Failed(f"[TABLE_OR_VIEW_NOT_FOUND] {message}. SQLSTATE: 42P01")
        self.unity.require(reader, "SELECT", document)
        version = table.args.get("version")
        if self.unity.is_view(document):
            made = self._view(document, version)
        else:
            made = self._table(document, version)
        return made.subquery(alias)

    def _view(self, document, version):
        from sqlglot import exp

        if version is not None:
            self._no_travel(document, "a view")
        owner, info = self._owner(document), document["info"]
        part = "view.catalogAndNamespace.part."
        where = (info["properties"][f"{part}0"], info["properties"][f"{part}1"])
        inner = self.resolve(parse(info["view_definition"]), owner, *where)
        columns = [exp.to_identifier(c["name"].lower(), quoted=True) for c in info["columns"]]
        alias = exp.TableAlias(this=exp.to_identifier("v", quoted=True), columns=columns)
        return exp.select("*").from_(exp.Subquery(this=inner, alias=alias))

    def _owner(self, document):
        found = self.unity.owner_of(document)
        if found is None:
            message = f"the owner of '{document['full_name']}' is gone"
            raise Failed(f"[INSUFFICIENT_PERMISSIONS] {message}. SQLSTATE: 42501")
        return found

    def _no_travel(self, document, because):
        shown = ".".join(f"`{part}`" for part in document["full_name"].split("."))
        message = f"Time travel on the relation: {shown}, {because}"
        raise Failed(
            "[UNSUPPORTED_FEATURE.TIME_TRAVEL] The feature is not supported: "
            f"{message}. SQLSTATE: 0A000"
        )

    def _table(self, document, version):
        from sqlglot import exp

        info = document["info"]
        if version is not None and secured(document):
            self._no_travel(document, "which has a row filter or column masks")
        delta = open_delta(self.unity, info["storage_location"], **travel(version))
        if delta is None:
            message = f"`{document['full_name']}` has no Delta table at {info['storage_location']}"
            raise Failed(f"[DELTA_MISSING_DELTA_TABLE] {message}. SQLSTATE: 42P01")
        name = f"__table_{len(self.registered)}"
        self.registered[name] = delta
        masks = {c["name"].lower(): c["mask"] for c in info["columns"] if "mask" in c}
        shown = []
        for field in json.loads(delta.schema().to_json())["fields"]:
            column = exp.column(exp.to_identifier(field["name"], quoted=True))
            mask = masks.get(field["name"].lower())
            if mask:
                using = [exp.column(one, quoted=True) for one in mask["using_column_names"]]
                column = self._called(mask["function_name"], [column, *using])
            shown.append(exp.alias_(column, field["name"].lower(), quoted=True))
        made = exp.select(*shown).from_(exp.to_table(name))
        if "row_filter" in info:
            given = [exp.column(n, quoted=True) for n in info["row_filter"]["input_column_names"]]
            made = made.where(self._called(info["row_filter"]["function_name"], given))
        return made

    def _called(self, full, arguments):
        """Return the body of a SQL function over its arguments, read as the function's owner."""
        from sqlglot import exp

        document = self.unity.find("function", full)
        if document is None:
            message = f"The routine `{full}` cannot be found"
            raise Failed(f"[ROUTINE_NOT_FOUND] {message}. SQLSTATE: 42883")
        wanted = functions.parameters(document)
        if len(wanted) != len(arguments):
            message = f"`{full}` takes {len(wanted)} arguments, found {len(arguments)}"
            raise Failed(f"[WRONG_NUM_ARGS.WITHOUT_SUGGESTION] {message}. SQLSTATE: 42605")
        given = {p["name"].lower(): a for p, a in zip(wanted, arguments, strict=True)}
        body = parse(f"SELECT {document['info']['routine_definition']}")
        owner = self._owner(document)
        catalog, schema, _ = document["full_name"].split(".")
        body = self.resolve(body, owner, catalog, schema)

        def put(node):
            if isinstance(node, exp.Column) and not node.table and node.name in given:
                return exp.paren(given[node.name].copy())
            return node

        found = body.selects[0].transform(put)
        returned = document["info"]["full_data_type"]
        return exp.cast(exp.paren(found), exp.DataType.build(returned, dialect="databricks"))

    def _scalar(self, node, reader, names):
        """Replace what depends on who asks, parameters, and SQL functions."""
        from sqlglot import exp

        caller = self.session.principal
        if isinstance(node, exp.CurrentUser | exp.SessionUser):
            return exp.Literal.string(caller.name)
        if isinstance(node, exp.Placeholder):
            return self._parameter(node)
        if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Anonymous):
            parts = [one.name for one in node.this.find_all(exp.Identifier)]
            if isinstance(node.this, exp.Dot):
                parts = [node.this.this.name, node.this.expression.name]
            full = names.full([*parts, node.expression.name])
            document = self.unity.find("function", full)
            if document:
                self.unity.require(reader, "EXECUTE", document)
            return self._called(full, node.expression.expressions)
        if isinstance(node, exp.Anonymous):
            name = node.name.lower()
            if name in ("is_account_group_member", "is_member"):
                local = WORKSPACE_GROUPS if name == "is_account_group_member" else ()
                groups = [exp.Literal.string(one) for one in sorted(caller.names - {*local})]
                return exp.In(this=node.expressions[0], expressions=groups)
            if name == "current_metastore":
                return exp.Literal.string(f"local:local:{self.unity.metastore['id']}")
        return node

    def _parameter(self, node):
        from sqlglot import exp

        given = self.session.parameters.get(node.name)
        if given is None:
            message = f"Found the unbound parameter: {node.name}"
            raise Failed(f"[UNBOUND_SQL_PARAMETER] {message}. SQLSTATE: 42P02")
        value, kind = given.get("value"), given.get("type") or "STRING"
        literal = exp.null() if value is None else exp.Literal.string(value)
        return exp.cast(literal, exp.DataType.build(kind, dialect="databricks"))


def users_of(unity, function: str) -> list[str]:
    """Tables that use a function as a mask or a row filter."""
    found = []
    for one in unity.every("table"):
        info = one["info"]
        used = [c["mask"]["function_name"] for c in info["columns"] if "mask" in c]
        used.append(info.get("row_filter", {}).get("function_name"))
        if function in used:
            found.append(one["full_name"])
    return found
