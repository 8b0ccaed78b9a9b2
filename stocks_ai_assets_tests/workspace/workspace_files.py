"""Workspace files 2.0: import, export, mkdirs, list, status, delete under /Workspace."""

import base64
import re
from pathlib import PurePosixPath

from stocks_ai_assets_tests.workspace import permissions, storage
from stocks_ai_assets_tests.workspace.calls import route
from stocks_ai_assets_tests.workspace.errors import Refused, denied, invalid, missing


def require_read(workspace, principal, remote: str) -> None:
    """Refuse a file below /Workspace that neither its rights nor its folders' let one read."""
    inside = re.sub(r"^/Workspace(?=/)", "", remote)
    if inside.startswith("/Shared/"):
        return
    numbers, path = workspace.collection("workspace_files"), PurePosixPath(inside)
    places = (("files", path), *(("directories", folder) for folder in path.parents))
    if not any(
        permissions.may(workspace, principal, kind, numbers.get(str(place)), "CAN_READ")
        for kind, place in places
    ):
        raise denied(f"User {principal.name} does not have CAN_READ permission on {remote}.")


class WorkspaceFiles:
    """Calls on workspace files."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.numbers = workspace.collection("workspace_files")

    def place(self, remote):
        if not remote.startswith("/") or ".." in remote.split("/"):
            raise invalid(f"Path ({remote}) doesn't start with '/'")
        return (
            self.workspace.folder
            / "Workspace"
            / re.sub(r"^/Workspace(?=/|$)", "", remote).strip("/")
        )

    def present(self, call):
        path = self.place(call.need("path"))
        if not path.exists():
            raise missing(f"Path ({call.need('path')}) doesn't exist.")
        return path

    def info(self, path):
        remote = "/" + str(path.relative_to(self.workspace.folder / "Workspace"))
        kind = "DIRECTORY" if path.is_dir() else "FILE"
        if remote not in self.numbers:
            self.numbers[remote] = self.workspace.next_id()
        return {
            "object_type": kind,
            "path": remote,
            "object_id": self.numbers[remote],
            "resource_id": str(self.numbers[remote]),
            "modified_at": storage.milliseconds(path),
            "size": storage.size(path),
        }

    def multipart(self, call):
        kind = call.headers.get("content-type", "")
        if not kind.startswith("multipart/form-data"):
            return call.body
        boundary = re.search(r"boundary=\"?([^\";]+)", kind)[1].encode()
        read = {}
        for part in call.raw.split(b"--" + boundary)[1:-1]:
            head, _, content = part.partition(b"\r\n\r\n")
            name = re.search(rb'[; ]name="([^"]+)"', head)[1].decode()
            content = content.removesuffix(b"\r\n")
            read[name] = content if name == "content" else content.decode()
        return read

    def upload(self, call):
        body = self.multipart(call)
        remote, content = body.get("path"), body.get("content", b"")
        if not remote:
            raise invalid("Missing required field: path")
        path = self.place(remote)
        content = content if isinstance(content, bytes) else base64.b64decode(content)
        if not path.parent.is_dir():
            raise missing(f"The parent folder ({'/'.join(remote.split('/')[:-1])}) does not exist.")
        if path.is_dir():
            raise invalid(f"Path ({remote}) is a directory.")
        if path.exists() and str(body.get("overwrite", "")).lower() != "true":
            message = f"Path ({remote}) already exists."
            raise Refused(400, "RESOURCE_ALREADY_EXISTS", message)
        storage.write(self.workspace, path, content)
        permissions.own(self.workspace, "files", self.info(path)["object_id"], call.principal)
        return {}

    def export(self, call):
        from starlette.responses import Response

        path = self.present(call)
        if path.is_dir():
            raise invalid("Directories cannot be exported.")
        content = path.read_bytes()
        if call.flag("direct_download"):
            return Response(content, media_type="application/octet-stream")
        encoded = base64.b64encode(content).decode()
        return {"content": encoded, "file_type": path.suffix.lstrip(".")}

    def mkdirs(self, call):
        path = self.place(call.need("path"))
        if path.is_file():
            message = f"Path ({call.need('path')}) already exists as a file."
            raise Refused(400, "RESOURCE_ALREADY_EXISTS", message)
        made = [one for one in (path, *path.parents) if not one.exists()]
        path.mkdir(parents=True, exist_ok=True)
        for one in made:
            permissions.own(
                self.workspace, "directories", self.info(one)["object_id"], call.principal
            )
        return {}

    def listed(self, call):
        path = self.present(call)
        found = storage.entries(self.workspace, path) if path.is_dir() else [path]
        return {"objects": [self.info(child) for child in found]}

    def status(self, call):
        return self.info(self.present(call))

    def delete(self, call):
        path = self.present(call)
        if path.is_dir() and any(path.iterdir()) and not call.flag("recursive"):
            message = f"Folder ({call.need('path')}) is not empty"
            raise Refused(400, "DIRECTORY_NOT_EMPTY", message)
        storage.remove(path)
        return {}


def routes(workspace):
    """Routes of workspace files."""
    api = WorkspaceFiles(workspace)
    calls = {
        ("POST", "import"): api.upload,
        ("GET", "export"): api.export,
        ("POST", "mkdirs"): api.mkdirs,
        ("GET", "list"): api.listed,
        ("GET", "get-status"): api.status,
        ("POST", "delete"): api.delete,
    }
    return [
        route(workspace, method, f"/api/2.0/workspace/{name}", handler)
        for (method, name), handler in calls.items()
    ]
