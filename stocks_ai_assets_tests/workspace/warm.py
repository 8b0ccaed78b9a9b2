"""Warm clusters: one Python that waits in its own file system and is forked for each task."""

import json
import queue
import subprocess
import threading

from stocks_ai_assets_tests.workspace.processes import GRACE_SECONDS, Driver


class WarmCluster:
    """The process of an all-purpose cluster; the driver's side is `driver/cluster.py`."""

    def __init__(self, workspace, spec: dict, *, environment, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self._log = (folder / "log").open("wb")
        self._driver = Driver(
            workspace,
            "cluster",
            spec,
            environment=environment,
            cwd=folder,
            mounts=(folder, workspace.folder / "runs"),
            output=(subprocess.PIPE, self._log),
        )
        self._lock = threading.Lock()
        self._codes = {}
        self._ready = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self._driver.process.stdout:
            told = json.loads(line)
            if told.get("ready"):
                self._ready.set()
            else:
                self._codes[told["run"]].put(told["code"])
        for waiting in self._codes.values():
            waiting.put(None)
        self._ready.set()

    def alive(self) -> bool:
        """Whether the cluster's process runs."""
        return self._driver.process.poll() is None

    def wait_until_ready(self, seconds: float) -> bool:
        """Wait for the libraries to be imported; whether it is alive then."""
        self._ready.wait(seconds)
        return self.alive()

    def tell(self, message: dict) -> None:
        """Send one line to the cluster."""
        with self._lock:
            try:
                self._driver.process.stdin.write(json.dumps(message) + "\n")
                self._driver.process.stdin.flush()
            except (BrokenPipeError, ValueError):
                return

    def run(self, number: int, spec: dict) -> "Forked":
        """Start a task as a fork."""
        self._codes[number] = queue.Queue()
        self.tell({"run": number, "spec": spec})
        return Forked(self, number)

    def end(self) -> None:
        """Kill everything that runs on this cluster."""
        self._driver.end(grace=0)
        self._log.close()


class Forked:
    """A task on a warm cluster, with the interface of `Driver`."""

    def __init__(self, cluster: WarmCluster, number: int):
        self._cluster, self._number, self._code = cluster, number, ()

    def poll(self) -> int | None:
        """Exit code, none while it runs; -9 if the cluster is gone."""
        if self._code == ():
            try:
                self._code = self._cluster._codes[self._number].get_nowait()
            except queue.Empty:
                return None if self._cluster.alive() else -9
        return -9 if self._code is None else self._code

    def end(self, *, grace: float = GRACE_SECONDS) -> None:
        """SIGTERM, then SIGKILL after a grace period."""
        for number, patience in ((15, grace), (9, 5)):
            if self.poll() is not None:
                return
            self._cluster.tell({"kill": self._number, "signal": number})
            try:
                self._code = self._cluster._codes[self._number].get(timeout=patience)
            except queue.Empty:
                continue
