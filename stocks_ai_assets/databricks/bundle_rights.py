"""Rights as they stand in a bundle's file: each entry says who has what, and nothing else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stocks_ai_assets.databricks.bundle_access import HOLDERS
from stocks_ai_assets.errors import SettingsError

FOLDER_LEVELS = {"CAN_MANAGE": "CAN_MANAGE", "CAN_RUN": "CAN_RUN", "CAN_VIEW": "CAN_READ"}
"""What a level of the bundle's `permissions` is on its folder."""


def require_rights(file: Path, resources: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """Raise `SettingsError` when a right on a resource has no holder or no level."""
    for kind, found in resources.items():
        for key, config in found.items():
            _require_permissions(file, f"{kind}.{key}", config.get("permissions") or ())
            for grant in config.get("grants") or ():
                keys = grant.keys() if isinstance(grant, dict) else ()
                if {*keys} != {"principal", "privileges"} or not isinstance(
                    grant["privileges"], list
                ):
                    raise SettingsError(
                        f"{file}: {kind}.{key} has the grant {grant}; one has `principal` and a "
                        "list of `privileges`."
                    )


def folder_rights(file: Path, permissions: Any) -> tuple[dict[str, str], ...]:
    """Return the bundle's own `permissions` as rights on its folder."""
    _require_permissions(file, "the bundle", permissions)
    for entry in permissions:
        if entry["level"] not in FOLDER_LEVELS:
            raise SettingsError(
                f"{file}: `permissions` has the level {entry['level']}; there are "
                f"{', '.join(FOLDER_LEVELS)}."
            )
    return tuple({**entry, "level": FOLDER_LEVELS[entry["level"]]} for entry in permissions)


def _require_permissions(file: Path, of: str, entries: Any) -> None:
    for entry in entries:
        holders = [name for name in HOLDERS if isinstance(entry, dict) and entry.get(name)]
        if len(holders) != 1 or entry.keys() != {"level", *holders}:
            raise SettingsError(
                f"{file}: {of} has the permission {entry}; one has `level` and one of "
                f"{', '.join(HOLDERS)}."
            )
