"""The service over HTTP: routes, bodies, parts of files, the audit line of every request."""

import json
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any

from stocks_ai_assets.errors import RefusedError
from stocks_ai_assets.sharing import wire
from stocks_ai_assets.sharing.audit import AuditLog, Entry
from stocks_ai_assets.sharing.directory import Found
from stocks_ai_assets.sharing.parameters import bad_request
from stocks_ai_assets.sharing.ranges import requested_part
from stocks_ai_assets.sharing.recipients import Token
from stocks_ai_assets.sharing.responses import FileAnswer, file_response, text_response
from stocks_ai_assets.sharing.service import SharingService
from stocks_ai_assets.sharing.versions import NOT_FOUND
from stocks_ai_assets.sharing.wire import Answer

PREFIX = "/delta-sharing"
BODY_BYTES = 1024 * 1024
"""Largest body of a query."""

_LOG = logging.getLogger(__name__)


@dataclass(kw_only=True, slots=True)
class Call:
    """One request, and what became known of it while it was answered.

    Parameters
    ----------
    request
        The `starlette.requests.Request`.
    body
        Its body.
    base
        URL of the protocol's root, as recipients reach it.
    now
        The moment.
    token, share, table
        Who asks for what, as far as it was found.
    """

    request: Any
    body: bytes
    base: str
    now: datetime
    token: Token | None = None
    share: str | None = None
    table: str | None = None

    @property
    def values(self) -> Mapping[str, str]:
        """Parameters of the URL."""
        values: Mapping[str, str] = self.request.query_params
        return values

    def name(self, part: str) -> str | None:
        """Return a part of the URL's path."""
        value: str | None = self.request.path_params.get(part)
        return value


