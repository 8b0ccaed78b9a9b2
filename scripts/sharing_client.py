"""Create or refresh `.venv-sharing`: the client of Delta Sharing, apart from everything else.

The client holds pyarrow and pandas back, so it has an environment of its own, as a recipient has.
Run with the Python of `.venv`, whose uv installs from `requirements-sharing-client.lock`. Standard
library only. An interrupted run is repaired by the next one: the stamp is written last.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv-sharing"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed"
LOCK = ROOT / "requirements-sharing-client.lock"


def main() -> None:
    """Bring `.venv-sharing` up to date; quick when nothing changed."""
    wanted = hashlib.sha256(sys.version.encode() + LOCK.read_bytes()).hexdigest()
    if PYTHON.exists() and STAMP.exists() and STAMP.read_text() == wanted:
        return
    print("Installing the sharing client into .venv-sharing, some 100 MB (once) ...", flush=True)
    STAMP.unlink(missing_ok=True)
    uv = (sys.executable, "-m", "uv")
    install = (*uv, "pip", "install", "-q", "--python", str(PYTHON))
    steps = (
        (*uv, "venv", "-q", "--clear", str(VENV)),
        (*install, "--no-deps", "--require-hashes", "-r", str(LOCK)),
    )
    for step in steps:
        finished = subprocess.run(step, cwd=ROOT, check=False)
        if finished.returncode:
            sys.exit(f"sharing_client: `{' '.join(step[2:6])} ...` failed. Repeat it to go on.")
    STAMP.write_text(wanted)


if __name__ == "__main__":
    main()
