"""What every handler of Unity Catalog shares: routes, paging, answers of either server."""

from stocks_ai_assets_tests.workspace.calls import route
from stocks_ai_assets_tests.workspace.errors import Refused

V21 = "/api/2.1/unity-catalog"


def paged(unity, call, key: str, found: list[dict], *, largest: int = 1000) -> dict:
    """One page of a list; `next_page_token` only where more follow.

    Databricks returns all without `max_results`, a page of its own size with 0; it refuses less.
    """
    asked = call.query.get("max_results", call.query.get("page_size"))
    size = len(found) or 1 if asked is None else int(asked)
    if size < 0:
        raise unity.bad("max_results must be greater than or equal to 0")
    size = size if asked is None else min(size or largest, largest)
    token = call.query.get("page_token") or "0"
    if not token.isdigit():
        raise unity.bad(f"Invalid page token: {token}")
    start = int(token)
    answer = {key: found[start : start + size]}
    if start + size < len(found):
        answer["next_page_token"] = str(start + size)
    return answer


def deleted(unity):
    """Answer of a delete: `{}` in Databricks, plain text in the open-source server."""
    from starlette.responses import PlainTextResponse

    return PlainTextResponse("200 OK") if unity.oss else {}


def not_found(call):
    """Return what the open-source server answers for a path it does not have."""
    raise Refused(404, "NOT_FOUND", f"Status: 404 Description: Not Found ({call.method})")


def not_allowed(call):
    """Return what the open-source server answers for a method it does not have on a path."""
    raise Refused(405, "METHOD_NOT_ALLOWED", f"Status: 405 Description: {call.method} not allowed")


def table_of(workspace, routes, *, oss: bool = True):
    """Routes of `(method, path, handler)`; those that the open-source server lacks answer 404."""
    if workspace.dialect == "oss" and not oss:
        return [route(workspace, method, path, not_found) for method, path, _ in routes]
    return [
        route(workspace, method, path, handler if method == "GET" else _whole(workspace, handler))
        for method, path, handler in routes
    ]


def _whole(workspace, handler):
    """Return a handler that changes all it was asked to, or nothing."""

    def run(call):
        with workspace.unity.undone_if_it_fails():
            return handler(call)

    return run
