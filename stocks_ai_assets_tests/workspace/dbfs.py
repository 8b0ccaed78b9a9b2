"""DBFS API 2.0: blocks of at most 1 MB; refused altogether where there is no DBFS root."""

import base64
import re

from stocks_ai_assets_tests.workspace import storage
from stocks_ai_assets_tests.workspace.calls import route
from stocks_ai_assets_tests.workspace.errors import Refused, denied, invalid, missing

MEGABYTE = 1024**2
DEFAULT_READ = MEGABYTE // 2


class Dbfs:
    """Calls on DBFS, and the blocks of files that are being written."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.handles = {}

    def place(self, remote):
        if not remote.startswith(("/", "dbfs:/")):
            raise invalid(f"Path must be absolute: {remote}")
        if re.match(r"^(dbfs:)?/+Volumes(/|$)", remote) or ".." in remote.split("/"):
            raise invalid("No operations allowed on this path.")
        if self.workspace.misbehaviour.no_dbfs:
            raise denied(f"Public DBFS root is disabled. Access is denied on path: {remote}")
        return self.workspace.path("dbfs:/" + re.sub(r"^dbfs:", "", remote).lstrip("/"))

    def present(self, remote):
        path = self.place(remote)
        if not (path.is_dir() or storage.is_file(self.workspace, path)):
            raise missing(f"No file or directory exists on path {remote}.")
        return path

    def block(self, text):
        content = base64.b64decode(text or "")
        if len(content) > MEGABYTE:
            message = "The maximum block size is 1 MB."
            raise Refused(400, "MAX_BLOCK_SIZE_EXCEEDED", message)
        return content

    def new_file(self, call):
        remote = call.need("path")
        path = self.place(remote)
        if path.is_dir() or (path.exists() and not call.flag("overwrite")):
            message = f"A file or directory already exists at the input path {remote}."
            raise Refused(400, "RESOURCE_ALREADY_EXISTS", message)
        return path

    def create(self, call):
        handle = self.workspace.next_id()
        self.handles[handle] = (self.new_file(call), bytearray())
        return {"handle": handle}

    def opened(self, call):
        handle = call.need("handle")
        if handle not in self.handles:
            raise missing(f"No stream with handle {handle} exists")
        return handle

    def add_block(self, call):
        self.handles[self.opened(call)][1].extend(self.block(call.body.get("data")))
        return {}

    def close(self, call):
        path, content = self.handles.pop(self.opened(call))
        storage.write(self.workspace, path, bytes(content))
        return {}

    def put(self, call):
        storage.write(self.workspace, self.new_file(call), self.block(call.body.get("contents")))
        return {}

    def read(self, call):
        path = self.present(call.need("path"))
        if path.is_dir():
            raise invalid(f"{call.need('path')} is a directory")
        offset, length = int(call.query.get("offset", 0)), int(call.query.get("length") or 0)
        if offset < 0 or length < 0:
            raise invalid("offset and length must not be negative")
        if length > MEGABYTE:
            raise Refused(400, "MAX_READ_SIZE_EXCEEDED", "The maximum read size is 1 MB.")
        with path.open("rb") as opened_file:
            opened_file.seek(offset)
            found = opened_file.read(length or DEFAULT_READ)
        return {"bytes_read": len(found), "data": base64.b64encode(found).decode()}

    def info(self, path, remote):
        return {
            "path": remote,
            "is_dir": path.is_dir(),
            "file_size": storage.size(path),
            "modification_time": storage.milliseconds(path),
        }

    def shown(self, remote):
        return "/" + re.sub(r"^dbfs:", "", remote).strip("/")

    def status(self, call):
        return self.info(self.present(call.need("path")), self.shown(call.need("path")))

    def listed(self, call):
        path, remote = self.present(call.need("path")), self.shown(call.need("path"))
        if not path.is_dir():
            return {"files": [self.info(path, remote)]}
        found = storage.entries(self.workspace, path)
        return {
            "files": [self.info(child, f"{remote.rstrip('/')}/{child.name}") for child in found]
        }

    def mkdirs(self, call):
        path = self.place(call.need("path"))
        if path.is_file():
            message = f"A file already exists at the input path {call.need('path')}."
            raise Refused(400, "RESOURCE_ALREADY_EXISTS", message)
        path.mkdir(parents=True, exist_ok=True)
        return {}

    def delete(self, call):
        path = self.place(call.need("path"))
        if path.is_dir() and any(path.iterdir()) and not call.flag("recursive"):
            message = f"{call.need('path')} is not an empty directory"
            raise Refused(400, "IO_ERROR", message)
        if path.exists():
            storage.remove(path)
        return {}

    def move(self, call):
        source, target = (
            self.present(call.need("source_path")),
            self.place(call.need("destination_path")),
        )
        if target.exists():
            message = f"{call.need('destination_path')} already exists"
            raise Refused(400, "RESOURCE_ALREADY_EXISTS", message)
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
        return {}


def routes(workspace):
    """Routes of the DBFS API."""
    api = Dbfs(workspace)
    calls = {
        ("POST", "create"): api.create,
        ("POST", "add-block"): api.add_block,
        ("POST", "close"): api.close,
        ("POST", "put"): api.put,
        ("GET", "read"): api.read,
        ("GET", "get-status"): api.status,
        ("GET", "list"): api.listed,
        ("POST", "mkdirs"): api.mkdirs,
        ("POST", "delete"): api.delete,
        ("POST", "move"): api.move,
    }
    return [
        route(workspace, method, f"/api/2.0/dbfs/{name}", handler)
        for (method, name), handler in calls.items()
    ]
