"""From the lake to a file: gather, build, write at once or not at all."""

import os
from contextlib import suppress
from pathlib import Path

from stocks_ai_assets.errors import StorageError
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.reports.data import ReportContext
from stocks_ai_assets.reports.gathering import gather
from stocks_ai_assets.reports.page import build_page


def build_report(lake: Lake, context: ReportContext) -> str:
    """Return the report as one HTML document; the same lake gives the same bytes."""
    return build_page(gather(lake, context))


def write_report(html: str, path: Path) -> Path:
    """Write the document so that a reader never sees half of it.

    Parameters
    ----------
    html
        From `build_report` or `build_page`.
    path
        File; its folder is made.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    StorageError
        The folder or the file cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(html, encoding="utf-8", newline="\n")
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise StorageError(
            f"Report {path}: {error.strerror or error}. Make room or choose another folder."
        ) from error
    return path
