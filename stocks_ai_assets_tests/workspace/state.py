"""What the workspace knows: folders, JSON documents by kind, faults. Saved without secrets."""

import json
import os
import re
import threading
from pathlib import Path

from stocks_ai_assets_tests.workspace.errors import invalid
from stocks_ai_assets_tests.workspace.identity import ADMIN, Identities
from stocks_ai_assets_tests.workspace.misbehaviour import Misbehaviour

TOPS = ("dbfs", "Volumes", "Workspace")
"""Folders of the workspace that runs see at the root of their file system."""


class Workspace:
    """State of one workspace in a folder.

    Parameters
    ----------
    folder
        `dbfs/`, `Volumes/`, `Workspace/`, `runs/<run id>/` and `state.json` live here.
    dialect
        `databricks`, or `oss` for the open-source Unity Catalog's answers.
    authorization
        Whether Unity Catalog enforces what was granted.
    external
        Folders of this machine that runs may see besides (external locations).
    """

    def __init__(
        self,
        folder: Path,
        *,
        dialect: str = "databricks",
        authorization: bool = False,
        misbehaviour: Misbehaviour | None = None,
        external: tuple[Path, ...] = (),
    ):
        self.folder = Path(folder).resolve()
        self.dialect, self.authorization = dialect, authorization
        self.misbehaviour = misbehaviour or Misbehaviour()
        self.external = tuple(Path(path).resolve() for path in external)
        self.url = ""
        self.compute = None
        self.guard = lambda principal, privilege, volume: None
        """Raises `Refused` if a principal lacks a privilege on a volume; Unity Catalog sets it."""
        self.lock = threading.RLock()
        for name in (*TOPS, "runs", "roots"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self._saved = self.folder / "state.json"
        self._store = json.loads(self._saved.read_text()) if self._saved.exists() else {}
        self._dirty = threading.Event()
        self._closing = False
        self.secret_values = {}
        self.identities = Identities(self)
        self.token = self.identities.enrol("Users", ADMIN, ("admins",))
        threading.Thread(target=self._save_when_changed, daemon=True).start()

    def collection(self, name: str) -> dict:
        """Documents of a kind by key; saved, so JSON only. Hold `lock` while using it."""
        return self._store.setdefault(name, {})

    def next_id(self) -> int:
        """A number that was never given before."""
        with self.lock:
            self._store["last_id"] = self._store.get("last_id", 1000) + 1
            return self._store["last_id"]

    def add_user(self, name: str, groups=()) -> str:
        """Token of a user; user and groups are made if they are new."""
        with self.lock:
            return self.identities.enrol("Users", name, groups)

    def add_service_principal(self, name: str, groups=()) -> str:
        """Token of a service principal, named by its application id."""
        with self.lock:
            return self.identities.enrol("ServicePrincipals", name, groups)

    def expire(self, token: str) -> None:
        """Let a token end now."""
        self.identities.expire(token)

    def add_volume(self, path: str) -> Path:
        """Folder of `/Volumes/<catalog>/<schema>/<volume>`, made: such a volume exists now."""
        folder = self.path(path)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def path(self, remote: str) -> Path:
        """Path on this machine of `dbfs:/...`, `/dbfs/...`, `/Volumes/...` or `/Workspace/...`."""
        plain = re.sub(r"^(dbfs:|file:)/*", lambda m: "/" if m[1] == "file:" else "/dbfs/", remote)
        plain = os.path.normpath(re.sub(r"^/dbfs/+Volumes(?=/|$)", "/Volumes", plain))
        if plain.lstrip("/").split("/", 1)[0] not in TOPS:
            raise invalid(f"{remote} is neither in DBFS nor in a volume nor in the workspace")
        return self.folder / plain.lstrip("/")

    def changed(self) -> None:
        """Have the state saved soon."""
        self._dirty.set()

    def save(self) -> None:
        """Write the state now."""
        with self.lock:
            text = json.dumps(self._store)
            written = self._saved.with_suffix(".part")
            written.write_text(text)
            written.replace(self._saved)

    def _save_when_changed(self):
        while not self._closing:
            self._dirty.wait()
            self._dirty.clear()
            if not self._closing and self.folder.exists():
                self.save()
            threading.Event().wait(0.5)

    def close(self) -> None:
        """Save and stop saving."""
        self._closing = True
        self._dirty.set()
        self.save()
