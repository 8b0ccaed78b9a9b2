"""A fault: the environment claims to have another version of a package than the caller."""

import importlib.metadata
import pathlib
import re
import sys
import tempfile

from .after import after_import


def pretend(package: str, version: str) -> None:
    """Let metadata and `__version__` of a package say `version`."""
    name = re.sub(r"[-.]+", "_", package)
    folder = pathlib.Path(tempfile.mkdtemp())
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    text = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
    (info / "METADATA").write_text(text)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    after_import(name, lambda module: setattr(module, "__version__", version))
