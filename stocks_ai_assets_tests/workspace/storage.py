"""Files in the workspace's folders, and what faults do to them; for DBFS, volumes and imports."""

import shutil
from pathlib import Path


def forgotten(workspace, path: Path) -> bool:
    """Whether a fault makes this file disappear."""
    text = workspace.misbehaviour.lose_messages
    return bool(text) and text in str(path.relative_to(workspace.folder))


def is_file(workspace, path: Path) -> bool:
    """Whether the file exists and is not lost by a fault."""
    return path.is_file() and not forgotten(workspace, path)


def write(workspace, path: Path, content: bytes) -> None:
    """Write a whole file at once, so that readers see all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if forgotten(workspace, path):
        return
    part = path.with_name(f".{path.name}.{workspace.next_id()}.part")
    part.write_bytes(content)
    part.replace(path)


def entries(workspace, folder: Path) -> list[Path]:
    """Children of a folder by name."""
    return [
        path
        for path in sorted(folder.iterdir())
        if not path.name.endswith(".part") and not (path.is_file() and forgotten(workspace, path))
    ]


def remove(path: Path) -> None:
    """Delete a file or a whole folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def milliseconds(path: Path) -> int:
    """Time of the last change, as the APIs give it."""
    return int(path.stat().st_mtime * 1000)


def size(path: Path) -> int:
    """Bytes of a file, 0 for a folder."""
    return 0 if path.is_dir() else path.stat().st_size
