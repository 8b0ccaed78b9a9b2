"""Parameters of runs: what run-now overrides, and the references that Databricks resolves."""

import re
import time


def overridden(settings: dict, body: dict) -> dict:
    """Return a job's settings with the tasks and python parameters of a run-now call."""
    only = body.get("only")
    positional, named = body.get("python_params"), body.get("python_named_params")
    tasks = []
    for spec in settings.get("tasks") or ():
        if only and spec["task_key"] not in only:
            continue
        changed = dict(spec)
        for kind in ("spark_python_task", "python_wheel_task"):
            if kind in spec and positional is not None:
                work = {k: v for k, v in spec[kind].items() if k != "named_parameters"}
                changed[kind] = {**work, "parameters": positional}
            if kind == "python_wheel_task" and kind in spec and named is not None:
                changed[kind] = {**spec[kind], "named_parameters": named}
        tasks.append(changed)
    return {**settings, "tasks": tasks}


def valued(settings: dict, given: dict) -> list[dict]:
    """Return the parameters of a run of a job: the given ones, and the defaults of the others."""
    known = {p["name"]: p.get("default", "") for p in settings.get("parameters") or ()}
    values = [
        {"name": name, "default": default, "value": given.get(name, default)}
        for name, default in known.items()
    ]
    return values + [{"name": n, "value": v} for n, v in given.items() if n not in known]


def resolve(text: str, run: dict, task: dict) -> str:
    """Replace `{{job.parameters.x}}`, `{{job.run_id}}` and the like in a parameter."""
    moment = time.gmtime(run["start_time"] / 1000)
    values = {
        "job.id": run["job_id"],
        "job_id": run["job_id"],
        "job.name": run["run_name"],
        "job.run_id": run["run_id"],
        "run_id": task["run_id"],
        "parent_run_id": run["run_id"],
        "job.start_time.iso_date": time.strftime("%Y-%m-%d", moment),
        "job.start_time.iso_datetime": time.strftime("%Y-%m-%dT%H:%M:%S", moment),
        "job.trigger.time.iso_date": time.strftime("%Y-%m-%d", moment),
        "job.trigger.type": run["trigger"],
        "task.name": task["task_key"],
        "task.run_id": task["run_id"],
        "task.execution_count": task["attempt_number"] + 1,
        "task_key": task["task_key"],
        "workspace.id": 1,
    }
    values |= {f"job.parameters.{p['name']}": p["value"] for p in run.get("job_parameters") or ()}
    return re.sub(r"\{\{\s*([\w.-]+)\s*\}\}", lambda m: str(values.get(m[1], m[0])), text)
