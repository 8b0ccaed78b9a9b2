"""Links to files: signed, expiring, and good only while recipient and share are."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stocks_ai_assets.errors import RefusedError
from stocks_ai_assets.sharing.signing import Signer
from stocks_ai_assets.sharing.versions import NOT_FOUND

FORBIDDEN = "PERMISSION_DENIED"
PURPOSE = "file"
GROUP = "group:"
"""Begins names of groups; those of files have no colon."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """What a link opens.

    Parameters
    ----------
    token_id
        Token by which it was asked for; when that ends, the link ends.
    share, table
        Name of the share, and of the table within it.
    name
        Name of the file by `FileNames`: its path would tell the slice, also where that is hidden.
    expires
        When it ends, milliseconds since 1970 UTC.
    """

    token_id: str
    share: str
    table: str
    name: str
    expires: int


class Links:
    """Makes and reads links.

    Parameters
    ----------
    signer
        Signs them.
    lifetime
        How long they last.
    """

    def __init__(self, signer: Signer, lifetime: timedelta) -> None:
        self._signer = signer
        self._lifetime = lifetime

    def expiry(self, now: datetime) -> int:
        """Return when a link made now ends, milliseconds since 1970 UTC."""
        return int((now + self._lifetime).timestamp() * 1000)

    def text(self, link: Link) -> str:
        """Return the link as the last part of a URL, with its query.

        `sp=r` (permission: read) says to readers built on Delta's kernel that the URL is signed;
        without a parameter that they know they look for a file in their own storage.
        """
        values = (link.token_id, link.share, link.table, link.name, link.expires)
        body, signature = self._signer.sign(PURPOSE, {"v": values}).split(".")
        return f"{body}.parquet?sp=r&sig={signature}"

    def read(self, body: str, signature: str, *, now: datetime) -> Link:
        """Return what a link opens, or raise `RefusedError`: not ours, changed, or expired."""
        content = self._signer.read(PURPOSE, f"{body}.{signature}")
        if content is None:
            raise RefusedError(
                403,
                FORBIDDEN,
                "This URL was not given out by this server, or was changed. Query the table again.",
            )
        names = ("token_id", "share", "table", "name", "expires")
        link = Link(**dict(zip(names, content["v"], strict=True)))
        if now.timestamp() * 1000 >= link.expires:
            end = datetime.fromtimestamp(link.expires / 1000, UTC)
            raise RefusedError(
                403,
                FORBIDDEN,
                f"This URL ended at {end:%Y-%m-%d %H:%M:%S} UTC. Query the table again.",
            )
        return link


class FileNames:
    """Names of files that tell neither their folders nor the table's identity.

    Parameters
    ----------
    signer
        Makes the names.
    """

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._known: dict[tuple[str, str], str] = {}

    def of(self, table_id: str, path: str) -> str:
        """Return the name of the file `path` of a table."""
        return self._signer.name("path", f"{table_id}\n{path}")

    def of_group(self, version: int, table_id: str, paths: Sequence[str]) -> str:
        """Return the name of a group of files of a version: it is these files and no others."""
        return f"{GROUP}{version}:{self._signer.name('group', json.dumps([table_id, *paths]))}"

    @staticmethod
    def version(name: str) -> int | None:
        """Return the version of the group with this name; None: it is the name of a file."""
        return int(name.split(":")[1]) if name.startswith(GROUP) else None

    def path(self, folder: Path, table_id: str, name: str) -> str:
        """Return the file within `folder` that has this name, or refuse: it is not there."""
        if (table_id, name) not in self._known:
            found = (f.relative_to(folder).as_posix() for f in folder.rglob("*.parquet"))
            self._known.update(((table_id, self.of(table_id, each)), each) for each in found)
        if (table_id, name) not in self._known:
            raise RefusedError(
                404, NOT_FOUND, "The file is not there: it was vacuumed. Query a newer version."
            )
        return self._known[table_id, name]


def inside(folder: Path, path: str) -> Path:
    """Return the file `path` of `folder`; refuse what lies elsewhere, by whatever way."""
    file = (folder / path).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise RefusedError(404, NOT_FOUND, "The file is not there. Query the table again.")
    return file
