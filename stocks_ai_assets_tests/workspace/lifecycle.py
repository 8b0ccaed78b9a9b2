"""From PENDING to TERMINATED: one thread a run, its tasks in their order, retries, time limits."""

import threading
import time
import traceback
from dataclasses import dataclass

from stocks_ai_assets_tests.workspace import clusters, states
from stocks_ai_assets_tests.workspace.launch import Launch, LaunchError

TICK_SECONDS = 0.02


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an attempt ended: result state, message, and a code if the work had no say."""

    result: str
    message: str = ""
    code: str | None = None


class Execution(threading.Thread):
    """Carries one run out. All documents are changed under the workspace's lock."""

    def __init__(self, workspace, run_id: int):
        super().__init__(daemon=True, name=f"run-{run_id}")
        self.workspace = workspace
        self.run_document = workspace.collection("runs")[str(run_id)]
        self._cancelled = threading.Event()
        self._began = time.monotonic()

    def cancel(self) -> None:
        """Have the run end soon."""
        self._cancelled.set()

    def run(self) -> None:
        """Carry the run out; a bug of ours becomes an INTERNAL_ERROR of the run."""
        try:
            self._carry_out()
        except Exception:  # noqa: BLE001  # the run must end, with the trace in its message
            message = f"bug in the test workspace: {traceback.format_exc()}"
            self._finish(states.ended("FAILED", message, code="INTERNAL_ERROR"))

    def _carry_out(self):
        run, faults = self.run_document, self.workspace.misbehaviour
        forced = faults.end_runs_as
        self._sleep(faults.slow_start_seconds)
        if forced in states.SKIPPED:
            self._finish(states.ended(forced, f"Run ended as {forced}."))
            return
        if not self._cancelled.is_set():
            self._change(run, states.going("RUNNING", "In run"), setup_duration=self._elapsed())
        todo = [t["task_key"] for t in run["tasks"] if not states.has_ended(t)]
        ended = {key: threading.Event() for key in todo}
        threads = [threading.Thread(target=self._task, args=(key, ended)) for key in todo]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._change(run, states.going("TERMINATING"))
        self._finish(
            states.ended(forced, f"Run ended as {forced}.", parent=True) if forced else None
        )

    def _finish(self, over):
        run = self.run_document
        over = over or self._verdict()
        elapsed = self._elapsed()
        with self.workspace.lock:
            for task in run["tasks"]:
                if not states.has_ended(task) or over["state"]["life_cycle_state"] == "SKIPPED":
                    task.update(over, end_time=_now())
            more = {"end_time": _now(), "run_duration": elapsed, "execution_duration": elapsed}
            run.update(over, cleanup_duration=0, **more)
            self._end_job_clusters()
            for entry in run.get("repair_history", [])[-1:]:
                entry.update(over, end_time=_now())
                entry["task_run_ids"] = [task["run_id"] for task in run["tasks"]]
        self.workspace.changed()
        self.workspace.compute.start_next(run["job_id"])

    def _end_job_clusters(self):
        reason = {"code": "JOB_FINISHED", "type": "SUCCESS", "parameters": {}}
        attempts = [*self.run_document["tasks"], *self.run_document.get("earlier_attempts", ())]
        for task in attempts:
            key = (task.get("cluster_instance") or {}).get("cluster_id")
            cluster = self.workspace.collection("clusters").get(key, {})
            if cluster.get("cluster_source") == "JOB" and cluster["state"] == "RUNNING":
                over = {"termination_reason": reason}
                clusters.set_state(self.workspace, key, "TERMINATED", "", **over)

    def _verdict(self):
        tasks = self.run_document["tasks"]
        if self._cancelled.is_set():
            return states.ended("CANCELED", "Run cancelled.")
        if self._late():
            return states.ended("TIMEDOUT", "Run exceeded its timeout.")
        bad = [t for t in tasks if states.result(t) not in ("SUCCESS", "EXCLUDED")]
        if not bad:
            return states.ended("SUCCESS")
        # The tasks that nobody waits for decide, as on Databricks.
        inner = {d["task_key"] for t in tasks for d in t.get("depends_on") or ()}
        leaves = [t for t in tasks if t["task_key"] not in inner]
        if all(states.result(t) in ("SUCCESS", "EXCLUDED") for t in leaves):
            return states.ended("SUCCESS_WITH_FAILURES", "Some tasks failed.")
        first = next((t for t in bad if states.result(t) not in states.SKIPPED), bad[0])
        if states.result(first) == "TIMEDOUT":
            return states.ended("TIMEDOUT", first["state"]["state_message"])
        message = (
            f"Task {first['task_key']} failed with message: {first['state']['state_message']}."
        )
        code = first["status"]["termination_details"]["code"]
        return states.ended(
            "FAILED", message, code=code if code in states.FAULTS else None, parent=True
        )

    def _task(self, key, ended):
        try:
            for dependency in self._find(key).get("depends_on") or ():
                if dependency["task_key"] in ended:
                    ended[dependency["task_key"]].wait()
            self._attempts(key)
        except Exception:  # noqa: BLE001  # as in `run`: the task must end
            message = f"bug in the test workspace: {traceback.format_exc()}"
            over = states.ended("FAILED", message, code="INTERNAL_ERROR")
            self._change(self._find(key), over, end_time=_now())
        finally:
            ended[key].set()

    def _attempts(self, key):
        task = self._find(key)
        reason = self._not_to_run(task)
        if reason is not None:
            self._change(task, states.ended(*reason), end_time=_now())
            return
        while True:
            outcome = self._attempt(task)
            over = states.ended(outcome.result, outcome.message, code=outcome.code)
            self._change(task, over, end_time=_now(), cleanup_duration=0)
            if not self._again(task, outcome):
                return
            with self.workspace.lock:
                run, old = self.run_document, task
                run.setdefault("earlier_attempts", []).append(old)
                task = self._next_attempt(old)
                task.update(states.going("WAITING_FOR_RETRY"))
                run["tasks"][run["tasks"].index(old)] = task
            self._sleep(task.get("min_retry_interval_millis", 0) / 1000)

    def _next_attempt(self, task):
        from stocks_ai_assets_tests.workspace.runs import new_task

        specs = self.run_document["settings"]["tasks"]
        spec = next(s for s in specs if s["task_key"] == task["task_key"])
        number = self.run_document["run_id"]
        return new_task(self.workspace, spec, number, task["attempt_number"] + 1)

    def _again(self, task, outcome):
        if outcome.result in ("SUCCESS", "CANCELED") or self._cancelled.is_set() or self._late():
            return False
        if outcome.result == "TIMEDOUT" and not task.get("retry_on_timeout"):
            return False
        limit = task.get("max_retries", 0)
        return limit < 0 or task["attempt_number"] < limit

    def _not_to_run(self, task):
        if self._cancelled.is_set():
            return "CANCELED", "Run cancelled."
        upstream = [states.result(self._find(d["task_key"])) for d in task.get("depends_on") or ()]
        good = [result in ("SUCCESS", "EXCLUDED") for result in upstream]
        rule = task.get("run_if") or "ALL_SUCCESS"
        met = {
            "ALL_SUCCESS": all(good),
            "ALL_DONE": True,
            "NONE_FAILED": not any(
                r in ("FAILED", "TIMEDOUT", "UPSTREAM_FAILED") for r in upstream
            ),
            "AT_LEAST_ONE_SUCCESS": any(good) or not good,
            "AT_LEAST_ONE_FAILED": "FAILED" in upstream,
            "ALL_FAILED": bool(upstream) and not any(good),
        }[rule]
        if met:
            return None
        if rule in ("ALL_FAILED", "AT_LEAST_ONE_FAILED"):
            return "EXCLUDED", f"The condition {rule} was not met."
        if "CANCELED" in upstream or "UPSTREAM_CANCELED" in upstream:
            return "UPSTREAM_CANCELED", "An upstream task was cancelled."
        return "UPSTREAM_FAILED", "An upstream task failed."

    def _attempt(self, task) -> Outcome:
        run, began = self.run_document, time.monotonic()
        try:
            launch = Launch(self.workspace, run, task)
            process = launch.start(self._cancelled)
        except LaunchError as error:
            return Outcome(result="FAILED", message=str(error), code=error.code)
        if process is None:
            return Outcome(result="CANCELED", message="Run cancelled.")
        setup = int((time.monotonic() - began) * 1000)
        with self.workspace.lock:
            if not self._cancelled.is_set():
                task.update(states.going("RUNNING", "In run"), setup_duration=setup)
        try:
            return self._watch(task, launch, process)
        finally:
            spent = int((time.monotonic() - began) * 1000) - setup
            self._change(task, {}, execution_duration=spent, output=launch.output())
            launch.deliver_logs()

    def _watch(self, task, launch, process) -> Outcome:
        began, limit = time.monotonic(), task.get("timeout_seconds") or 0
        lost_after = self.workspace.misbehaviour.lose_cluster_after_seconds
        while True:
            spent = time.monotonic() - began
            code = process.poll()
            if self._cancelled.is_set():
                process.end()
                return Outcome(result="CANCELED", message="Run cancelled.")
            if code is None and lost_after is not None and spent >= lost_after:
                process.end(grace=0)
                launch.lose_cluster()
            if launch.lost():
                process.end(grace=0)
                return Outcome(result="FAILED", message=launch.lost_message(), code="CLUSTER_ERROR")
            if code is not None:
                message = "Workload failed, see run output for details"
                return (
                    Outcome(result="SUCCESS")
                    if code == 0
                    else Outcome(result="FAILED", message=message)
                )
            if (limit and spent > limit) or self._late():
                process.end()
                message = f"Timed out after {limit or self._limit()} seconds"
                return Outcome(result="TIMEDOUT", message=message)
            time.sleep(TICK_SECONDS)

    def _limit(self):
        return self.run_document["settings"].get("timeout_seconds") or 0

    def _late(self):
        return bool(self._limit()) and time.monotonic() - self._began > self._limit()

    def _find(self, key):
        return next(t for t in self.run_document["tasks"] if t["task_key"] == key)

    def _change(self, document, changed, **more):
        with self.workspace.lock:
            document.update(changed, **more)
        self.workspace.changed()

    def _sleep(self, seconds):
        self._cancelled.wait(seconds)

    def _elapsed(self):
        return int((time.monotonic() - self._began) * 1000)


def _now():
    return int(time.time() * 1000)
