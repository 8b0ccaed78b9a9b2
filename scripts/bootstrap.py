"""Create or refresh `.venv` from the hash-locked requirements; quick when nothing changed.

`bootstrap.py` installs what the core needs, `bootstrap.py all` also Spark, Databricks, sharing and
object stores; an environment that has everything serves both. Standard library only. An
interrupted run is repaired by the next one: the stamp is written last.
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
LOCKS = {"core": "requirements.lock", "all": "requirements-all.lock"}


def wanted(level: str) -> str:
    """Hash of everything that decides what the environment holds."""
    digest = hashlib.sha256(sys.version.encode())
    for name in (LOCKS[level], "pyproject.toml", "scripts/bootstrap.py"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def is_installed(level: str) -> bool:
    """Whether the environment has at least what `level` needs, at the locked versions."""
    if not (STAMP.exists() and PYTHON.exists()):
        return False
    return STAMP.read_text() in {wanted(level), wanted("all")}


def run(*command: str) -> None:
    """Run one step and stop with its exit code if it fails."""
    finished = subprocess.run(command, cwd=ROOT, check=False)
    if finished.returncode:
        sys.exit(f"bootstrap: `{' '.join(command[:6])} ...` failed. Repeat `make` to go on.")


def main() -> None:
    """Bring `.venv` up to date."""
    if sys.version_info < (3, 11):  # noqa: UP036  # that is what the message is for
        sys.exit(f"Python 3.11 or newer is needed, found {sys.version.split()[0]}. Set PYTHON=...")
    level = sys.argv[1] if len(sys.argv) > 1 else "core"
    if level not in LOCKS:
        sys.exit(f"bootstrap: no environment `{level}`; there are {', '.join(LOCKS)}.")
    if is_installed(level):
        return
    size = " with Spark, some 450 MB to fetch" if level == "all" else ""
    print(f"Installing the environment into .venv{size} (once) ...", flush=True)
    STAMP.unlink(missing_ok=True)
    if not PYTHON.exists():
        run(sys.executable, "-m", "venv", str(VENV))
    run(str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check", UV)
    uv = (str(PYTHON), "-m", "uv", "pip", "install", "-q", "--python", str(PYTHON), "--no-deps")
    run(*uv, "--require-hashes", "-r", LOCKS[level])
    run(*uv, "--no-build-isolation", "-e", ".")
    STAMP.write_text(wanted(level))


if __name__ == "__main__":
    main()
