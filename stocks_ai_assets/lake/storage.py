"""Where a lake lies: a folder, or a prefix of an object store. Whole small files by name.

Delta-rs and polars read and write tables by themselves; what lies beside the tables goes through
here. Names are relative to the lake, with slashes. Credentials come from the environment alone.
"""

import os
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from stocks_ai_assets.errors import SettingsError

SCHEMES = {"s3": "s3", "s3a": "s3", "gs": "gs", "az": "azure", "abfs": "azure", "abfss": "azure"}
"""Kinds of object stores that make a commit by put-if-absent."""

OPTIONS = {"s3": {"conditional_put": "etag"}}
"""What delta-rs and obstore must do on each, whatever the environment says."""

RETRIES = {
    "max_retries": 5,
    "retry_timeout": timedelta(seconds=30),
    "backoff": {"max_backoff": timedelta(seconds=2)},
}
"""A store that does not answer is reported within half a minute."""

READERS = 8
"""Small objects read at the same time."""


class Storage(Protocol):
    """Files of a lake, each read and written whole."""

    @property
    def root(self) -> Path | str:
        """Folder, or URL without a slash at its end."""

    @property
    def options(self) -> dict[str, str] | None:
        """Storage options of delta-rs."""

    def location(self, name: str) -> str:
        """Return the path or the URL of `name`."""

    def read(self, name: str) -> bytes | None:
        """Return what a file holds; None: it is not there."""

    def read_all(self, names: Sequence[str]) -> list[bytes | None]:
        """Return what files hold, in the order of `names`."""

    def create(self, name: str, data: bytes) -> bool:
        """Make a file that is not there yet, whole or not at all.

        False: it is there and holds something else, which is left alone.
        """

    def stamps(self, *names: str) -> list[object]:
        """Tell files of one folder from others that had their names before; None: not there.

        `names` ascend. In one request on an object store.
        """

    def names(self, folder: str, after: str = "") -> list[str]:
        """Return the names of the files in a folder, those after `after`, ascending."""

    def delete(self, names: Sequence[str]) -> None:
        """Remove files; those that are gone already do not matter."""


def open_storage(root: Path | str) -> Storage:
    """Return the storage of a lake: a `Path` is a folder, a text a URL.

    Raises
    ------
    SettingsError
        The URL names no store that we know, holds a secret, or the extra `cloud` is missing.
    """
    return Folder(root) if isinstance(root, Path) else ObjectStore(root)


