"""Where a resource in the workspace differs from what the bundle says, in words."""

import json
from collections.abc import Mapping
from typing import Any

from stocks_ai_assets.databricks.bundle_kind import Config, Found, Kind
from stocks_ai_assets.errors import WorkspaceError

TAKEN_OUT = "taken out"


def changes(kind: Kind, wanted: Config, found: Found | None, parts: list[str]) -> list[str]:
    """Return what of a resource has to change, part by part.

    Parameters
    ----------
    kind, wanted
        What the bundle has.
    found
        What the workspace has; None: nothing, so nothing has to change.
    parts
        Parts that the bundle had at the last deployment.

    Raises
    ------
    WorkspaceError
        A part differs that cannot be changed once the resource is there.
    """
    if found is None:
        return []
    body = kind.body(wanted)
    sent = {name: wanted[name] for name in body}
    found_lines = differences(kind.comparable(sent), kind.comparable(found.config))
    if kind.changeable is None:
        return found_lines
    for line in found_lines:
        part = line.partition(":")[0].partition(".")[0].partition("[")[0]
        if part not in kind.changeable:
            raise WorkspaceError(
                f"{line}: this cannot be changed once it is there. Take the change back, or delete "
                f"{kind.name(wanted)} by hand and deploy again."
            )
    gone = [part for part in kind.changeable if part in parts and part not in body]
    return [*found_lines, *(f"{part}: {TAKEN_OUT}" for part in gone)]


def differences(wanted: Any, found: Any, where: str = "") -> list[str]:
    """Return where `found` is not as wanted: `path: found -> wanted`. More than wanted is fine."""
    if _blank(wanted) and _blank(found):
        return []
    if isinstance(wanted, dict) and isinstance(found, Mapping):
        return [
            line
            for name, value in wanted.items()
            for line in differences(value, found.get(name), f"{where}.{name}" if where else name)
        ]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        return [
            line
            for place, (one, other) in enumerate(zip(wanted, found, strict=True))
            for line in differences(one, other, f"{where}[{place}]")
        ]
    return [] if wanted == found else [f"{where}: {_shown(found)} -> {_shown(wanted)}"]


def _blank(value: object) -> bool:
    """Whether a value says nothing; the workspace leaves such parts out."""
    if isinstance(value, dict):
        return all(_blank(part) for part in value.values())
    return value in (None, [], "")


def _shown(value: object) -> str:
    text = "absent" if value is None else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
