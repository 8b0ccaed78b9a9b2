"""Jobs API 2.0 to 2.2: definitions of jobs, and what a task must look like to be accepted."""

import re
import time

from stocks_ai_assets_tests.workspace import permissions
from stocks_ai_assets_tests.workspace.calls import versioned
from stocks_ai_assets_tests.workspace.clusters import checked_spec
from stocks_ai_assets_tests.workspace.errors import Refused, invalid, missing

KINDS = ("spark_python_task", "python_wheel_task")
"""Kinds of work that this workspace can do."""
COMPUTE = ("existing_cluster_id", "new_cluster", "job_cluster_key", "environment_key")


def check_work(workspace, principal, settings: dict) -> None:
    """Refuse tasks that Databricks, or this workspace, would not run."""
    tasks = settings.get("tasks") or []
    if not tasks:
        raise invalid("At least one task must be specified.")
    if settings.get("git_source"):
        raise invalid("git_source is not supported by this workspace for tests.")
    keys = [task.get("task_key") for task in tasks]
    for key in keys:
        if not key or not re.fullmatch(r"[\w-]{1,100}", key):
            raise invalid(f"Invalid task key {key!r}.")
        if keys.count(key) > 1:
            raise invalid(f"Duplicate task key '{key}'.")
    clusters = {c["job_cluster_key"]: c["new_cluster"] for c in settings.get("job_clusters") or ()}
    for spec in clusters.values():
        checked_spec(workspace, principal, spec)
    environments = _environments(settings)
    for task in tasks:
        _check_kind(task)
        _check_compute(workspace, principal, task, clusters, environments)
    _refuse_circles({t["task_key"]: _upstream(t, keys) for t in tasks})


def _check_continuous(settings):
    """Refuse what a job that always has one run cannot have."""
    if not settings.get("continuous"):
        return
    for other in ("schedule", "trigger"):
        if settings.get(other):
            raise invalid(f"Only one of {other} and continuous can be specified.")
    if settings["max_concurrent_runs"] != 1:
        raise invalid("A continuous job has at most one concurrent run.")
    for task in settings.get("tasks") or ():
        if task.get("max_retries"):
            message = "retries are not allowed in a continuous job."
            raise invalid(f"Task {task['task_key']}: {message}")


def _environments(settings):
    found = {e["environment_key"]: e.get("spec") or {} for e in settings.get("environments") or ()}
    for key, spec in found.items():
        if not (spec.get("client") or spec.get("environment_version")):
            raise invalid(f"Environment {key}: environment_version is required.")
    return found


def _upstream(task, keys):
    found = [dependency["task_key"] for dependency in task.get("depends_on") or ()]
    for key in found:
        if key not in keys:
            raise invalid(f"Task {task['task_key']} depends on unknown {key}.")
    return found


def _refuse_circles(upstream):
    left = dict(upstream)
    while left:
        free = [key for key, needed in left.items() if not set(needed) & set(left)]
        if not free:
            raise invalid(f"Tasks depend on each other in a circle: {', '.join(left)}.")
        for key in free:
            del left[key]


def _check_kind(task):
    name = task["task_key"]
    kinds = [key for key in task if key.endswith("_task") and task[key] is not None]
    if len(kinds) != 1:
        raise invalid(f"Task {name} must have exactly one type of work, found {kinds or 'none'}.")
    if kinds[0] not in KINDS:
        message = (
            f"Task {name} is a {kinds[0]}; this workspace for tests runs {' and '.join(KINDS)}"
        )
        raise invalid(f"{message} only.")
    work = task[kinds[0]]
    if kinds[0] == "spark_python_task":
        _check_python_file(name, work)
    elif not work.get("package_name") or not work.get("entry_point"):
        raise invalid(f"Task {name}: package_name and entry_point are required.")
    if work.get("parameters") and work.get("named_parameters"):
        raise invalid(f"Task {name}: parameters and named_parameters exclude each other.")
    if any(not isinstance(p, str) for p in work.get("parameters") or ()):
        raise invalid(f"Task {name}: parameters must be strings.")


def _check_compute(workspace, principal, task, clusters, environments):
    name = task["task_key"]
    compute = [key for key in COMPUTE if task.get(key)]
    if len(compute) != 1:
        message = f"Task {name}: one of {', '.join(COMPUTE)} must be specified"
        raise invalid(f"{message} (found {', '.join(compute) or 'none'}).")
    if task.get("environment_key"):
        if task["environment_key"] not in environments:
            raise invalid(f"Task {name}: environment {task['environment_key']} is not defined.")
        if task.get("libraries"):
            message = "Libraries field is not supported for serverless task, please specify"
            raise invalid(f"{message} libraries in environment.")
    elif task.get("job_cluster_key"):
        if task["job_cluster_key"] not in clusters:
            raise invalid(f"Task {name}: job cluster {task['job_cluster_key']} is not defined.")
    elif task.get("new_cluster"):
        checked_spec(workspace, principal, task["new_cluster"])
    else:
        key = task["existing_cluster_id"]
        if key not in workspace.collection("clusters"):
            raise invalid(f"The cluster {key} does not exist.")
        permissions.check(workspace, principal, "clusters", key, "CAN_ATTACH_TO")


