"""Files API 2.0: files and directories in Unity Catalog volumes."""

import re
from email.utils import formatdate

from stocks_ai_assets_tests.workspace import storage
from stocks_ai_assets_tests.workspace.calls import route
from stocks_ai_assets_tests.workspace.errors import Refused, exists, invalid

PAGE = 1000


def _absent(message):
    return Refused(404, "NOT_FOUND", message)


class Files:
    """Calls on files and directories of volumes."""

    def __init__(self, workspace):
        self.workspace = workspace

    def place(self, call, privilege):
        remote = "/" + call.path["remote"].strip("/")
        parts = remote.split("/")[1:]
        if parts[0] != "Volumes" or len(parts) < 4 or {".", "..", ""} & set(parts):
            message = (
                f"Invalid path: expected /Volumes/<catalog>/<schema>/<volume>/..., got {remote}"
            )
            raise invalid(message)
        volume = self.workspace.folder.joinpath(*parts[:4])
        if not volume.is_dir():
            raise _absent(f"Volume '{'.'.join(parts[1:4])}' does not exist.")
        self.workspace.guard(call.principal, privilege, "/".join(["", *parts[:4]]))
        return self.workspace.folder.joinpath(*parts), volume

    def present_file(self, call):
        path, _ = self.place(call, "READ VOLUME")
        if not storage.is_file(self.workspace, path):
            raise _absent("The file being accessed is not found.")
        return path

    def present_folder(self, call, privilege="READ VOLUME"):
        path, volume = self.place(call, privilege)
        if not path.is_dir():
            raise _absent("The directory being accessed is not found.")
        return path, volume

    def head_of(self, path):
        return {
            "content-type": "application/octet-stream",
            "last-modified": formatdate(path.stat().st_mtime, usegmt=True),
            "accept-ranges": "bytes",
        }

    def upload(self, call):
        from starlette.responses import Response

        path, volume = self.place(call, "WRITE VOLUME")
        if path == volume or path.is_dir():
            raise invalid("The path is a directory.")
        if path.exists() and call.query.get("overwrite", "true") == "false":
            raise exists("The file being created already exists.", "ALREADY_EXISTS")
        if any(parent.is_file() for parent in path.parents):
            raise invalid("A parent of the path is a file.")
        storage.write(self.workspace, path, call.raw)
        return Response(status_code=204)

    def download(self, call):
        from starlette.responses import Response

        path = self.present_file(call)
        head, content = self.head_of(path), path.read_bytes()
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", call.headers.get("range", ""))
        if not asked or not (asked[1] or asked[2]):
            return Response(content, headers=head)
        if asked[1]:
            first = int(asked[1])
            last = min(int(asked[2] or len(content) - 1), len(content) - 1)
        else:
            first, last = max(0, len(content) - int(asked[2])), len(content) - 1
        if first > last:
            raise Refused(416, "REQUEST_RANGE_NOT_SATISFIABLE", "The range is not satisfiable.")
        head["content-range"] = f"bytes {first}-{last}/{len(content)}"
        return Response(content[first : last + 1], status_code=206, headers=head)

    def metadata(self, call):
        from starlette.responses import Response

        path = self.present_file(call)
        return Response(headers={**self.head_of(path), "content-length": str(storage.size(path))})

    def delete(self, call):
        from starlette.responses import Response

        path, _ = self.place(call, "WRITE VOLUME")
        if not path.is_file():
            raise _absent("The file being accessed is not found.")
        path.unlink()
        return Response(status_code=204)

    def make_folder(self, call):
        from starlette.responses import Response

        path, _ = self.place(call, "WRITE VOLUME")
        if path.is_file() or any(parent.is_file() for parent in path.parents):
            raise exists("The path already exists as a file.", "ALREADY_EXISTS")
        path.mkdir(parents=True, exist_ok=True)
        return Response(status_code=204)

    def folder_metadata(self, call):
        from starlette.responses import Response

        self.present_folder(call)
        return Response()

    def listed(self, call):
        path, _ = self.present_folder(call)
        found = storage.entries(self.workspace, path)
        start = int(call.query.get("page_token") or 0)
        end = start + min(int(call.query.get("page_size") or PAGE), PAGE)
        shown = []
        for child in found[start:end]:
            entry = {
                "path": "/" + str(child.relative_to(self.workspace.folder)),
                "name": child.name,
                "is_directory": child.is_dir(),
                "last_modified": storage.milliseconds(child),
            }
            if child.is_file():
                entry["file_size"] = storage.size(child)
            shown.append(entry)
        more = {"next_page_token": str(end)} if end < len(found) else {}
        return {"contents": shown, **more}

    def delete_folder(self, call):
        from starlette.responses import Response

        path, volume = self.present_folder(call, "WRITE VOLUME")
        if path == volume:
            raise invalid("The root of a volume cannot be deleted.")
        if storage.entries(self.workspace, path):
            raise Refused(400, "DIRECTORY_NOT_EMPTY", "The directory is not empty.")
        storage.remove(path)
        return Response(status_code=204)


def routes(workspace):
    """Routes of the Files API."""
    api = Files(workspace)
    calls = {
        ("HEAD", "files"): api.metadata,
        ("GET", "files"): api.download,
        ("PUT", "files"): api.upload,
        ("DELETE", "files"): api.delete,
        ("HEAD", "directories"): api.folder_metadata,
        ("GET", "directories"): api.listed,
        ("PUT", "directories"): api.make_folder,
        ("DELETE", "directories"): api.delete_folder,
    }
    return [
        route(workspace, method, f"/api/2.0/fs/{kind}/{{remote:path}}", handler)
        for (method, kind), handler in calls.items()
    ]
