"""The format marker: a lake says by which layout it was written."""

import json

from stocks_ai_assets.errors import LakeVersionError, StorageError
from stocks_ai_assets.lake.storage import Storage

FORMAT = 1
"""Raised when a lake of the older layout can no longer be read or written as it is."""

MARKER = "format.json"
"""Where the marker lies."""


def require_format(storage: Storage) -> None:
    """Raise `LakeVersionError` when the lake was written by a newer version of this package."""
    text = storage.read(MARKER)
    if text is None:
        return
    try:
        found = json.loads(text)["format"]
    except (ValueError, KeyError, TypeError) as error:
        where = storage.location(MARKER)
        raise StorageError(f"{where} is damaged: `format` should be {FORMAT}.") from error
    if found > FORMAT:
        raise LakeVersionError(
            f"The lake in {storage.root} has format {found}; this version of stocks_ai_assets "
            f"knows {FORMAT}. Upgrade stocks_ai_assets, or choose another lake (STOCKS_AI_HOME, "
            "STOCKS_AI_LAKE_ROOT)."
        )


def write_format(storage: Storage) -> None:
    """Write the marker of a new lake.

    Raises
    ------
    StorageError
        The store writes over what it was asked not to: two writers would lose each other's work.
    """
    if storage.stamps(MARKER) != [None]:
        return
    marker = f"{json.dumps({'format': FORMAT})}\n".encode()
    if storage.create(MARKER, marker) and storage.create(MARKER, marker + b"\n"):
        raise StorageError(
            f"The store of {storage.root} wrote over a file that was there (it ignores "
            "If-None-Match), so writers at the same time would lose data. Use a store with "
            "conditional writes, as S3, Azure and Google have."
        )
