"""The SQL statement execution API: statements run in threads, results come in chunks as text."""

import re
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from stocks_ai_assets_tests.workspace.calls import route
from stocks_ai_assets_tests.workspace.errors import Refused, denied, invalid, missing
from stocks_ai_assets_tests.workspace.unity import types, warehouses
from stocks_ai_assets_tests.workspace.unity.calls import not_found
from stocks_ai_assets_tests.workspace.unity.catalog import unity_of
from stocks_ai_assets_tests.workspace.unity.sql.grammar import Failed
from stocks_ai_assets_tests.workspace.unity.sql.session import Result, Session, failure
from stocks_ai_assets_tests.workspace.unity.sql.statement import run

PATH = "/api/2.0/sql/statements"
CHUNK = 5_000
"""Rows of one chunk."""
LARGEST = 25 * 1024 * 1024
"""Bytes that an inline result may have."""
OVER = ("SUCCEEDED", "FAILED", "CANCELED")


@dataclass(kw_only=True)
class Statement:
    """A statement on its way; `result` once it succeeded, `error` once it failed."""

    owner: str
    key: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: str = "PENDING"
    result: Result | None = None
    error: str | None = None
    truncated: bool = False
    over: threading.Event = field(default_factory=threading.Event)

    def end(self, state: str, *, result=None, error=None) -> None:
        """Move to a last state, the first one that is reached."""
        if self.state not in OVER:
            self.result, self.error, self.state = result, error, state
            self.over.set()

    def shown(self) -> dict:
        """Answer of the API: status, and the first chunk of a result."""
        status = {"state": self.state}
        if self.error:
            status["error"] = {"error_code": "BAD_REQUEST", "message": self.error}
        answer = {"statement_id": self.key, "status": status}
        if self.result is not None:
            answer |= {"manifest": self.manifest(), "result": self.chunk(0)}
        return answer

    def manifest(self) -> dict:
        """Columns and chunks of the result."""
        rows, columns = self.result.rows, self.result.columns
        starts = range(0, len(rows), CHUNK)
        schema = {"column_count": len(columns)}
        if columns:
            schema["columns"] = [
                {
                    "name": name,
                    "position": position,
                    "type_name": types.type_name(spark),
                    "type_text": types.text(spark, loud=True),
                }
                for position, (name, spark) in enumerate(columns)
            ]
        chunks = [
            {"chunk_index": i, "row_offset": s, "row_count": min(CHUNK, len(rows) - s)}
            for i, s in enumerate(starts)
        ]
        manifest = {
            "format": "JSON_ARRAY",
            "schema": schema,
            "total_chunk_count": len(chunks),
            "total_row_count": len(rows),
            "truncated": self.truncated,
        }
        return manifest | ({"chunks": chunks} if chunks else {})

    def chunk(self, index: int) -> dict:
        """One chunk of the result; `{}` if there are no rows."""
        start = index * CHUNK
        rows = self.result.rows[start : start + CHUNK]
        if not rows:
            if index:
                raise invalid(f"The chunk index {index} is out of range")
            return {}
        made = {
            "chunk_index": index,
            "row_offset": start,
            "row_count": len(rows),
            "data_array": rows,
        }
        if start + CHUNK < len(self.result.rows):
            link = f"{PATH}/{self.key}/result/chunks/{index + 1}?row_offset={start + CHUNK}"
            made |= {"next_chunk_index": index + 1, "next_chunk_internal_link": link}
        return made


class Statements:
    """The statements of a workspace and their handlers."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.unity = unity_of(workspace)
        self.statements = {}
        self.threads = ThreadPoolExecutor(4, thread_name_prefix="statement")

    def execute(self, call):
        body = call.body
        sql = str(call.need("statement"))
        with self.workspace.lock:
            warehouse = warehouses.get(self.workspace, call.need("warehouse_id"))
        seconds = _seconds(body.get("wait_timeout", "10s"))
        if body.get("disposition", "INLINE") != "INLINE":
            raise invalid("this test self.workspace answers INLINE results only")
        if body.get("format", "JSON_ARRAY") != "JSON_ARRAY":
            raise invalid("The INLINE disposition only supports the JSON_ARRAY format")
        session = Session(
            unity=self.unity,
            principal=call.principal,
            catalog=body.get("catalog"),
            schema=body.get("schema"),
            parameters={one["name"]: one for one in body.get("parameters") or []},
        )
        statement = Statement(owner=call.principal.name)
        self.statements[statement.key] = statement
        self.threads.submit(self.work, statement, session, sql, warehouse, body.get("row_limit"))
        if not seconds:
            return {"statement_id": statement.key, "status": {"state": "PENDING"}}
        in_time = statement.over.wait(seconds)
        if not in_time and body.get("on_wait_timeout", "CONTINUE") == "CANCEL":
            statement.end("CANCELED")
        return statement.shown()

    def work(self, statement, session, sql, warehouse, row_limit):
        if warehouse["state"] != "RUNNING":
            statement.over.wait(self.workspace.misbehaviour.slow_start_seconds)
            warehouse["state"] = "RUNNING"
        if statement.state in OVER:
            return
        statement.state = "RUNNING"
        try:
            found = run(session, sql)
        except (Failed, Refused) as refused:
            statement.end("FAILED", error=failure(refused))
        except Exception as error:  # noqa: BLE001  # a bug of ours must not leave it running
            statement.end("FAILED", error=f"[INTERNAL_ERROR] {type(error).__name__}: {error}")
        else:
            self.deliver(statement, found, row_limit)
        self.workspace.changed()

    def deliver(self, statement, found, row_limit):
        """End a statement that ran by its result, if that is not too large."""
        if row_limit is not None and len(found.rows) > row_limit:
            statement.truncated = True
            found = Result(columns=found.columns, rows=found.rows[:row_limit])
        if sum(len(one or "") for row in found.rows for one in row) > LARGEST:
            message = "Inline byte limit exceeded. Statements executed with disposition=INLINE"
            statement.end("FAILED", error=f"{message} can have a result of at most 25 MiB.")
        statement.end("SUCCEEDED", result=found)

    def held(self, call):
        found = self.statements.get(call.path["key"])
        if found is None:
            raise missing(f"The statement {call.path['key']} was not found.")
        if found.owner != call.principal.name and not call.principal.admin:
            raise denied("User does not own this statement.")
        return found

    def get(self, call):
        return self.held(call).shown()

    def cancel(self, call):
        self.held(call).end("CANCELED")
        return {}

    def chunk(self, call):
        found = self.held(call)
        if found.result is None:
            raise invalid(f"The statement {found.key} has no result: {found.state}")
        return found.chunk(int(call.path["index"]))


def routes(workspace):
    """Routes of statements; they hold no lock while a statement runs."""
    here = Statements(workspace)
    listed = [
        ("POST", PATH, here.execute),
        ("POST", f"{PATH}/", here.execute),
        ("GET", f"{PATH}/{{key}}", here.get),
        ("POST", f"{PATH}/{{key}}/cancel", here.cancel),
        ("GET", f"{PATH}/{{key}}/result/chunks/{{index}}", here.chunk),
    ]
    return [
        route(workspace, method, path, not_found if here.unity.oss else handler, locked=False)
        for method, path, handler in listed
    ]


def _seconds(text):
    found = re.fullmatch(r"(\d+)s", str(text))
    seconds = int(found[1]) if found else -1
    if seconds != 0 and not 5 <= seconds <= 50:
        raise invalid(f"wait_timeout must be 0s or between 5s and 50s, found {text}")
    return seconds
