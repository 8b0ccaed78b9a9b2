"""Processes of drivers: a private file system, a clean environment, and an end that is certain."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from stocks_ai_assets_tests.workspace.state import TOPS

HERE = Path(__file__).parent
MAIN = """
import sys
sys.path.append("/databricks/launcher")
from databricks_driver.{0} import main
main()
"""
NAMESPACES = ("--mount", "--pid", "--fork", "--kill-child=KILL")
GRACE_SECONDS = 2


class NotPermittedError(Exception):
    """This machine does not let a process have a file system of its own."""


def _unshare():
    as_root = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    return ["unshare", *as_root, *NAMESPACES]


def check_permitted() -> None:
    """Raise if processes cannot be given a file system of their own here."""
    if not shutil.which("unshare"):
        message = "the command unshare (util-linux) is missing, so runs cannot be kept apart"
        raise NotPermittedError(message)
    done = subprocess.run(
        [*_unshare(), "mount", "-t", "tmpfs", "none", "/mnt"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        message = (
            "runs need a file system of their own, which this machine does not permit: "
            f"unshare --mount --pid says {done.stderr.strip()!r}. "
            "Run as root with CAP_SYS_ADMIN, or allow user namespaces."
        )
        raise NotPermittedError(message)


def environment_of(passed: dict, home: Path, runtime: str) -> dict:
    """Environment of a driver: what it needs itself, and what the run passes; nothing else."""
    own = {
        "PATH": "/databricks/python/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TMPDIR": "/local_disk0/tmp",
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_CONF_DIR": "/databricks/conf",
        "PYSPARK_PYTHON": "/databricks/python/bin/python",
        "PYSPARK_DRIVER_PYTHON": "/databricks/python/bin/python",
        "DATABRICKS_RUNTIME_VERSION": runtime,
    }
    return own | {name: str(value) for name, value in passed.items()}


class Driver:
    """A process of a driver; `module` of the folder `driver` runs, `spec` comes on its stdin."""

    def __init__(self, workspace, module: str, spec: dict, *, environment, cwd, mounts, output):
        if sys.prefix == sys.base_prefix:
            raise NotPermittedError("run the workspace from a virtual environment")
        pure = Path(sysconfig.get_path("purelib"))
        hidden = [
            path.name
            for path in pure.iterdir()
            if path.name.startswith(("stocks_ai_assets", "_editable_impl_", "__editable__"))
        ]
        self._root = Path(tempfile.mkdtemp(dir=workspace.folder / "roots"))
        gone = ("dbfs",) if workspace.misbehaviour.no_dbfs else ()
        shown = [f"{workspace.folder / name}=/{name}" for name in TOPS if name not in gone]
        shown += [f"{path}={path}" for path in (*mounts, *workspace.external)]
        command = [
            *_unshare(),
            "sh",
            str(HERE / "namespace.sh"),
            str(self._root),
            sys.prefix,
            sys.base_prefix,
            ":".join([str(pure.relative_to(sys.prefix)), *hidden]),
            str(HERE / "driver"),
            str(cwd),
            *shown,
            "--",
            "/databricks/python/bin/python",
            "-P",
            "-c",
            MAIN.format(module),
        ]
        out, err = output
        self.process = subprocess.Popen(
            command,
            env=environment,
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
            start_new_session=True,
            text=True,
        )
        self.process.stdin.write(json.dumps(spec) + "\n")
        self.process.stdin.flush()

    def poll(self) -> int | None:
        """Exit code, none while it runs."""
        code = self.process.poll()
        if code is not None and not self.process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
            self._root.rmdir()
        return code

    def end(self, *, grace: float = GRACE_SECONDS) -> None:
        """SIGTERM to all its processes, then SIGKILL to whatever is left."""
        if self.process.poll() is None and grace:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(grace)
        if self.process.poll() is None:
            self._signal(signal.SIGKILL)
            self.process.wait()
        self.poll()

    def _signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
