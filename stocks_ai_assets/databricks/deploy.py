"""A bundle compared with the workspace, and the workspace made like it, call by call.

What was deployed is written down beside the wheel, in the bundle's folder of the workspace. Nothing
is ever deleted that holds data, and nothing else without being asked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from stocks_ai_assets.databricks.bundle import BUILT_WHEEL, Bundle, filled, references
from stocks_ai_assets.databricks.bundle_access import change_access, compared_access
from stocks_ai_assets.databricks.bundle_kind import Config, Kind
from stocks_ai_assets.databricks.bundle_resources import KINDS, Folders
from stocks_ai_assets.databricks.deploy_differences import TAKEN_OUT, changes
from stocks_ai_assets.databricks.deploy_state import Deployed, State, hashed, upload
from stocks_ai_assets.databricks.staging import patiently
from stocks_ai_assets.databricks.wheel import package_wheel
from stocks_ai_assets.errors import SettingsError, WorkspaceMissingError
from stocks_ai_assets.workspace_client import workspace_failures

Action = Literal["create", "update", "none", "left", "delete"]

WHEEL_KEY = "artifacts.stocks_ai"

ROOT_KEY = "workspace.root_path"
"""The bundle's folder among the resources; it is one when the bundle says who may use it."""


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
        self._file = f"{bundle.root_path}/state/stocks_ai.json"
        wheel = package_wheel().name
        self._wheel_path = f"{bundle.root_path}/artifacts/.internal/{wheel}"

    def plan(self, *, delete: bool = False) -> list[Change]:
        """Return what `apply` would do now; changes nothing."""
        return self._go(delete=delete, apply=False)

    def apply(
        self, *, delete: bool = False, on_change: Callable[[Change], None] | None = None
    ) -> list[Change]:
        """Make the workspace like the bundle; what is done already is recorded if a call fails.

        All is compared before anything is changed: what cannot be changed leaves nothing half done.
        """
        self.plan(delete=delete)
        return self._go(delete=delete, apply=True, on_change=on_change)

    def id_of(self, resource: str) -> str | None:
        """Return the id with which a resource was deployed."""
        known = State.read(self.workspace, self._file).resources.get(resource)
        return known.id if known else None

    def _go(
        self,
        *,
        delete: bool,
        apply: bool,
        on_change: Callable[[Change], None] | None = None,
    ) -> list[Change]:
        state = State.read(self.workspace, self._file)
        self._require_catalogs()
        before = state.text
        made: list[Change] = []

        def done(change: Change) -> None:
            made.append(change)
            if on_change:
                on_change(change)

        try:
            if self.bundle.permissions or ROOT_KEY in state.resources:
                # Before anything lies in it.
                root = {"path": self.bundle.root_path, "permissions": self.bundle.permissions}
                done(self._resource(ROOT_KEY, Folders(self.workspace), root, state, apply=apply))
            done(self._wheel(state, apply=apply))
            for name, kind in KINDS.items():
                for key, config in self.bundle.resources.get(name, {}).items():
                    resource = f"{name}.{key}"
                    done(self._resource(resource, kind(self.workspace), config, state, apply=apply))
            for resource in self._left(state):
                if self._is_gone(resource, state):
                    del state.resources[resource]
                    continue
                done(self._leftover(resource, state, delete=delete, apply=apply))
        finally:
            if apply and state.text != before:
                state.write(self.workspace, self._file, self.bundle.target)
        return made

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
                upload(self.workspace, self._wheel_path, wheel.content)
        if apply:
            state.resources[WHEEL_KEY] = Deployed(id=self._wheel_path, hash=wheel.hash)
        action: Action = "none" if there else "create"
        return Change(resource=WHEEL_KEY, action=action, name=wheel.name, id=self._wheel_path)

    def _resource(
        self, resource: str, kind: Kind, config: Config, state: State, *, apply: bool
    ) -> Change:
        name, known = kind.name(config), state.resources.get(resource, Deployed())
        with workspace_failures(f"{resource} ({name})"):
            ids = {f"resources.{key}.id": held.id for key, held in state.resources.items()}
            wanted = with_wheel(filled(config, ids), self._wheel_path)
            body = kind.body(wanted)
            now = Deployed(hash=hashed(body), parts=sorted(body))
            found = kind.find(wanted, known.id or None)
            if found and not known.id:
                known = self._under_another_key(resource, found.id, state)
            details = changes(kind, wanted, found, known.parts)
            other = known.hash not in {"", now.hash} and not references(wanted)
            if found and not details and kind.changeable is None and other:
                details = [f"parts that were {TAKEN_OUT}"]
            access = compared_access(kind, wanted, found.id if found else None, known.rights)
            action: Action = "update" if details or access.lines else "none"
            if found is None:
                action = "create"
            if apply:
                if found and details:
                    kind.update(found, wanted)
                now.id = found.id if found else kind.create(wanted)
                # Before rights: what is given, and what is to be taken away, stays known.
                now.rights = access.begun
                state.resources[resource] = now
                change_access(kind, now.id, access)
                now.rights = access.given
            elif found:  # what comes later may refer to it
                now.id = found.id
                state.resources.setdefault(resource, now)
        return Change(
            resource=resource,
            action=action,
            name=name,
            details=(*details, *access.lines),
            id=found.id if found else None,
        )

    def _left(self, state: State) -> list[str]:
        """Resources that were deployed and are in the bundle no more, the last ones first."""
        kept = {ROOT_KEY, WHEEL_KEY, *self.bundle.keys()}
        return [resource for resource in reversed(state.resources) if resource not in kept]

    def _under_another_key(self, resource: str, held: str, state: State) -> Deployed:
        """What is known of a resource whose key in the bundle was another one at the last time."""
        kind = resource.split(".", maxsplit=1)[0]
        return next(
            (
                state.resources[other]
                for other in self._left(state)
                if other.startswith(f"{kind}.") and state.resources[other].id == held
            ),
            Deployed(),
        )

    def _is_gone(self, resource: str, state: State) -> bool:
        """Whether something left was deleted by somebody, or is in the bundle under another key."""
        kind, held = resource.split(".", maxsplit=1)[0], state.resources[resource].id
        keys = self.bundle.resources.get(kind, {})
        if held in {state.resources.get(f"{kind}.{key}", Deployed()).id for key in keys}:
            return True
        with workspace_failures(f"{resource} ({held})"):
            return not KINDS[kind](self.workspace).there(held)

    def _leftover(self, resource: str, state: State, *, delete: bool, apply: bool) -> Change:
        held = state.resources[resource].id
        kind = KINDS[resource.split(".", maxsplit=1)[0]](self.workspace)
        if kind.holds_data or not delete:
            why = "it holds data: delete it by hand" if kind.holds_data else "delete with --delete"
            return Change(resource=resource, action="left", name=held, details=(why,), id=held)
        if apply:
            with workspace_failures(f"Deleting {resource} ({held})"):
                kind.delete(held)
            del state.resources[resource]
        return Change(resource=resource, action="delete", name=held, id=held)


def with_wheel(config: Any, path: str) -> Any:
    """Return a resource with the uploaded wheel's path where the file names the built one."""
    if isinstance(config, dict):
        return {name: with_wheel(value, path) for name, value in config.items()}
    if isinstance(config, list):
        return [with_wheel(value, path) for value in config]
    return path if config == BUILT_WHEEL else config
