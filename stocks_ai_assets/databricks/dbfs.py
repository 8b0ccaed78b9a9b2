"""Staging on the DBFS root, which workspaces made today do not have."""

import io

from stocks_ai_assets.databricks.staging import Staging


class DbfsStaging(Staging):
    """A folder of the DBFS root."""

    def uri(self, path: str) -> str:
        """Name of a file where the workspace is told of it."""
        return f"dbfs:{path}"

    def inside(self, path: str) -> str:
        """Path of a file inside a run."""
        return f"/dbfs{path}"

    def prepare(self, folder: str) -> None:
        """Nothing to do: writing a file makes the folders above it."""

    def _write(self, path: str, content: io.BytesIO) -> None:
        self.workspace.dbfs.upload(path, content, overwrite=True)

    def _read(self, path: str) -> bytes:
        with self.workspace.dbfs.open(path, read=True) as file:
            contents: bytes = file.read()
        return contents

    def _remove(self, folder: str) -> None:
        self.workspace.dbfs.delete(folder, recursive=True)

    def _remove_empty(self, folder: str) -> None:
        # The API by its name: the SDK's own `delete` refuses folders, empty or not.
        self.workspace.api_client.do("POST", "/api/2.0/dbfs/delete", body={"path": folder})