class Handler:
    """Turns requests into calls of the service, and answers into responses.

    Parameters
    ----------
    service
        Answers recipients.
    audit
        Gets one line a request.
    public_url
        URL of the protocol's root as recipients reach it; None: as they called it.
    clock
        Returns the moment, UTC.
    """

    def __init__(
        self,
        service: SharingService,
        audit: AuditLog,
        public_url: str | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._service = service
        self._audit = audit
        self._public_url = public_url.rstrip("/") if public_url else None
        self._clock = clock

    def endpoint(self, action: str, operation: Callable[[Call], Answer | FileAnswer]) -> Any:
        """Return what the web framework calls for one operation."""
        from starlette.concurrency import run_in_threadpool

        async def answer(request: Any) -> Any:
            started = perf_counter()
            base = self._public_url or f"{str(request.base_url).rstrip('/')}{PREFIX}"
            call = Call(request=request, body=b"", base=base, now=self._clock())
            try:
                call.body = await _body(request)
            except RefusedError as error:
                return self._finished(call, action, _refused(error), started)
            return await run_in_threadpool(self._run, call, action, operation, started)

        return answer

    def list_shares(self, call: Call) -> Answer:
        """List the caller's shares."""
        return self._service.directory.list_shares(self._token(call), call.values)

    def get_share(self, call: Call) -> Answer:
        """Describe a share."""
        return self._service.directory.get_share(self._token(call), self._share(call))

    def list_schemas(self, call: Call) -> Answer:
        """List the schemas of a share."""
        return self._service.directory.list_schemas(
            self._token(call), self._share(call), call.values
        )

    def list_tables(self, call: Call) -> Answer:
        """List the tables of a schema or of a share."""
        token, share = self._token(call), self._share(call)
        return self._service.directory.list_tables(token, share, call.name("schema"), call.values)

    def version(self, call: Call) -> Answer:
        """Tell a table's version."""
        return self._service.version(self._table(call), call.values)

    def metadata(self, call: Call) -> Answer:
        """Describe a table."""
        return self._service.metadata(self._table(call), _format(call))

    def query(self, call: Call) -> Answer:
        """Give the files of a table."""
        found = self._table(call)
        return self._service.query(found, _json_object(call.body), _format(call), call.now)

    def changes(self, call: Call) -> Answer:
        """Give the changes of a table."""
        return self._service.changes(self._table(call), call.values, _format(call), call.now)

    def file(self, call: Call) -> FileAnswer:
        """Give a file, or a part of it."""
        link, token, stream = self._service.open_file(
            call.name("link") or "", call.values.get("sig", ""), call.now
        )
        call.token, call.share, call.table = token, link.share, link.table
        size = os.fstat(stream.fileno()).st_size
        try:
            part = requested_part(call.request.headers.get("range"), size)
        except RefusedError:
            stream.close()
            raise
        return FileAnswer(stream=stream, size=size, part=part)

    @staticmethod
    def nothing(call: Call) -> Answer:
        """Refuse what is no operation of the protocol."""
        _ = call
        raise RefusedError(
            404, NOT_FOUND, f"The protocol has no such operation. It begins at {PREFIX}/shares."
        )

    def _token(self, call: Call) -> Token:
        if call.token is None:
            call.token = self._service.directory.authenticate(
                call.request.headers.get("authorization"), call.now
            )
        return call.token

    def _share(self, call: Call) -> str:
        call.share = self._service.directory.share(self._token(call), call.name("share") or "").name
        return call.share

    def _table(self, call: Call) -> Found:
        token, share = self._token(call), self._share(call)
        schema, table = call.name("schema") or "", call.name("table") or ""
        found = self._service.directory.find(token, share, schema, table, call.base)
        call.table = found.table.path
        return found

    def _run(
        self,
        call: Call,
        action: str,
        operation: Callable[[Call], Answer | FileAnswer],
        started: float,
    ) -> Any:
        try:
            answer = operation(call)
        except RefusedError as error:
            answer = _refused(error)
        except Exception:  # noqa: BLE001  # a request must not end without an answer
            # What went wrong inside is for the provider's log, not for the recipient.
            _LOG.exception("%s of %s failed", action, call.table or call.share or "nothing")
            message = "The server could not answer. The provider's log says why."
            answer = wire.json_answer({"errorCode": "INTERNAL_ERROR", "message": message}, 500)
        return self._finished(call, action, answer, started)

    def _finished(
        self, call: Call, action: str, answer: Answer | FileAnswer, started: float
    ) -> Any:
        given: dict[str, Any]
        if isinstance(answer, FileAnswer):
            only_head = call.request.method == "HEAD"
            response = file_response(answer, only_head=only_head)
            given = {"bytes": 0 if only_head else answer.part.length}
        else:
            response = text_response(answer)
            given = {"version": answer.version, "rows": answer.rows, "files": answer.files}
        entry = Entry(
            at=call.now,
            action=action,
            status=response.status_code,
            recipient=call.token.recipient if call.token else None,
            token_id=call.token.id if call.token else None,
            share=call.share,
            table=call.table,
            milliseconds=round((perf_counter() - started) * 1000, 1),
            client=call.request.client.host if call.request.client else None,
            **given,
        )
        self._audit.write(entry)
        return response


def build_app(handler: Handler) -> Any:
    """Return the `starlette.applications.Starlette` of the protocol."""
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    def health(_: Any) -> Any:
        return JSONResponse({"status": "ok"})

    share = PREFIX + "/shares/{share}"
    table = share + "/schemas/{schema}/tables/{table}"
    operations: list[tuple[str, str, str, Callable[[Call], Answer | FileAnswer]]] = [
        ("GET", PREFIX + "/shares", "list shares", handler.list_shares),
        ("GET", share, "get share", handler.get_share),
        ("GET", share + "/schemas", "list schemas", handler.list_schemas),
        ("GET", share + "/schemas/{schema}/tables", "list tables", handler.list_tables),
        ("GET", share + "/all-tables", "list tables", handler.list_tables),
        ("HEAD", table, "version", handler.version),
        ("GET", table + "/version", "version", handler.version),
        ("GET", table + "/metadata", "metadata", handler.metadata),
        ("POST", table + "/query", "query", handler.query),
        ("GET", table + "/changes", "changes", handler.changes),
        ("GET", PREFIX + "/files/{link}.parquet", "file", handler.file),
    ]
    routes = [
        Route(path, handler.endpoint(action, operation), methods=[method])
        for method, path, action, operation in operations
    ]
    nothing = handler.endpoint("unknown", handler.nothing)
    return Starlette(
        routes=[
            *routes,
            Route("/health", health, methods=["GET"]),
            Route("/{path:path}", nothing, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ]
    )


async def _body(request: Any) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            raise RefusedError(
                413, bad_request("").code, f"The body is over {BODY_BYTES} bytes. Send fewer hints."
            )
    return bytes(body)


def _json_object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise bad_request("The body should be one JSON object, such as {}.")
    return found


def _format(call: Call) -> wire.Format:
    return wire.requested_format(call.request.headers.get(wire.CAPABILITIES_HEADER))


def _refused(error: RefusedError) -> Answer:
    return wire.json_answer({"errorCode": error.code, "message": str(error)}, error.status)
