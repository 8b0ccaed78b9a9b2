"""Libraries of a run: wheels are unpacked for it, PyPI's are compared with what is installed."""

import importlib.metadata
import re
import zipfile
from email.parser import HeaderParser
from pathlib import Path


class LibraryError(Exception):
    """A library cannot be had; the message is what pip would say."""


def of_text(text: str) -> dict:
    """Return the library that a line of an environment's dependencies stands for."""
    if text.startswith("-r "):
        return {"requirements": text[3:].strip()}
    if text.endswith(".whl") or text.startswith(("/Volumes/", "/Workspace/", "dbfs:/")):
        return {"whl": text}
    return {"pypi": {"package": text}}


def install(workspace, wanted: list[dict], folder: Path) -> list[str]:
    """Return folders to import from, after checking all libraries.

    Parameters
    ----------
    wanted
        As in the API: `{"whl": path}`, `{"pypi": {"package": text}}`, `{"requirements": path}`.
    folder
        Wheels are unpacked below it.
    """
    paths, requirements = [], []
    for library in wanted:
        kind, value = next(iter(library.items()))
        if kind == "whl":
            path, needed = _unpack(workspace, value, folder)
            paths.append(path)
            requirements += needed
        elif kind == "pypi":
            requirements.append((value["package"], ""))
        elif kind == "requirements":
            requirements += [(line, "") for line in _lines(workspace, value)]
        else:
            raise LibraryError(f"{kind} libraries are not supported by this workspace for tests")
    brought = {_canonical(dist.name) for dist in importlib.metadata.distributions(path=paths)}
    for text, source in requirements:
        _check(workspace, text, source, brought)
    return paths


def _unpack(workspace, remote, folder):
    path = workspace.path(remote)
    if not path.is_file():
        raise LibraryError(f"ERROR: Invalid requirement: '{remote}': File does not exist.")
    target = folder / path.name
    try:
        with zipfile.ZipFile(path) as wheel:
            wheel.extractall(target)
    except zipfile.BadZipFile:
        raise LibraryError(f"ERROR: Wheel '{path.name}' located at {remote} is invalid.") from None
    found = list(target.glob("*.dist-info/METADATA"))
    if len(found) != 1:
        raise LibraryError(f"ERROR: {path.name} is not a wheel: .dist-info/METADATA not found")
    metadata = HeaderParser().parsestr(found[0].read_text())
    needed = [(text, path.name) for text in metadata.get_all("Requires-Dist") or ()]
    return str(target), needed


def _lines(workspace, remote):
    path = workspace.path(remote)
    if not path.is_file():
        raise LibraryError(f"ERROR: Could not open requirements file: {remote}")
    lines = [line.split("#")[0].strip() for line in path.read_text().splitlines()]
    return [line for line in lines if line and not line.startswith("-")]


def _canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def _check(workspace, text, source, brought):
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise LibraryError(f"ERROR: Invalid requirement: '{text}': {error}") from None
    marker = requirement.marker
    if _canonical(requirement.name) in brought or (marker and not marker.evaluate({"extra": ""})):
        return
    needed_by = f" (needed by {source})" if source else ""
    found = _installed(workspace, requirement.name)
    if found is None:
        message = f"ERROR: No matching distribution found for {text}{needed_by}"
        raise LibraryError(message)
    if not requirement.specifier.contains(found, prereleases=True):
        message = f"ERROR: {requirement.name} {found} is installed but {text} is required"
        raise LibraryError(f"{message}{needed_by}")


def _installed(workspace, name):
    skew = workspace.misbehaviour.version_skew
    if skew and _canonical(skew[0]) == _canonical(name):
        return skew[1]
    if _canonical(name) == "stocks-ai-assets":
        return None
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
