"""Runs API 2.0 to 2.2: submit, run-now, get, output, list, cancel, repair, delete."""

import time

from stocks_ai_assets_tests.workspace import permissions, states
from stocks_ai_assets_tests.workspace.calls import versioned
from stocks_ai_assets_tests.workspace.errors import Refused, invalid
from stocks_ai_assets_tests.workspace.jobs import check_work, run_as
from stocks_ai_assets_tests.workspace.parameters import overridden, valued

LOG_LIMIT = 5_000_000
PRIVATE = ("settings", "run_as_kind", "earlier_attempts")
"""What a run's document has for this workspace only."""


def new_task(workspace, spec: dict, run_id: int, attempt: int = 0) -> dict:
    """Document of one attempt at a task."""
    number = workspace.next_id()
    return {
        **spec,
        "run_id": number,
        "attempt_number": attempt,
        "start_time": _now(),
        "run_page_url": f"{workspace.url}/?o=1#job/run/{number}",
        "parent_run_id": run_id,
        **states.going("BLOCKED" if spec.get("depends_on") else "PENDING"),
    }


class Runs:
    """Calls on runs."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.runs, self.jobs = workspace.collection("runs"), workspace.collection("jobs")
        self.tokens = workspace.collection("idempotency_tokens")

    def found(self, call, level="CAN_VIEW"):
        key = str(call.need("run_id"))
        run = self.runs.get(key) or next((r for r in self.runs.values() if _task_of(r, key)), None)
        if run is None:
            raise invalid(f"Run {key} does not exist.")
        permissions.check(self.workspace, call.principal, "jobs", run["job_id"], level)
        return run

    def begin(self, creator, settings, job_id, kind, **more):
        number = self.workspace.next_id()
        same = [run for run in self.runs.values() if run["job_id"] == job_id]
        run = {
            "run_id": number,
            "job_id": job_id,
            "number_in_job": len(same) + 1,
            "original_attempt_run_id": number,
            "run_name": settings.get("run_name") or settings.get("name") or "Untitled",
            "run_type": kind,
            "format": "MULTI_TASK",
            "trigger": "ONE_TIME",
            "creator_user_name": creator,
            "start_time": _now(),
            "run_page_url": f"{self.workspace.url}/?o=1#job/{job_id}/run/{number}",
            "job_clusters": settings.get("job_clusters", []),
            "settings": settings,
            **more,
            **states.going("PENDING"),
        }
        run["tasks"] = [new_task(self.workspace, spec, number) for spec in settings["tasks"]]
        self.runs[str(number)] = run
        self._admit(run, same, settings)
        return run

    def _admit(self, run, same, settings):
        limit = settings.get("max_concurrent_runs")
        active = [other for other in same if not states.has_ended(other)]
        if limit is None or len(active) < limit:
            self.workspace.compute.start_run(run["run_id"])
        elif (settings.get("queue") or {}).get("enabled"):
            run.update(states.going("QUEUED", "Queued due to reaching maximum concurrent runs."))
        else:
            message = f"Maximum concurrent runs of {limit} reached."
            over = states.ended("MAXIMUM_CONCURRENT_RUNS_REACHED", message)
            run.update(over, end_time=_now())
            for task in run["tasks"]:
                task.update(over, end_time=_now())

    def once(self, call, make):
        token = call.body.get("idempotency_token")
        if token and len(token) > 64:
            raise invalid("idempotency_token must have at most 64 characters.")
        if token and token in self.tokens:
            return self.runs[str(self.tokens[token])]
        run = make()
        if token:
            self.tokens[token] = run["run_id"]
        return run

    def submit(self, call):
        def make():
            settings = dict(call.body)
            settings.setdefault("queue", {"enabled": True})
            check_work(self.workspace, call.principal, settings)
            kind, name = run_as(self.workspace, call.principal, settings)
            job_id = self.workspace.next_id()
            permissions.own(self.workspace, "jobs", job_id, call.principal)
            permissions.add(
                self.workspace, "jobs", job_id, settings.pop("access_control_list", None)
            )
            more = {"run_as_user_name": name, "run_as_kind": kind}
            return self.begin(call.principal.name, settings, job_id, "SUBMIT_RUN", **more)

        return {"run_id": self.once(call, make)["run_id"]}

    def run_now(self, call):
        key = str(call.need("job_id"))
        if key not in self.jobs:
            raise invalid(f"Job {key} does not exist.")
        job = self.jobs[key]
        permissions.check(self.workspace, call.principal, "jobs", key, "CAN_MANAGE_RUN")

        def make():
            settings = overridden(job["settings"], call.body)
            if not settings.get("tasks"):
                raise invalid(f"Job {key} has no tasks.")
            given = call.body.get("job_parameters") or {}
            return self.begin_job(call.principal.name, {**job, "settings": settings}, given)

        run = self.once(call, make)
        return {"run_id": run["run_id"], "number_in_job": run["number_in_job"]}

    def begin_job(self, creator, job, given, **more):
        """Begin a run of a job with the parameters given, and the defaults of the others."""
        return self.begin(
            creator,
            job["settings"],
            job["job_id"],
            "JOB_RUN",
            job_parameters=valued(job["settings"], given),
            run_as_user_name=job["run_as_user_name"],
            run_as_kind=job["run_as_kind"],
            **more,
        )

    def shown(self, run, *, tasks=True):
        public = {key: value for key, value in run.items() if key not in PRIVATE}
        if not tasks:
            public.pop("tasks")
            return public
        public["tasks"] = [
            {k: v for k, v in task.items() if k not in ("parent_run_id", "output")}
            for task in run["tasks"]
        ]
        single = run["tasks"][0] if len(run["tasks"]) == 1 else {}
        if single.get("cluster_instance"):
            public["cluster_instance"] = single["cluster_instance"]
        return public

    def get(self, call):
        run, key = self.found(call), str(call.need("run_id"))
        if str(run["run_id"]) != key:
            task = {k: v for k, v in _task_of(run, key).items() if k != "output"}
            return {**task, "job_id": run["job_id"], "job_run_id": run["run_id"], "tasks": [task]}
        public = self.shown(run)
        if not call.flag("include_history"):
            public.pop("repair_history", None)
        return public

    def output(self, call):
        run, key = self.found(call), str(call.need("run_id"))
        task = _task_of(run, key)
        if task is None and len(run["tasks"]) > 1:
            message = "Retrieving the output of job runs with multiple tasks is not supported."
            raise invalid(f"{message} Please retrieve the output of each individual task run.")
        task = task or run["tasks"][0]
        logs = self.workspace.compute.logs(task["run_id"])
        answer = {
            **task.get("output", {}),
            "metadata": self.shown(run),
            "logs": logs[-LOG_LIMIT:],
            "logs_truncated": len(logs) > LOG_LIMIT,
        }
        answer["metadata"]["run_id"] = task["run_id"]
        return answer

    def listed(self, call):
        query = call.query
        picked = [
            run
            for run in reversed(self.runs.values())
            if (not query.get("job_id") or str(run["job_id"]) == query["job_id"])
            and (not call.flag("active_only") or not states.has_ended(run))
            and (not call.flag("completed_only") or states.has_ended(run))
            and (not query.get("run_type") or run["run_type"] == query["run_type"])
            and int(query.get("start_time_from") or 0) <= run["start_time"]
            and run["start_time"] <= int(query.get("start_time_to") or run["start_time"])
            and permissions.may(self.workspace, call.principal, "jobs", run["job_id"], "CAN_VIEW")
        ]
        start = int(query.get("page_token") or query.get("offset") or 0)
        end = start + min(int(query.get("limit") or 20), 25)
        more = {"next_page_token": str(end)} if end < len(picked) else {}
        page = [self.shown(run, tasks=call.flag("expand_tasks")) for run in picked[start:end]]
        return {"runs": page, "has_more": bool(more), **more}

    def cancel(self, call):
        self.workspace.compute.cancel(self.found(call, "CAN_MANAGE_RUN")["run_id"])
        return {}

    def cancel_all(self, call):
        job_id = call.body.get("job_id")
        if job_id is None and not call.flag("all_queued_runs"):
            raise invalid("Missing required field: job_id or all_queued_runs")
        if job_id is not None:
            permissions.check(self.workspace, call.principal, "jobs", job_id, "CAN_MANAGE_RUN")
        for run in list(self.runs.values()):
            mine = job_id is None or str(run["job_id"]) == str(job_id)
            queued = run["state"]["life_cycle_state"] == "QUEUED"
            if mine and not states.has_ended(run) and (queued or not call.flag("all_queued_runs")):
                self.workspace.compute.cancel(run["run_id"])
        return {}

    def delete(self, call):
        run = self.found(call, "CAN_MANAGE")
        if not states.has_ended(run):
            message = f"Run {run['run_id']} is active, cancel it first."
            raise Refused(400, "INVALID_STATE", message)
        del self.runs[str(run["run_id"])]
        return {}

    def repair(self, call):
        run = self.found(call, "CAN_MANAGE_RUN")
        if not states.has_ended(run):
            raise Refused(400, "INVALID_STATE", f"Run {run['run_id']} is active.")
        history = run.setdefault("repair_history", [])
        latest = history[-1]["id"] if history else None
        if latest is not None and call.body.get("latest_repair_id") != latest:
            raise invalid(f"latest_repair_id must be {latest}.")
        again = _to_repair(run, call)
        specs = {spec["task_key"]: spec for spec in run["settings"]["tasks"]}
        for place, task in enumerate(run["tasks"]):
            if task["task_key"] in again:
                spec, attempt = specs[task["task_key"]], task["attempt_number"] + 1
                run["tasks"][place] = new_task(self.workspace, spec, run["run_id"], attempt)
        number = self.workspace.next_id()
        history.append({"id": number, "type": "REPAIR", "start_time": _now()})
        run.update(states.going("PENDING"))
        run.pop("end_time", None)
        self.workspace.compute.start_run(run["run_id"])
        return {"repair_id": number}


def routes(workspace):
    """Routes of runs."""
    api = Runs(workspace)
    calls = {
        ("POST", "run-now"): api.run_now,
        ("POST", "runs/submit"): api.submit,
        ("GET", "runs/get"): api.get,
        ("GET", "runs/get-output"): api.output,
        ("GET", "runs/list"): api.listed,
        ("POST", "runs/cancel"): api.cancel,
        ("POST", "runs/cancel-all"): api.cancel_all,
        ("POST", "runs/delete"): api.delete,
        ("POST", "runs/repair"): api.repair,
    }
    return [
        made
        for (method, name), handler in calls.items()
        for made in versioned(workspace, method, f"/jobs/{name}", handler)
    ]


def _task_of(run, key):
    tasks = [*run["tasks"], *run.get("earlier_attempts", ())]
    return next((task for task in tasks if str(task["run_id"]) == key), None)


def _to_repair(run, call):
    again = set(call.body.get("rerun_tasks") or ())
    unknown = again - {task["task_key"] for task in run["tasks"]}
    if unknown:
        raise invalid(f"Unknown tasks: {', '.join(sorted(unknown))}.")
    if call.flag("rerun_all_failed_tasks"):
        again |= {t["task_key"] for t in run["tasks"] if states.result(t) != "SUCCESS"}
    grown = call.flag("rerun_dependent_tasks")
    while grown:
        more = {
            task["task_key"]
            for task in run["tasks"]
            if again & {d["task_key"] for d in task.get("depends_on") or ()}
        }
        grown = bool(more - again)
        again |= more
    if not again:
        raise invalid("No tasks to repair.")
    return again


def _now():
    return int(time.time() * 1000)
