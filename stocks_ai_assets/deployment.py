"""One deployment opened: its settings, its lake, its source, its assets.

Everything at the edges (definitions, backfill, command line) starts here. A lake remembers what it
was first built with, because a partition computed from another market would look like a result.
"""

import json
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from stocks_ai_assets.domain.graph import transforms
from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.errors import SettingsError, StorageError
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.lake.failures import storage_failures
from stocks_ai_assets.lake.storage import Folder, Storage, open_storage
from stocks_ai_assets.settings import Settings

if TYPE_CHECKING:
    from stocks_ai_assets.assets.registry import Registry
    from stocks_ai_assets.engines.port import Engine
    from stocks_ai_assets.sources.ports import Source

IDENTITY = "settings.json"


@dataclass(frozen=True)
class Deployment:
    """Settings with what they open. Source and assets are built when first asked for.

    Parameters
    ----------
    settings
        Validated settings.
    lake
        Delta tables of this deployment.
    """

    settings: Settings
    lake: Lake

    @property
    def parameters(self) -> Parameters:
        """The settings that change results."""
        return self.settings.parameters

    @cached_property
    def source(self) -> "Source":
        """Where facts come from."""
        from stocks_ai_assets.sources.registry import open_source  # reads files

        return open_source(self.settings)

    @cached_property
    def engine(self) -> "Engine":
        """What computes tables; Spark starts when it is first needed."""
        from stocks_ai_assets.engines.registry import open_engine

        return open_engine(self.settings)

    def prepared_engine(self) -> "Engine":
        """What computes tables, opened where this process uses it itself.

        Raises
        ------
        SparkError
            Spark cannot be used for this lake.
        """
        if self.settings.launch == "here":
            self.engine.prepare(self.lake)
        return self.engine

    @cached_property
    def registry(self) -> "Registry":
        """Nodes and Dagster assets."""
        from stocks_ai_assets.assets.registry import registry  # imports Dagster, 2 s

        return registry(self.parameters, transforms(self.parameters), self.settings.universe)


def open_deployment(settings: Settings) -> Deployment:
    """Open the lake of `settings`, or raise `SettingsError` when it holds another market."""
    deployment = Deployment(settings=settings, lake=Lake(settings.lake))
    _check_identity(settings, open_storage(settings.lake))
    return deployment


def remember(settings: Settings) -> None:
    """Write down, before the first write, what the lake is built with.

    Raises
    ------
    SettingsError
        Another process has just begun to build it from another market.
    """
    storage = open_storage(settings.lake)
    identity = f"{json.dumps(_identity(settings), indent=2)}\n".encode()
    try:
        with _named_failures(storage):
            if storage.read(IDENTITY) is None and not storage.create(IDENTITY, identity):
                _check_identity(settings, storage)
    except OSError as error:
        raise StorageError(
            f"{storage.location(IDENTITY)} cannot be written: {error.strerror}. Free the disk or "
            "choose another folder with STOCKS_AI_HOME."
        ) from None


def _named_failures(storage: Storage) -> AbstractContextManager[None]:
    """A disk's failures are told by its caller, a store's by what its answer says."""
    if isinstance(storage, Folder):
        return nullcontext()
    return storage_failures("What the lake was built with", storage.root)


def _identity(settings: Settings) -> dict[str, object]:
    identity: dict[str, object] = {
        "source": settings.source,
        "first_session": settings.first_session.isoformat(),
    }
    if settings.source_folder is not None:
        identity["source_folder"] = str(settings.source_folder.resolve())
    if settings.simulated:
        identity["sample_symbols"] = settings.sample_symbols
        identity["sample_seed"] = settings.sample_seed
    return identity


def _check_identity(settings: Settings, storage: Storage) -> None:
    built, wanted = _stored(storage), _identity(settings)
    if built is None:
        return
    where = settings.lake if settings.lake_root else settings.home
    other = "STOCKS_AI_LAKE_ROOT" if settings.lake_root else "STOCKS_AI_HOME"
    for name in dict.fromkeys((*built, *wanted)):
        if built.get(name) != wanted.get(name):
            raise SettingsError(
                f"The lake in {where} was built with {name} {built.get(name)}, now it is "
                f"{wanted.get(name)}. Set STOCKS_AI_{name.upper()} back, or choose another {other}."
            )


def _stored(storage: Storage) -> dict[str, object] | None:
    with _named_failures(storage):
        text = storage.read(IDENTITY)
    if text is None:
        return None
    try:
        stored = json.loads(text)
    except ValueError:
        stored = None
    if not isinstance(stored, dict):
        raise SettingsError(
            f"{storage.location(IDENTITY)} is damaged. Restore it, or choose another "
            "STOCKS_AI_HOME."
        )
    return stored
