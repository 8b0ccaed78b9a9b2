"""`databricks.yml` read for one target: variables filled in, references between parts followed.

The part of Databricks' bundle language that our file uses; what is not known here is refused, for
a part that is silently left out would be missed in the workspace.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # no stubs

from stocks_ai_assets.databricks.bundle_rights import folder_rights, require_rights
from stocks_ai_assets.databricks.bundle_secrets import require_no_secrets
from stocks_ai_assets.errors import SettingsError, UsageError

KNOWN = ("bundle", "variables", "artifacts", "resources", "permissions", "targets")
KNOWN_IN_TARGET = (
    "default",
    "mode",
    "variables",
    "workspace",
    "run_as",
    "resources",
    "permissions",
)

SHARED = "/Workspace/Shared/"
"""Everybody in a workspace manages what lies here, and no right of a folder changes that."""

BUILT_WHEEL = "./dist/*.whl"
"""What the file calls the wheel; a deployment puts the path of the uploaded one in its place."""

_REFERENCE = re.compile(r"\$\{([A-Za-z_][\w.-]*)\}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """What one target is to have.

    Parameters
    ----------
    name, target
        Of the bundle.
    root_path
        Folder of the workspace for wheel and state.
    resources
        By kind and key, as the REST API takes them. Ids that exist after the deployment alone stay
        as references, `${resources.<kind>.<key>.id}`.
    permissions
        Who may do what with `root_path`, as the Permissions API takes it; empty: as is usual there.
    """

    name: str
    target: str
    root_path: str
    resources: Mapping[str, Mapping[str, dict[str, Any]]]
    permissions: tuple[dict[str, str], ...] = ()

    def keys(self) -> list[str]:
        """Return `<kind>.<key>` of every resource, in the order of the file."""
        return [f"{kind}.{key}" for kind, found in self.resources.items() for key in found]


def load_bundle(file: Path, target: str | None, given: Mapping[str, str], user: str) -> Bundle:
    """Read a bundle for one target.

    Parameters
    ----------
    file
        `databricks.yml`.
    target
        Name of the target; None: the default one.
    given
        Values of variables, before those of the file.
    user
        Name of who deploys.

    Raises
    ------
    SettingsError
        The file is missing, is no bundle, has a part or a reference that is not known, a variable
        without value, a right without holder, a secret, or a folder that everybody may write and a
        job runs from as somebody else.
    UsageError
        No such target or variable, or a value of one that cannot be read.
    """
    content = _content(file)
    _require_known(file, content, KNOWN, "")
    require_no_secrets(str(file), content)
    require_no_secrets("--var", dict(given))
    name = _target_name(file, content, target)
    chosen = content["targets"][name] or {}
    _require_known(file, chosen, KNOWN_IN_TARGET, f" of target {name}")
    bundle_name = content["bundle"]["name"]
    tree = {
        "bundle": {**content["bundle"], "target": name},
        "workspace": {
            "root_path": f"/Workspace/Users/{user}/.bundle/{bundle_name}/{name}",
            **(chosen.get("workspace") or {}),
            "current_user": {
                "userName": user,
                "short_name": re.sub(r"\W", "_", user.split("@", maxsplit=1)[0]),
            },
        },
        "var": _variables(file, content, chosen, given, name),
        "resources": merged(content.get("resources") or {}, chosen.get("resources") or {}),
        "run_as": chosen.get("run_as"),
        "permissions": merged(content.get("permissions") or [], chosen.get("permissions") or []),
    }
    described = {key: one.get("description") or "" for key, one in _declared(content).items()}
    resolver = _Resolver(file, tree, name, described)
    resources, run_as = resolver.value(tree["resources"]), resolver.value(tree["run_as"])
    require_rights(file, resources)
    if chosen.get("mode") == "production" and not run_as:
        raise SettingsError(f"{file}: target {name} is of mode production and has no run_as.")
    for job in resources.get("jobs", {}).values():
        if run_as:
            job.setdefault("run_as", run_as)
    root = resolver.value(tree["workspace"]["root_path"])
    if run_as and f"{root}/".startswith((SHARED, "/Shared/")):
        raise SettingsError(
            f"{file}: everybody in the workspace may write to {root}, and jobs of target {name} "
            f"run from there as {', '.join(run_as.values())}. Set the target's workspace.root_path "
            f"to a folder outside {SHARED}, for instance /Workspace/{bundle_name}/{name}."
        )
    return Bundle(
        name=bundle_name,
        target=name,
        root_path=root,
        resources=resources,
        permissions=folder_rights(file, resolver.value(tree["permissions"])),
    )


def merged(base: Any, over: Any) -> Any:
    """Return `base` with a target's part: maps by key, lists one after the other."""
    if isinstance(base, dict) and isinstance(over, dict):
        both = {key: merged(base[key], over[key]) for key in base.keys() & over.keys()}
        return {**base, **over, **both}
    if isinstance(base, list) and isinstance(over, list):
        return [*base, *over]
    return over


