"""The package as one file that travels to a cluster: what a step imports, and nothing else.

Only modules of packages and the data files named here are packed. Whatever else lies in or beside
the folder (settings, secrets, version control, caches, tests, tables) stays where it is.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import stocks_ai_assets

DATA = (
    "domain/code_versions.json",
    "domain/nyse.json",
    "governance/policy.toml",
    "py.typed",
    "reports/page.css",
    "reports/page.js",
)
"""Files of the package that are no modules; a test holds this to what lies there."""

EPOCH = (1980, 1, 1, 0, 0, 0)
"""Time of every file in the archive: equal content makes equal bytes."""


def package_files(root: Path | None = None) -> dict[str, bytes]:
    """Return the files that travel, by their path in the archive, ascending.

    Parameters
    ----------
    root
        Folder of the package; None: the one that runs now.
    """
    folder = root or Path(stocks_ai_assets.__file__).parent
    paths = sorted([*_modules(folder), *(folder / name for name in DATA)])
    return {
        f"{stocks_ai_assets.__name__}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in paths
    }


@cache
def code_archive() -> bytes:
    """Return the package that runs now as a zip file; equal files give equal bytes."""
    return archive(package_files())


def archive(files: dict[str, bytes]) -> bytes:
    """Return `files` as a zip file without times, owners or rights."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, files[name], zipfile.ZIP_DEFLATED, 6)
    return buffer.getvalue()


def digest(packed: bytes) -> str:
    """Name of an archive by its content."""
    return hashlib.sha256(packed).hexdigest()[:12]


def _modules(folder: Path) -> Iterator[Path]:
    """Yield the modules of a package and of the packages in it; links are not followed."""
    for path in folder.iterdir():
        if path.is_symlink() or not path.stem.isidentifier():
            continue
        if path.is_dir() and (path / "__init__.py").is_file():
            yield from _modules(path)
        elif path.suffix == ".py" and path.is_file():
            yield path
