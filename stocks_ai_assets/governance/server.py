"""One server of Unity Catalog: requests, pages, statements. What they mean is not known here."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from stocks_ai_assets.errors import GovernanceError, WorkspaceDeniedError, WorkspaceMissingError
from stocks_ai_assets.governance.calls import BASE, Call, Dialect
from stocks_ai_assets.workspace_client import without_secrets, workspace_failures

PAUSES = (0.3, 1.0, 3.0)
"""Seconds between tries after a 500. The SDK itself waits out 429, 503 and lost connections."""

STATEMENT_SECONDS = 600
"""After this a statement is cancelled; a warehouse starts in less."""

AT_ONCE = 8
"""Requests at a time; the SDK keeps 20 connections."""

RUNS = frozenset({"RUNNING", "STARTING"})


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server, asked through the SDK's client.

    Parameters
    ----------
    client
        The SDK's client.
    dialect
        Which server answers.
    chosen_warehouse
        SQL warehouse of the settings; None: the first that runs, else the first there is.
    """

    client: Any
    dialect: Dialect
    chosen_warehouse: str | None = None

    def get(self, path: str, **query: str) -> dict[str, Any] | None:
        """Return the answer of a GET; None where there is nothing (404)."""
        from databricks.sdk.errors import NotFound

        try:
            return self._ask("GET", path, query=query)
        except NotFound:
            return None

    def get_visible(self, path: str, **query: str) -> dict[str, Any] | None:
        """Return the answer of a GET; None also where the identity may not look (403)."""
        from databricks.sdk.errors import PermissionDenied

        try:
            return self.get(path, **query)
        except PermissionDenied:
            return None

    def pages(self, path: str, key: str, **query: str) -> Iterator[dict[str, Any]]:
        """Yield the items of a list, page after page; nothing where its parent is missing."""
        token = ""
        while True:
            more = {"page_token": token} if token else {}
            answer = self.get(path, **query, **more)
            if answer is None:
                return
            yield from answer.get(key) or ()
            token = answer.get("next_page_token") or ""
            if not token:
                return

    def carry_out(self, call: Call) -> None:
        """Make a request that changes something."""
        self._ask(call.method, call.path, query=call.query, body=call.body)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Ask, and ask again a few times after a 500.

        A creation that was answered 500 may have been done: then "already exists" is success.
        """
        from databricks.sdk.errors import DatabricksError, InternalError
        from requests import JSONDecodeError

        for tried, pause in enumerate((*PAUSES, None)):
            try:
                return cast(
                    "dict[str, Any]",
                    self.client.api_client.do(
                        method,
                        path,
                        query=dict(query) if query else None,
                        body=dict(body) if body else None,
                        headers={"Accept": "application/json"},
                    ),
                )
            except InternalError:
                if pause is None:
                    raise
                time.sleep(pause)
            except DatabricksError as error:
                if tried and method == "POST" and _exists(error):
                    return {}
                raise
            except JSONDecodeError:
                if method == "GET":
                    raise
                return {}  # done; the open-source server says so in plain text
        return {}

    @cached_property
    def warehouse(self) -> str:
        """Identifier of the SQL warehouse that runs statements."""
        chosen = self.chosen_warehouse or self.client.config.warehouse_id
        if chosen:
            return str(chosen)
        answer = self._ask("GET", "/api/2.0/sql/warehouses")
        found = sorted(answer.get("warehouses") or (), key=lambda one: one["state"] not in RUNS)
        if not found:
            raise WorkspaceMissingError(
                "The workspace has no SQL warehouse, which tags, views, masks and comments need. "
                "Create one, or set STOCKS_AI_DATABRICKS__WAREHOUSE_ID."
            )
        return str(found[0]["id"])

    def query(self, statement: str) -> list[dict[str, str | None]]:
        """Run a statement to its end and return its rows, all values as text.

        Raises
        ------
        WorkspaceDeniedError
            The statement needs a right that the identity lacks.
        GovernanceError
            The statement failed.
        """
        body = {
            "warehouse_id": self.warehouse,
            "statement": statement,
            "wait_timeout": "30s",
            "on_wait_timeout": "CONTINUE",
            "disposition": "INLINE",
            "format": "JSON_ARRAY",
        }
        answer = self._ask("POST", "/api/2.0/sql/statements", body=body)
        path = f"/api/2.0/sql/statements/{answer['statement_id']}"
        deadline = time.monotonic() + STATEMENT_SECONDS
        while answer["status"]["state"] in {"PENDING", "RUNNING"}:
            if time.monotonic() > deadline:
                self._ask("POST", f"{path}/cancel")
                raise GovernanceError(
                    f"The SQL warehouse {self.warehouse} did not finish within "
                    f"{STATEMENT_SECONDS} s: {_first_line(statement)}. Look at its state, then run "
                    "the same command again."
                )
            time.sleep(1.0)
            answer = self._ask("GET", path)
        if answer["status"]["state"] != "SUCCEEDED":
            raise _failed(statement, answer["status"])
        return list(self._rows(path, answer))

    def _rows(self, path: str, answer: dict[str, Any]) -> Iterator[dict[str, str | None]]:
        schema = (answer.get("manifest") or {}).get("schema") or {}
        names = [column["name"] for column in schema.get("columns") or ()]
        chunk = answer.get("result") or {}
        while True:
            for row in chunk.get("data_array") or ():
                yield dict(zip(names, row, strict=True))
            following = chunk.get("next_chunk_index")
            if following is None:
                return
            chunk = self._ask("GET", f"{path}/result/chunks/{following}")


def open_server(
    client: Any, *, dialect: Dialect | None = None, warehouse: str | None = None
) -> Server:
    """Return the server behind a client; the dialect is found out unless it is given.

    Raises
    ------
    WorkspaceError
        Unreachable, or the login is refused.
    """
    server = Server(client=client, dialect=dialect or "databricks", chosen_warehouse=warehouse)
    with workspace_failures(f"Asking {client.config.host} for its metastore"):
        answer = server.get(f"{BASE}/metastore_summary")
    if answer is None:
        raise WorkspaceMissingError(
            f"{client.config.host} has no metastore of Unity Catalog. Correct DATABRICKS_HOST, or "
            "have the workspace assigned to a metastore."
        )
    if dialect is None and "global_metastore_id" not in answer:
        return Server(client=client, dialect="oss", chosen_warehouse=warehouse)
    return server


def _exists(error: Any) -> bool:
    """Whether an error says that the thing is there; the open-source server answers 400."""
    from databricks.sdk.errors import ResourceConflict

    return isinstance(error, ResourceConflict) or "ALREADY_EXISTS" in str(error.error_code)


def _failed(statement: str, status: dict[str, Any]) -> Exception:
    found = status.get("error") or {}
    message = without_secrets(str(found.get("message") or status["state"])).rstrip(".")
    shown = f"{_first_line(statement)}: {message}."
    if "PERMISSION" in message or "PERMISSION" in str(found.get("error_code")):
        return WorkspaceDeniedError(f"{shown} Ask its owner or an administrator for the right.")
    return GovernanceError(f"{shown} Correct what it says, then run the same command again.")


def _first_line(statement: str) -> str:
    line = statement.split("\n", 1)[0]
    return line if len(line) <= 120 else f"{line[:117]}..."
