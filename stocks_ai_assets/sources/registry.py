"""Sources by name. The source is a setting; nothing falls back from one to another."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.errors import SettingsError
from stocks_ai_assets.sources.folder import FolderSource
from stocks_ai_assets.sources.ports import Source
from stocks_ai_assets.sources.raw import read_folder

if TYPE_CHECKING:
    from stocks_ai_assets.settings import Settings


def open_source(settings: "Settings") -> Source:
    """Open the source that the settings name.

    Raises
    ------
    SourceError
        The folder or one of its files cannot be used.
    UnknownSymbolError
        The universe has a symbol that the source has not.
    """
    return SOURCES[settings.source](settings)


def _folder(settings: "Settings") -> Source:
    if settings.source_folder is None:
        raise SettingsError("Source `folder` needs STOCKS_AI_SOURCE_FOLDER: the folder to read.")
    return FolderSource(read_folder(settings.source_folder), nyse(), universe=settings.universe)


def _sample(settings: "Settings") -> Source:
    from stocks_ai_assets.sources.sample import simulate_lake  # computes a whole market

    raw = simulate_lake(
        n_symbols=settings.sample_symbols,
        seed=settings.sample_seed,
        first_session=settings.first_session,
    )
    return FolderSource(raw, nyse(), universe=settings.universe, name="sample", simulated=True)


SOURCES: dict[str, Callable[["Settings"], Source]] = {"folder": _folder, "sample": _sample}
"""Every source by its name in the settings."""