def _check_python_file(name, work):
    file = work.get("python_file", "")
    places = ("dbfs:/", "/Volumes/", "/Workspace/", "/Users/", "/Shared/", "/Repos/")
    if not file.startswith(places):
        raise invalid(f"Task {name}: Invalid python file reference: {file!r}.")


def run_as(workspace, principal, settings: dict):
    """Return kind and name of the principal that runs act as."""
    given = settings.get("run_as") or {}
    if given.get("service_principal_name"):
        kind, name = "ServicePrincipals", given["service_principal_name"]
    elif given.get("user_name"):
        kind, name = "Users", given["user_name"]
    else:
        return principal.kind, principal.name
    if not workspace.identities.known(name):
        raise missing(f"Principal {name} of run_as does not exist.")
    if not principal.admin and name != principal.name:
        message = f"User {principal.name} may not let jobs run as {name}."
        raise Refused(403, "PERMISSION_DENIED", message)
    return kind, name


class Jobs:
    """Calls on definitions of jobs."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.jobs = workspace.collection("jobs")

    def found(self, call, level):
        key = str(call.need("job_id"))
        if key not in self.jobs:
            raise invalid(f"Job {key} does not exist.")
        permissions.check(self.workspace, call.principal, "jobs", key, level)
        return self.jobs[key]

    def checked(self, principal, settings):
        settings.setdefault("name", "Untitled")
        settings.setdefault("max_concurrent_runs", 1)
        settings.setdefault("timeout_seconds", 0)
        settings.setdefault("format", "MULTI_TASK")
        settings.pop("access_control_list", None)
        _check_continuous(settings)
        if settings.get("tasks"):
            check_work(self.workspace, principal, settings)
        run_as(self.workspace, principal, settings)
        return settings

    def create(self, call):
        settings = self.checked(call.principal, dict(call.body))
        number = self.workspace.next_id()
        kind, name = run_as(self.workspace, call.principal, settings)
        self.jobs[str(number)] = {
            "job_id": number,
            "settings": settings,
            "created_time": int(time.time() * 1000),
            "creator_user_name": call.principal.name,
            "run_as_user_name": name,
            "run_as_kind": kind,
        }
        permissions.own(self.workspace, "jobs", number, call.principal)
        permissions.add(self.workspace, "jobs", number, call.body.get("access_control_list"))
        self.workspace.compute.keep_running(number)
        return {"job_id": number}

    def changed(self, job, principal, settings):
        job["settings"] = self.checked(principal, settings)
        if settings.get("run_as"):
            job["run_as_kind"], job["run_as_user_name"] = run_as(
                self.workspace, principal, settings
            )
        self.workspace.compute.keep_running(job["job_id"])

    def reset(self, call):
        self.changed(
            self.found(call, "CAN_MANAGE"), call.principal, dict(call.need("new_settings"))
        )
        return {}

    def update(self, call):
        job = self.found(call, "CAN_MANAGE")
        settings = dict(job["settings"])
        for name, value in (call.body.get("new_settings") or {}).items():
            settings[name] = _merged(name, settings.get(name), value)
        for name in call.body.get("fields_to_remove") or ():
            settings.pop(name, None)
        self.changed(job, call.principal, settings)
        return {}

    def shown(self, job):
        return {key: value for key, value in job.items() if key != "run_as_kind"}

    def get(self, call):
        return self.shown(self.found(call, "CAN_VIEW"))

    def listed(self, call):
        wanted = call.query.get("name")
        visible = [
            job
            for key, job in self.jobs.items()
            if permissions.may(self.workspace, call.principal, "jobs", key, "CAN_VIEW")
            and (not wanted or job["settings"]["name"].lower() == wanted.lower())
        ]
        visible.reverse()
        start = int(call.query.get("page_token") or call.query.get("offset") or 0)
        end = start + min(int(call.query.get("limit") or 20), 100)
        page = [self.shown(job) for job in visible[start:end]]
        if not call.flag("expand_tasks"):
            heavy = ("tasks", "job_clusters", "environments", "parameters")
            for job in page:
                job["settings"] = {k: v for k, v in job["settings"].items() if k not in heavy}
        more = {"next_page_token": str(end)} if end < len(visible) else {}
        return {"jobs": page, "has_more": bool(more), **more}

    def delete(self, call):
        job = self.found(call, "CAN_MANAGE")
        del self.jobs[str(job["job_id"])]
        permissions.forget(self.workspace, "jobs", job["job_id"])
        return {}


def routes(workspace):
    """Routes of job definitions."""
    api = Jobs(workspace)
    calls = {
        ("POST", "create"): api.create,
        ("POST", "reset"): api.reset,
        ("POST", "update"): api.update,
        ("GET", "get"): api.get,
        ("GET", "list"): api.listed,
        ("POST", "delete"): api.delete,
    }
    return [
        made
        for (method, name), handler in calls.items()
        for made in versioned(workspace, method, f"/jobs/{name}", handler)
    ]


def _merged(name, old, new):
    keyed = {"tasks": "task_key", "job_clusters": "job_cluster_key"}
    keyed |= {"environments": "environment_key", "parameters": "name"}
    if name not in keyed or not old:
        return new
    field = keyed[name]
    by_key = {item[field]: item for item in old}
    return list((by_key | {item[field]: item for item in new}).values())