def references(value: object) -> set[str]:
    """Return what stands in `${...}` anywhere in a value."""
    if isinstance(value, dict):
        return {name for part in value.values() for name in references(part)}
    if isinstance(value, list):
        return {name for part in value for name in references(part)}
    return set(_REFERENCE.findall(value)) if isinstance(value, str) else set()


def filled(value: Any, known: Mapping[str, Any]) -> Any:
    """Return a value with `${name}` replaced where `name` is known; whole strings keep types."""
    if isinstance(value, dict):
        return {key: filled(part, known) for key, part in value.items()}
    if isinstance(value, list):
        return [filled(part, known) for part in value]
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole and whole[1] in known:
        return known[whole[1]]
    return _REFERENCE.sub(lambda found: str(known.get(found[1], found[0])), value)


class _Resolver:
    """Follows references within one target's tree, each once."""

    def __init__(
        self, file: Path, tree: Mapping[str, Any], target: str, described: Mapping[str, str]
    ) -> None:
        self._file, self._tree, self._target = file, tree, target
        self._described = described
        self._open: list[str] = []

    def value(self, node: Any) -> Any:
        """Return a node with its references followed."""
        return filled(node, {name: self._lookup(name) for name in sorted(references(node))})

    def _lookup(self, name: str) -> Any:
        if name in self._open:
            raise SettingsError(f"{self._file}: ${{{name}}} refers to itself.")
        parts, node = name.split("."), self._tree
        if self._is_id(parts):
            return f"${{{name}}}"  # known when it is deployed
        for part in parts:
            if not isinstance(node, dict) or part not in node:
                raise SettingsError(f"{self._file}: there is no ${{{name}}} to refer to.")
            node = node[part]
        if node is None and parts[0] == "var":
            what = " ".join(self._described[parts[1]].rstrip(".").split())
            raise SettingsError(
                f"Target {self._target} needs a value of the variable {parts[1]}"
                f"{f' ({what})' if what else ''}. Add --var {parts[1]}=VALUE, or write it into "
                f"{self._file}."
            )
        self._open.append(name)
        try:
            return self.value(node)
        finally:
            self._open.pop()

    def _is_id(self, parts: list[str]) -> bool:
        """Whether a reference is to the id of a resource that the bundle has."""
        match parts:
            case ["resources", kind, key, "id"]:
                return key in (self._tree["resources"].get(kind) or {})
        return False


def _content(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            f"{file} cannot be read: {error.strerror}. Run the command in the folder of "
            "databricks.yml, or name the file with --file."
        ) from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{file} is not valid YAML: {_place(error)}.") from None
    if not isinstance(content, dict) or not {"bundle", "targets"} <= content.keys():
        raise SettingsError(f"{file} is no bundle: it needs `bundle` and `targets`.")
    return content


def _place(error: yaml.YAMLError) -> str:
    return str(error).splitlines()[-1].strip()


def _require_known(
    file: Path, found: Mapping[str, Any], known: tuple[str, ...], where: str
) -> None:
    unknown = sorted(found.keys() - set(known))
    if unknown:
        raise SettingsError(
            f"{file}: this command does not know `{unknown[0]}`{where}. Take it out, or deploy "
            "with Databricks' own `databricks bundle deploy`."
        )


def _target_name(file: Path, content: Mapping[str, Any], target: str | None) -> str:
    targets = content["targets"]
    if target is None:
        target = next((name for name, found in targets.items() if (found or {}).get("default")), "")
    if target not in targets:
        raise UsageError(f"{file} has no target `{target}`. Targets: {', '.join(targets)}.")
    return target


def _declared(content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Declaration of each variable; one may be empty."""
    return {name: found or {} for name, found in (content.get("variables") or {}).items()}


def _variables(
    file: Path,
    content: Mapping[str, Any],
    chosen: Mapping[str, Any],
    given: Mapping[str, str],
    target: str,
) -> dict[str, Any]:
    values = {name: found.get("default") for name, found in _declared(content).items()}
    for source, where in ((chosen.get("variables") or {}, f"target {target}"), (given, "--var")):
        unknown = sorted(source.keys() - values.keys())
        if unknown:
            raise UsageError(
                f"{file} declares no variable `{unknown[0]}` ({where}). Variables: "
                f"{', '.join(values)}."
            )
        # A word of the command line becomes what the default is: a number, a list.
        values |= {
            name: _read(name, value, where)
            if isinstance(value, str) and isinstance(values[name], int | list | dict)
            else value
            for name, value in source.items()
        }
    return values


def _read(name: str, value: str, where: str) -> Any:
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise UsageError(
            f"The value of the variable `{name}` ({where}) is not valid YAML: {_place(error)}."
        ) from None
