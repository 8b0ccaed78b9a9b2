"""The driver of an all-purpose cluster: imports once, then one fork a task; one JVM on demand.

Reads lines of JSON from stdin (`run`, or `kill`), answers on what was its stdout. Single-threaded,
so that a fork holds no lock of another thread.
"""

import importlib
import json
import os
import pathlib
import select
import signal
import sys
import time
import traceback

from . import session, task

IMPORTED = (
    "dagster",
    "dagster._core.execution.api",
    "dagster._core.execution.plan.external_step",
    "dagster_databricks",
    "dagster_pipes",
    "databricks.sdk",
    "pandas",
    "pyarrow.dataset",
    "pyspark.sql",
)
"""What a Python on a cluster has usually imported when a step comes; never the project."""

HOME = pathlib.Path("/databricks/jvm")
JVM_SECONDS = 120


def main() -> None:
    """Serve until stdin ends or somebody kills the cluster."""
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    commands = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    reader = _Lines(commands)
    spec = reader.next()
    HOME.mkdir(parents=True, exist_ok=True)
    session.write_conf(spec["conf"])
    for name in IMPORTED:
        try:
            importlib.import_module(name)
        except ImportError:
            traceback.print_exc()
    _tell(told, ready=True)
    pids = {}
    while True:
        for command in reader.waiting(0.02):
            if command is None:
                os._exit(0)
            if "kill" in command:
                _kill(pids, command)
            else:
                pids[_forked(command["spec"], told, commands)] = command["run"]
        _reap(pids, told)
        if (HOME / "wanted").exists() and not (HOME / "begun").exists():
            (HOME / "begun").touch()
            _own_jvm(spec, told, commands)


class _Lines:
    """Lines of JSON from a descriptor, without waiting for more than there is."""

    def __init__(self, descriptor):
        self._descriptor, self._read = descriptor, b""

    def waiting(self, seconds):
        if not select.select([self._descriptor], [], [], seconds)[0]:
            return []
        more = os.read(self._descriptor, 1 << 16)
        if not more:
            return [None]
        *lines, self._read = (self._read + more).split(b"\n")
        return [json.loads(line) for line in lines]

    def next(self):
        while True:
            found = self.waiting(1)
            if found:
                return found[0]


def _tell(told, **message):
    told.write(json.dumps(message) + "\n")
    told.flush()


def _kill(pids, command):
    for pid, run in pids.items():
        if run == command["kill"]:
            try:
                os.killpg(pid, command["signal"])
            except ProcessLookupError:
                return


def _reap(pids, told):
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if pid in pids:
            _tell(told, run=pids.pop(pid), code=os.waitstatus_to_exitcode(status))


def _forked(spec, told, commands):
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setsid()
        told.close()
        os.close(commands)
        _change_environment(spec["environment"])
        os.chdir(spec["folder"])
        for name, descriptor in (("stdout", 1), ("stderr", 2)):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), descriptor)
        code = task.carry_out(spec, gateway=_jvm)
    except BaseException:  # noqa: BLE001  # a fork must never return into the loop of its parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _change_environment(variables):
    os.environ.clear()  # noqa: TID251  # a fork has its task's environment, not its parent's
    os.environ.update(variables)  # noqa: TID251


def _jvm():
    """Port and secret of the cluster's JVM, which starts when it is first asked for."""
    (HOME / "wanted").touch()
    deadline = time.monotonic() + JVM_SECONDS
    while not (HOME / "address.json").exists():
        if (HOME / "failed").exists() or time.monotonic() > deadline:
            raise RuntimeError("the JVM of the cluster did not start, see the cluster's log")
        time.sleep(0.02)
    found = json.loads((HOME / "address.json").read_text())
    return found["port"], found["secret"]


def _own_jvm(spec, told, commands):
    if os.fork():
        return
    try:
        os.setsid()
        told.close()
        os.close(commands)
        _change_environment(spec["environment"])
        from pyspark.sql import SparkSession

        parameters = SparkSession.builder.getOrCreate().sparkContext._gateway.gateway_parameters
        address = {"port": parameters.port, "secret": parameters.auth_token}
        (HOME / "address.part").write_text(json.dumps(address))
        (HOME / "address.part").rename(HOME / "address.json")
        while True:
            signal.pause()
    except BaseException:  # noqa: BLE001  # tell those who wait
        traceback.print_exc()
        (HOME / "failed").touch()
    finally:
        os._exit(1)