class Folder:
    """A lake on a disk of this machine."""

    options: dict[str, str] | None = None

    def __init__(self, root: Path) -> None:
        self.root = root

    def location(self, name: str) -> str:
        """Return the path of `name`."""
        return str(self.root / name)

    def read(self, name: str) -> bytes | None:
        """Return what a file holds; None: it is not there."""
        try:
            return (self.root / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read_all(self, names: Sequence[str]) -> list[bytes | None]:
        """Return what files hold, in the order of `names`."""
        return [self.read(name) for name in names]

    def create(self, name: str, data: bytes) -> bool:
        """Make a file that is not there yet, whole or not at all."""
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
        try:
            draft.write_bytes(data)
            os.link(draft, file)
        except FileExistsError:
            return file.read_bytes() == data
        finally:
            draft.unlink(missing_ok=True)
        return True

    def stamps(self, *names: str) -> list[object]:
        """Tell files from others that had their names before; None: not there."""
        return [_stamp(self.root / name) for name in names]

    def names(self, folder: str, after: str = "") -> list[str]:
        """Return the names of the files in a folder, those after `after`, ascending."""
        if not (self.root / folder).is_dir():
            return []
        names = (file.name for file in (self.root / folder).iterdir())
        return sorted(name for name in names if name > after and not name.startswith("."))

    def delete(self, names: Sequence[str]) -> None:
        """Remove files; those that are gone already do not matter."""
        for name in names:
            (self.root / name).unlink(missing_ok=True)


def _stamp(file: Path) -> object:
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


class ObjectStore:
    """A lake under a prefix of S3, Azure or Google storage, or of what speaks like them.

    Parameters
    ----------
    url
        `s3://bucket/prefix`, `abfss://container@account.dfs.core.windows.net/prefix`, ...
    """

    def __init__(self, url: str) -> None:
        kind = _kind(url)
        self.root = url.rstrip("/")
        self.options: dict[str, str] | None = dict(OPTIONS.get(kind, {})) or None
        self._store = _open(self.root, OPTIONS.get(kind, {}))

    def location(self, name: str) -> str:
        """Return the URL of `name`."""
        return f"{self.root}/{name}"

    def read(self, name: str) -> bytes | None:
        """Return what an object holds; None: it is not there."""
        import obstore

        try:
            return bytes(obstore.get(self._store, name).bytes())
        except FileNotFoundError as error:
            _require_bucket(error)
            return None

    def read_all(self, names: Sequence[str]) -> list[bytes | None]:
        """Return what objects hold, in the order of `names`."""
        if len(names) < 2:
            return [self.read(name) for name in names]
        with ThreadPoolExecutor(READERS) as pool:
            return list(pool.map(self.read, names))

    def create(self, name: str, data: bytes) -> bool:
        """Make an object that is not there yet, whole or not at all.

        A request whose answer was lost is sent again and then refused: what counts is what is
        there.
        """
        import obstore
        from obstore.exceptions import AlreadyExistsError

        try:
            obstore.put(self._store, name, data, mode="create")
        except AlreadyExistsError:
            return self.read(name) == data
        except FileNotFoundError as error:
            _require_bucket(error)
            raise
        return True

    def stamps(self, *names: str) -> list[object]:
        """Tell objects from others that had their names before; None: not there."""
        import obstore

        if len(names) == 1:
            try:
                return [_version(obstore.head(self._store, names[0]))]
            except FileNotFoundError as error:
                _require_bucket(error)
                return [None]
        folder, found = names[0].rpartition("/")[0], dict[str, object]()
        # Without its last character a name stands just before itself.
        for batch in obstore.list(self._store, folder, offset=names[0][:-1]):
            found.update((each["path"], _version(each)) for each in batch)
            if found and max(found) > names[-1]:
                break
        return [found.get(name) for name in names]

    def names(self, folder: str, after: str = "") -> list[str]:
        """Return the names of the objects in a folder, those after `after`, ascending."""
        import obstore

        offset = f"{folder}/{after}" if after else None
        listed = obstore.list(self._store, folder, offset=offset)
        return sorted(each["path"].rpartition("/")[2] for batch in listed for each in batch)

    def delete(self, names: Sequence[str]) -> None:
        """Remove objects; those that are gone already do not matter."""
        import obstore

        with suppress(FileNotFoundError):
            obstore.delete(self._store, list(names))


def _version(meta: Mapping[str, Any]) -> object:
    return meta["e_tag"], meta["last_modified"]


def _require_bucket(error: Exception) -> None:
    """Let an error that says that all of the store is not there pass as another one."""
    if "NoSuchBucket" in str(error) or "ContainerNotFound" in str(error):
        raise OSError(str(error)) from None


def _kind(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise SettingsError(
            f"A lake cannot lie in {parts.scheme}://: known are {known}, or the path of a folder. "
            "Correct STOCKS_AI_LAKE_ROOT."
        )
    if parts.password or parts.query or parts.fragment:
        raise SettingsError(
            f"The URL of the lake ({parts.scheme}://...) holds a password or a signature. Put "
            "credentials into the variables of the store (AWS_*, AZURE_*, GOOGLE_*), and only "
            "bucket and prefix into STOCKS_AI_LAKE_ROOT."
        )
    if not parts.netloc:
        raise SettingsError(
            f"The URL of the lake, {url}, names no bucket. Write {parts.scheme}://bucket/prefix "
            "into STOCKS_AI_LAKE_ROOT."
        )
    return SCHEMES[parts.scheme]


def _open(url: str, options: Mapping[str, str]) -> Any:
    try:
        from obstore.exceptions import BaseError
        from obstore.store import from_url
    except ImportError:
        raise SettingsError(
            f"The lake lies in {url}, and the package obstore is not installed. Install "
            "stocks-ai-assets[cloud], or choose a folder with STOCKS_AI_LAKE_ROOT."
        ) from None
    try:
        return from_url(url, config=dict(options) or None, retry_config=RETRIES)
    except (BaseError, ValueError):
        # The text of the error may show what the environment holds.
        raise SettingsError(
            f"The store of {url} cannot be opened. Check the URL and the variables of the store "
            "(AWS_*, AZURE_*, GOOGLE_*)."
        ) from None
