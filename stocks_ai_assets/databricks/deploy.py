"""A bundle compared with the workspace, and the workspace made like it, call by call.

What was deployed is written down beside the wheel, in the bundle's folder of the workspace. Nothing
is ever deleted that holds data, and nothing else without being asked.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from stocks_ai_assets.databricks.bundle import BUILT_WHEEL, Bundle, filled, references
from stocks_ai_assets.databricks.bundle_access import Access, give, missing_access
from stocks_ai_assets.databricks.bundle_resources import KINDS, Config, Found, Kind
from stocks_ai_assets.databricks.staging import patiently
from stocks_ai_assets.databricks.wheel import package_wheel
from stocks_ai_assets.errors import SettingsError, WorkspaceMissingError
from stocks_ai_assets.workspace_client import workspace_failures

Action = Literal["create", "update", "none", "left", "delete"]

WHEEL_KEY = "artifacts.stocks_ai"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What a deployment does to one resource.

    Parameters
    ----------
    resource
        `<kind>.<key>` of the bundle.
    action
        `left`: it was deployed, the bundle has it no more, and it stays.
    name
        Name in the workspace.
    details
        What differs, in words.
    id
        Id in the workspace, when it is there.
    """

    resource: str
    action: Action
    name: str
    details: tuple[str, ...] = ()
    id: str | None = None


@dataclass(slots=True)
class State:
    """What was deployed: id and hash of each resource, by `<kind>.<key>`."""

    resources: dict[str, dict[str, str]] = field(default_factory=dict)


