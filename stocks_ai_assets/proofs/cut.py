"""Other futures of a source: none, or an absurd one. What was public by a session stays."""

from datetime import date

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.proofs.poison import poisoned_frames
from stocks_ai_assets.sources.folder import FolderSource
from stocks_ai_assets.sources.publication import as_downloaded


def cut(source: FolderSource, session: date) -> FolderSource:
    """Return the source as it was at the close of `session`: a download of that day."""
    return source.over(as_downloaded(source.raw, session, nyse()))


def poisoned(source: FolderSource, session: date) -> FolderSource:
    """Return the source with everything that became public after `session` replaced by nonsense."""
    return source.over(poisoned_frames(source.raw, session, nyse()))
