"""Staging on a Unity Catalog volume through the Files API; the default, for any workspace."""

import io
from concurrent.futures import ThreadPoolExecutor

from stocks_ai_assets.databricks.staging import AT_ONCE, Staging, patiently


class VolumeStaging(Staging):
    """A folder of a volume: `/Volumes/<catalog>/<schema>/<volume>/...`."""

    def uri(self, path: str) -> str:
        """Name of a file where the workspace is told of it."""
        return f"dbfs:{path}"

    def inside(self, path: str) -> str:
        """Path of a file inside a run: volumes are mounted under their own name."""
        return path

    def prepare(self, folder: str) -> None:
        """Make a folder, with those above it."""
        patiently(lambda: self.workspace.files.create_directory(folder))

    def _write(self, path: str, content: io.BytesIO) -> None:
        self.workspace.files.upload(path, content, overwrite=True)

    def _read(self, path: str) -> bytes:
        contents: bytes = self.workspace.files.download(path).contents.read()
        return contents

    def _remove(self, folder: str) -> None:
        files = self.workspace.files
        names = [entry.path for entry in files.list_directory_contents(folder)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(files.delete, names))
        files.delete_directory(folder)

    def _remove_empty(self, folder: str) -> None:
        self.workspace.files.delete_directory(folder)