class Deployment:
    """One target of a bundle in one workspace.

    Parameters
    ----------
    bundle
        What the target is to have.
    workspace
        The SDK's client.
    """

    def __init__(self, bundle: Bundle, workspace: Any) -> None:
        unknown = sorted(bundle.resources.keys() - KINDS.keys())
        if unknown:
            raise SettingsError(
                f"This command does not know resources of the kind `{unknown[0]}`. Take them out, "
                "or deploy with Databricks' own `databricks bundle deploy`."
            )
        self.bundle = bundle
        self.workspace = workspace
        self._state_file = f"{bundle.root_path}/state/stocks_ai.json"
        wheel = package_wheel().name
        self._wheel_path = f"{bundle.root_path}/artifacts/.internal/{wheel}"

    def plan(self, *, delete: bool = False) -> list[Change]:
        """Return what `apply` would do now; changes nothing."""
        return self._go(delete=delete, apply=False)

    def apply(
        self, *, delete: bool = False, on_change: Callable[[Change], None] | None = None
    ) -> list[Change]:
        """Make the workspace like the bundle; what is done already is recorded if a call fails."""
        return self._go(delete=delete, apply=True, on_change=on_change)

    def id_of(self, resource: str) -> str | None:
        """Return the id with which a resource was deployed."""
        return self._state().resources.get(resource, {}).get("id")

    def _go(
        self,
        *,
        delete: bool,
        apply: bool,
        on_change: Callable[[Change], None] | None = None,
    ) -> list[Change]:
        with workspace_failures(f"Reading what was deployed in {self._state_file}"):
            state = self._state()
        self._require_catalogs()
        before = json.dumps(state.resources, sort_keys=True)
        changes: list[Change] = []

        def done(change: Change) -> None:
            changes.append(change)
            if on_change:
                on_change(change)

        try:
            done(self._wheel(state, apply=apply))
            for kind in KINDS:
                for key, config in self.bundle.resources.get(kind, {}).items():
                    done(self._resource(f"{kind}.{key}", kind, config, state, apply=apply))
            for resource in self._left(state):
                done(self._leftover(resource, state, delete=delete, apply=apply))
        finally:
            if apply and json.dumps(state.resources, sort_keys=True) != before:
                self._save(state)
        return changes

    def _require_catalogs(self) -> None:
        """Raise before anything is made when a catalog is missing: making one is governance."""
        from databricks.sdk.errors import NotFound

        named = {
            config["catalog_name"]
            for kind in self.bundle.resources.values()
            for config in kind.values()
            if "catalog_name" in config
        }
        for catalog in sorted(named):
            with workspace_failures(f"Catalog {catalog}"):
                try:
                    patiently(partial(self.workspace.catalogs.get, catalog))
                except NotFound:
                    raise WorkspaceMissingError(
                        f"Target {self.bundle.target} needs catalog {catalog}, which is not there. "
                        "Make it (stocks-ai governance apply does), or add --var catalog=NAME."
                    ) from None

    def _wheel(self, state: State, *, apply: bool) -> Change:
        from databricks.sdk.errors import NotFound

        wheel, there = package_wheel(), True
        what = f"The wheel {self._wheel_path}"
        with workspace_failures(what):
            try:
                patiently(lambda: self.workspace.workspace.get_status(self._wheel_path))
            except NotFound:
                there = False
            if apply and not there:
                self._upload(self._wheel_path, wheel.content)
        if apply:
            state.resources[WHEEL_KEY] = {"id": self._wheel_path, "hash": wheel.hash}
        action: Action = "none" if there else "create"
        return Change(resource=WHEEL_KEY, action=action, name=wheel.name, id=self._wheel_path)

    def _resource(
        self, resource: str, kind_name: str, config: Config, state: State, *, apply: bool
    ) -> Change:
        kind = KINDS[kind_name](self.workspace)
        name, known = kind.name(config), state.resources.get(resource, {})
        with workspace_failures(f"{resource} ({name})"):
            ids = {f"resources.{key}.id": held["id"] for key, held in state.resources.items()}
            wanted = with_wheel(filled(config, ids), self._wheel_path)
            hashed = _hash(wanted)
            found = kind.find(wanted, known.get("id"))
            details = _differing(kind, wanted, found)
            if (
                found
                and not details
                and known
                and known["hash"] != hashed
                and not references(wanted)
            ):
                details = ["parts that were taken out"]
            access = missing_access(kind, wanted, found.id if found else None)
            action: Action = "update" if details or access.lines else "none"
            if found is None:
                action = "create"
            if apply:
                at = self._make(kind, wanted, found, details, access)
                state.resources[resource] = {"id": at, "hash": hashed}
            elif found:  # what comes later may refer to it
                state.resources.setdefault(resource, {"id": found.id, "hash": hashed})
        return Change(
            resource=resource,
            action=action,
            name=name,
            details=(*details, *access.lines),
            id=found.id if found else None,
        )

    def _make(
        self, kind: Kind, wanted: Config, found: Found | None, details: list[str], access: Access
    ) -> str:
        if found is None:
            at = kind.create(wanted)
        else:
            at = found.id
            if details:
                kind.update(found, wanted)
        give(kind, at, access)
        return at

    def _left(self, state: State) -> list[str]:
        """Resources that were deployed and are in the bundle no more, the last ones first."""
        kept = {WHEEL_KEY, *self.bundle.keys()}
        return [resource for resource in reversed(state.resources) if resource not in kept]

    def _leftover(self, resource: str, state: State, *, delete: bool, apply: bool) -> Change:
        held = state.resources[resource]["id"]
        kind = KINDS[resource.split(".", maxsplit=1)[0]](self.workspace)
        if kind.holds_data or not delete:
            why = "it holds data: delete it by hand" if kind.holds_data else "delete with --delete"
            return Change(resource=resource, action="left", name=held, details=(why,), id=held)
        if apply:
            with workspace_failures(f"Deleting {resource} ({held})"):
                kind.delete(held)
            del state.resources[resource]
        return Change(resource=resource, action="delete", name=held, id=held)

    def _state(self) -> State:
        from databricks.sdk.errors import NotFound

        try:
            with patiently(lambda: self.workspace.workspace.download(self._state_file)) as file:
                return State(json.loads(file.read())["resources"])
        except NotFound:
            return State()

    def _save(self, state: State) -> None:
        content = {"target": self.bundle.target, "resources": state.resources}
        with workspace_failures(f"Writing what was deployed to {self._state_file}"):
            self._upload(self._state_file, json.dumps(content, indent=1).encode())

    def _upload(self, path: str, content: bytes) -> None:
        from databricks.sdk.service.workspace import ImportFormat

        files = self.workspace.workspace
        patiently(lambda: files.mkdirs(path.rsplit("/", 1)[0]))
        patiently(lambda: files.upload(path, content, format=ImportFormat.AUTO, overwrite=True))


def with_wheel(config: Any, path: str) -> Any:
    """Return a resource with the uploaded wheel's path where the file names the built one."""
    if isinstance(config, dict):
        return {name: with_wheel(value, path) for name, value in config.items()}
    if isinstance(config, list):
        return [with_wheel(value, path) for value in config]
    return path if config == BUILT_WHEEL else config


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
    return value is None or value == []


def _differing(kind: Kind, wanted: Config, found: Found | None) -> list[str]:
    if found is None:
        return []
    body = {name: wanted[name] for name in kind.body(wanted)}
    return differences(body, found.config)


def _hash(config: Config) -> str:
    text = json.dumps(config, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _shown(value: object) -> str:
    text = "absent" if value is None else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
