"""The format marker: a lake says by which layout it was written."""

import json
from pathlib import Path

from stocks_ai_assets.errors import LakeVersionError, StorageError
from stocks_ai_assets.lake.locks import exclusively

FORMAT = 1
"""Raised when a lake of the older layout can no longer be read or written as it is."""


def marker_file(root: Path) -> Path:
    """Where the marker lies."""
    return root / "format.json"


def require_format(root: Path) -> None:
    """Raise `LakeVersionError` when the lake was written by a newer version of this package."""
    file = marker_file(root)
    try:
        found = json.loads(file.read_text(encoding="utf-8"))["format"]
    except FileNotFoundError:
        return
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{file} is damaged: `format` should be {FORMAT}.") from error
    if found > FORMAT:
        raise LakeVersionError(
            f"The lake in {root} has format {found}; this version of stocks_ai_assets knows "
            f"{FORMAT}. Upgrade stocks_ai_assets, or choose another STOCKS_AI_HOME."
        )


def write_format(root: Path) -> None:
    """Write the marker of a new lake."""
    file = marker_file(root)
    if file.exists():
        return
    with exclusively(root / "format.lock", f"The lake in {root}"):
        temporary = file.with_suffix(".new")
        temporary.write_text(json.dumps({"format": FORMAT}) + "\n", encoding="utf-8")
        temporary.replace(file)
