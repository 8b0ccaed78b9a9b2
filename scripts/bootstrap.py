"""Create or refresh `.venv` from the hash-locked requirements; quick when nothing changed.

Standard library only. An interrupted run is repaired by the next one: the stamp is written last.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed"
UV = "uv==0.13.9"


def wanted() -> str:
    """Hash of everything that decides what the environment holds."""
    digest = hashlib.sha256(sys.version.encode())
    for name in ("requirements.lock", "pyproject.toml", "scripts/bootstrap.py"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def run(*command: str) -> None:
    """Run one step and stop with its exit code if it fails."""
    finished = subprocess.run(command, cwd=ROOT, check=False)
    if finished.returncode:
        sys.exit(f"bootstrap: `{' '.join(command[:6])} ...` failed. Repeat `make` to go on.")


def main() -> None:
    """Bring `.venv` up to date."""
    if sys.version_info < (3, 11):  # noqa: UP036  # that is what the message is for
        sys.exit(f"Python 3.11 or newer is needed, found {sys.version.split()[0]}. Set PYTHON=...")
    if STAMP.exists() and STAMP.read_text() == wanted() and PYTHON.exists():
        return
    print("Installing the environment into .venv (once) ...", flush=True)
    STAMP.unlink(missing_ok=True)
    if not PYTHON.exists():
        run(sys.executable, "-m", "venv", str(VENV))
    run(str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check", UV)
    uv = (str(PYTHON), "-m", "uv", "pip", "install", "-q", "--python", str(PYTHON), "--no-deps")
    run(*uv, "--require-hashes", "-r", "requirements.lock")
    run(*uv, "--no-build-isolation", "-e", ".")
    STAMP.write_text(wanted())


if __name__ == "__main__":
    main()
