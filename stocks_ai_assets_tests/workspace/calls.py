"""One call of the REST API: what a handler gets, and how a handler becomes a Starlette route."""

import json
from dataclasses import dataclass, field
from typing import Any

from stocks_ai_assets_tests.workspace.errors import invalid


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request, read: path parameters, query, JSON body (or raw bytes), headers, the caller."""

    method: str
    path: dict[str, str]
    query: dict[str, str]
    headers: Any
    raw: bytes
    principal: Any
    many: dict[str, list[str]] = field(default_factory=dict)

    @property
    def body(self) -> dict:
        """The JSON body; empty without one."""
        if not self.raw:
            return {}
        try:
            found = json.loads(self.raw)
        except ValueError as error:
            raise invalid(f"Could not parse request object: {error}") from None
        if not isinstance(found, dict):
            raise invalid("Could not parse request object: expected a JSON object")
        return found

    def need(self, name: str) -> Any:
        """A field that must be in the body or in the query."""
        value = self.query.get(name, self.body.get(name))
        if value is None or value == "":
            raise invalid(f"Missing required field: {name}")
        return value

    def flag(self, name: str) -> bool:
        """A boolean of the query or the body, false if absent."""
        value = self.query.get(name, self.body.get(name, False))
        return value is True or str(value).lower() == "true"


def route(workspace, method, path, handler, *, locked=True):
    """Starlette route of a handler: `handler(call)` returns JSON's dict or a Response.

    The handler runs in a thread, alone in the workspace if `locked`. What changes anything
    (not GET, not HEAD) is saved afterwards.
    """
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    def work(call):
        if not locked:
            return handler(call)
        with workspace.lock:
            answer = handler(call)
            return answer if isinstance(answer, Response) else json.loads(json.dumps(answer))

    async def endpoint(request):
        call = Call(
            method=request.method,
            path=dict(request.path_params),
            query=dict(request.query_params),
            many={name: request.query_params.getlist(name) for name in request.query_params},
            headers=request.headers,
            raw=await request.body(),
            principal=request.scope["principal"],
        )
        answer = await run_in_threadpool(work, call)
        if method not in ("GET", "HEAD"):
            workspace.changed()
        return answer if isinstance(answer, Response) else JSONResponse(answer)

    return Route(path, endpoint, methods=[method])


def versioned(workspace, method, path, handler, versions=("2.0", "2.1", "2.2"), *, locked=True):
    """Routes of the same handler under several API versions; `path` follows `/api/<version>`."""
    return [
        route(workspace, method, f"/api/{version}{path}", handler, locked=locked)
        for version in versions
    ]
