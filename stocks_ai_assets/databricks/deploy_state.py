"""What a bundle deployed, written down in its folder of the workspace.

By it a renamed job stays the same job, and what is no more in the bundle is known.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from stocks_ai_assets.databricks.staging import patiently
from stocks_ai_assets.errors import WorkspaceError
from stocks_ai_assets.workspace_client import workspace_failures


@dataclass(kw_only=True, slots=True)
class Deployed:
    """One resource as it was deployed.

    Parameters
    ----------
    id
        In the workspace.
    hash
        Of what was sent.
    parts
        Names of what was sent.
    rights
        What was given on it: level, kind of the holder, holder.
    """

    id: str = ""
    hash: str = ""
    parts: list[str] = field(default_factory=list)
    rights: list[list[str]] = field(default_factory=list)


@dataclass(slots=True)
class State:
    """What was deployed, by `<kind>.<key>`."""

    resources: dict[str, Deployed] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The resources as text, the same for the same ones."""
        return json.dumps({name: asdict(one) for name, one in self.resources.items()})

    @classmethod
    def read(cls, workspace: Any, file: str) -> "State":
        """Read the state; nothing was deployed where the file is missing.

        Raises
        ------
        WorkspaceError
            It is damaged, or the workspace refuses.
        """
        from databricks.sdk.errors import NotFound

        with workspace_failures(f"Reading what was deployed in {file}"):
            try:
                with patiently(lambda: workspace.workspace.download(file)) as opened:
                    content = opened.read()
            except NotFound:
                return cls()
        try:
            return cls({name: Deployed(**one) for name, one in _resources(content).items()})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WorkspaceError(
                f"{file}, where the workspace keeps what was deployed, is damaged "
                f"({type(error).__name__}: {error}). Put its last version back, or delete it "
                "(databricks workspace delete) and deploy again: resources are found by their name."
            ) from None

    def write(self, workspace: Any, file: str, target: str) -> None:
        """Write the state over what was there."""
        resources = {name: asdict(one) for name, one in self.resources.items()}
        content = {"target": target, "resources": resources}
        with workspace_failures(f"Writing what was deployed to {file}"):
            upload(workspace, file, json.dumps(content, indent=1).encode())


def upload(workspace: Any, path: str, content: bytes) -> None:
    """Write a file of the workspace, with the folders above it."""
    from databricks.sdk.service.workspace import ImportFormat

    files = workspace.workspace
    patiently(lambda: files.mkdirs(path.rsplit("/", 1)[0]))
    patiently(lambda: files.upload(path, content, format=ImportFormat.AUTO, overwrite=True))


def hashed(value: object) -> str:
    """Return the first twelve digits of a value's hash."""
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _resources(content: bytes) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(content)["resources"]
    for name, one in found.items():
        if not isinstance(one.get("id"), str):
            message = f"{name} has no id"
            raise ValueError(message)  # noqa: TRY004  # of a file, told with its other damages
    return found
