"""No secret stands in a bundle: the file is in version control, and a job shows its settings."""

import re
from collections.abc import Iterator
from typing import Any

from stocks_ai_assets.errors import SettingsError
from stocks_ai_assets.workspace_client import has_secrets

_REFERENCE = re.compile(r"\{\{secrets/[\w.-]+/[\w.-]+\}\}|\$\{[\w.-]+\}|")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")
_IN_ADDRESS = re.compile(r"://[^/\s:@]*:[^/\s@]+@")
_PLACE = re.compile(
    r"(?:dbfs:)?(?:/(?:Volumes|Workspace|databricks|dbfs|etc|home|mnt|opt|run|tmp|var)|\$\{[\w.-]+\})"
    r"/[^\s=?&]*"
    r"|(?:[a-z]\w*\.){2,}[A-Z]\w*"
)
"""Path of a file, or name of a Java class: no secret though it is called like one. A path begins as
they do there, for a key may begin with a slash as well."""

PROSE = ("comment", "description")
"""Parts that people read."""


def require_no_secrets(where: str, content: object) -> None:
    """Raise `SettingsError` when a value is a secret by what it looks like or is called.

    Parameters
    ----------
    where
        What messages call the content.
    content
        A bundle as it is read, or variables.
    """
    for place, name, value in _values(content):
        if _is_secret(name, value):
            raise SettingsError(
                f"{where}: {place} looks like a secret. Put it into a secret scope (databricks "
                'secrets put-secret), and refer to it: "{{secrets/SCOPE/KEY}}".'
            )


def _is_secret(name: str, value: str) -> bool:
    if _REFERENCE.fullmatch(value):
        return False
    if name in PROSE:
        shown = value.replace(": ", " ")  # a colon is one of the sentence
    elif all(_PLACE.fullmatch(part.strip()) for part in value.split(",")):
        shown = value
    else:
        shown = f"{name}: {value}"
    return bool(has_secrets(shown) or _PRIVATE_KEY.search(value) or _IN_ADDRESS.search(value))


def _values(node: Any, place: str = "", name: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield path, name and text of every value that is text."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _values(value, f"{place}.{key}" if place else str(key), str(key))
    elif isinstance(node, list):
        for position, value in enumerate(node):
            yield from _values(value, f"{place}[{position}]", name)
    elif isinstance(node, str):
        yield place, name, node
