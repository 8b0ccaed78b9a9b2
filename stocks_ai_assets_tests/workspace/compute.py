"""What computes: clusters with their warm processes, and the threads that carry runs out."""

import shutil
import threading
import time

from stocks_ai_assets_tests.workspace import clusters, processes, states
from stocks_ai_assets_tests.workspace.lifecycle import Execution
from stocks_ai_assets_tests.workspace.warm import WarmCluster

SPARK_CONF = {
    "spark.master": "local[2]",
    "spark.driver.memory": "1g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xss4m"
    " -Duser.timezone=UTC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.warehouse.dir": "/local_disk0/warehouse",
    "spark.local.dir": "/local_disk0/tmp",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.databricks.delta.snapshotPartitions": "2",
}
"""Small and quick; Delta is there, as on Databricks. A cluster's own settings win."""

LAUNCH_SECONDS = 120

BETWEEN_SECONDS = 0.5
"""Between two runs of a continuous job; on Databricks up to a minute, and more after failures."""


class Compute:
    """Everything of a workspace that runs."""

    def __init__(self, workspace):
        self.workspace = workspace
        self._executions = {}
        self._warm = {}
        self._outputs = {}
        self._lock = threading.RLock()
        self._permitted = None
        self._stopping = False
        with workspace.lock:
            for run in workspace.collection("runs").values():
                if not states.has_ended(run):
                    lost = states.ended(
                        "FAILED", "The workspace was restarted.", code="DRIVER_ERROR"
                    )
                    run.update(lost)
                    for task in run["tasks"]:
                        if not states.has_ended(task):
                            task.update(lost)
            for document in workspace.collection("clusters").values():
                document["state"] = "TERMINATED"

    def check_permitted(self) -> None:
        """Raise if runs cannot be kept apart here; asked once."""
        with self._lock:
            if self._permitted is None:
                processes.check_permitted()
                self._permitted = True

    def start_run(self, run_id: int) -> None:
        """Carry a run out in a thread."""
        execution = Execution(self.workspace, run_id)
        self._executions[run_id] = execution
        execution.start()

    def start_next(self, job_id: int) -> None:
        """Start the first queued run of a job, now that one ended."""
        if self._stopping:
            return
        with self.workspace.lock:
            same = [r for r in self.workspace.collection("runs").values() if r["job_id"] == job_id]
            queued = [r for r in same if r["state"]["life_cycle_state"] == "QUEUED"]
            active = [r for r in same if not states.has_ended(r) and r not in queued]
            if queued and len(active) < queued[0]["settings"].get("max_concurrent_runs", 1):
                queued[0].update(states.going("PENDING"))
                self.start_run(queued[0]["run_id"])
            if self._goes_on(job_id):
                following = threading.Timer(BETWEEN_SECONDS, self.keep_running, (job_id,))
                following.daemon = True
                following.start()

    def keep_running(self, job_id: int) -> None:
        """Start a run of a continuous job that is not paused, unless one is there."""
        from stocks_ai_assets_tests.workspace.runs import Runs

        with self.workspace.lock:
            runs = self.workspace.collection("runs").values()
            active = any(not states.has_ended(run) for run in runs if run["job_id"] == job_id)
            if self._goes_on(job_id) and not active:
                job = self.workspace.collection("jobs")[str(job_id)]
                Runs(self.workspace).begin_job(
                    job["creator_user_name"], job, {}, trigger="CONTINUOUS"
                )
                self.workspace.changed()

    def _goes_on(self, job_id: int) -> bool:
        job = self.workspace.collection("jobs").get(str(job_id), {"settings": {}})
        continuous = job["settings"].get("continuous")
        return bool(
            continuous and continuous.get("pause_status") != "PAUSED" and not self._stopping
        )

    def cancel(self, run_id: int) -> None:
        """Cancel a run: its processes end, it becomes CANCELED."""
        with self.workspace.lock:
            run = self.workspace.collection("runs")[str(run_id)]
            if states.has_ended(run):
                return
            if run["state"]["life_cycle_state"] == "QUEUED":
                over = states.ended("CANCELED", "Run cancelled.")
                run.update(over, end_time=int(time.time() * 1000))
                for task in run["tasks"]:
                    task.update(over)
                return
            run.update(states.going("TERMINATING", "Run cancelled."))
        self._executions[run_id].cancel()

    def logs(self, task_run_id: int) -> str:
        """What a task wrote to stdout, then to stderr."""
        folder = self.workspace.folder / "runs" / str(task_run_id)
        found = [folder / name for name in ("stdout", "stderr")]
        return "".join(p.read_text(errors="replace") for p in found if p.exists())

    def start_cluster(self, key: str) -> None:
        """Bring an all-purpose cluster up; its Python starts with its first task."""
        workspace = self.workspace
        clusters.set_state(workspace, key, "PENDING", "Starting the driver")
        clusters.add_event(workspace, key, "STARTING")
        delay = workspace.misbehaviour.slow_start_seconds

        def rise():
            time.sleep(delay)
            with workspace.lock:
                document = workspace.collection("clusters").get(key)
                if document and document["state"] == "PENDING":
                    clusters.set_state(workspace, key, "RUNNING")
                    clusters.add_event(workspace, key, "RUNNING")

        if delay:
            threading.Thread(target=rise, daemon=True).start()
        else:
            rise()

    def end_cluster(self, key: str) -> None:
        """Kill what runs on a cluster."""
        with self._lock:
            warm = self._warm.pop(key, None)
        if warm is not None:
            warm.end()

    def lose_cluster(self, key: str) -> None:
        """The cluster's driver dies by itself."""
        self.end_cluster(key)
        reason = {"code": "DRIVER_UNREACHABLE", "type": "CLOUD_FAILURE", "parameters": {}}
        with self.workspace.lock:
            clusters.add_event(self.workspace, key, "TERMINATING", reason=reason)
            message = "Driver is unreachable"
            clusters.set_state(
                self.workspace, key, "TERMINATED", message, termination_reason=reason
            )

    def warm(self, key: str, spec: dict, environment: dict) -> WarmCluster:
        """Return the process of an all-purpose cluster, started if there is none."""
        with self._lock:
            found = self._warm.get(key)
            if found is None or not found.alive():
                folder = self.workspace.folder / "clusters" / key
                shutil.rmtree(folder, ignore_errors=True)
                found = WarmCluster(self.workspace, spec, environment=environment, folder=folder)
                self._warm[key] = found
        if not found.wait_until_ready(LAUNCH_SECONDS):
            message = f"the driver of cluster {key} did not start, see {found._log.name}"
            raise RuntimeError(message)
        return found

    def stop(self) -> None:
        """End all runs and clusters."""
        self._stopping = True
        for execution in list(self._executions.values()):
            execution.cancel()
        for execution in list(self._executions.values()):
            execution.join(20)
        for key in list(self._warm):
            self.end_cluster(key)
