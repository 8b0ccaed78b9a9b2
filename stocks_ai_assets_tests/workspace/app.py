"""The HTTP application: every module's routes, the caller's identity, faults and refusals."""

import importlib
import importlib.util
import json
import traceback

from stocks_ai_assets_tests.workspace.calls import route
from stocks_ai_assets_tests.workspace.errors import Refused, denied
from stocks_ai_assets_tests.workspace.identity import ADMIN

PACKAGE = "stocks_ai_assets_tests.workspace"
MODULES = (
    "identity",
    "jobs",
    "runs",
    "clusters",
    "policies",
    "dbfs",
    "files",
    "workspace_files",
    "secret_scopes",
    "permissions",
    "experiments",
)


def build_app(workspace):
    """Starlette application of a workspace."""
    from starlette.routing import Router

    # The open-source server has nothing but Unity Catalog, its own users included.
    names = [] if workspace.dialect == "oss" else [*MODULES]
    if importlib.util.find_spec(f"{PACKAGE}.unity"):
        names.append("unity.routes")
    joined = _own_routes(workspace)
    for name in names:
        joined += importlib.import_module(f"{PACKAGE}.{name}").routes(workspace)
    return _Gate(Router(routes=joined, redirect_slashes=False, default=_no_api), workspace)


async def _no_api(scope, receive, send):
    message = f"No API found for '{scope['method']} {scope['path']}'"
    raise Refused(404, "ENDPOINT_NOT_FOUND", message)


def _own_routes(workspace):
    def misbehave(call):
        if not call.principal.admin:
            raise denied("only admins may break the workspace")
        workspace.misbehaviour.change(**call.body)
        return vars(workspace.misbehaviour)

    return [route(workspace, "POST", "/test/misbehave", misbehave)]


class _Gate:
    """Outermost: faults first, then who calls; what is refused becomes an answer."""

    def __init__(self, app, workspace):
        self.app, self.workspace = app, workspace

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message):
            nonlocal started
            started = True
            await send(message)

        try:
            self._enter(scope)
            await self.app(scope, receive, watched)
        except Refused as refused:
            await _send(send, refused, scope)
        except Exception:
            # A bug of ours must look like one: 500 with its trace.
            if started:
                raise
            message = f"bug in the test workspace: {traceback.format_exc()}"
            await _send(send, Refused(500, "INTERNAL_ERROR", message), scope)

    def _enter(self, scope):
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        if not scope["path"].startswith("/test/"):
            self._misbehave()
        with self.workspace.lock:
            scope["principal"] = self._principal(headers.get("authorization"))

    def _principal(self, authorization):
        identities = self.workspace.identities
        if self.workspace.dialect == "oss" and not self.workspace.authorization:
            return identities.principal("Users", ADMIN)  # any token will do
        return identities.authenticate(authorization)

    def _misbehave(self):
        faults = self.workspace.misbehaviour
        with self.workspace.lock:
            if faults.too_many_requests > 0:
                faults.too_many_requests -= 1
                message = "Current request has to be retried: rate limit exceeded"
                raise Refused(
                    429,
                    "REQUEST_LIMIT_EXCEEDED",
                    message,
                    retry_after=faults.retry_after_seconds,
                )
            if faults.server_errors > 0:
                faults.server_errors -= 1
                raise Refused(500, "INTERNAL_ERROR", "Internal error happened")
            if faults.unavailable > 0:
                faults.unavailable -= 1
                message = "The service is temporarily unavailable"
                raise Refused(503, "TEMPORARILY_UNAVAILABLE", message)


async def _send(send, refused, scope):
    body = json.dumps({"error_code": refused.code, "message": refused.message}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if refused.retry_after is not None:
        headers.append((b"retry-after", str(refused.retry_after).encode()))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    shown = b"" if scope["method"] == "HEAD" else body
    await send({"type": "http.response.body", "body": shown})
