"""States of runs as the Jobs API tells them: `state` (old) and `status` (new), kept in step."""

CODES = {
    "SUCCESS": ("SUCCESS", "SUCCESS"),
    "FAILED": ("RUN_EXECUTION_ERROR", "CLIENT_ERROR"),
    "TIMEDOUT": ("CANCELED", "CLIENT_ERROR"),
    "CANCELED": ("USER_CANCELED", "CLIENT_ERROR"),
    "MAXIMUM_CONCURRENT_RUNS_REACHED": ("MAX_CONCURRENT_RUNS_EXCEEDED", "CLIENT_ERROR"),
    "SUCCESS_WITH_FAILURES": ("SUCCESS_WITH_FAILURES", "SUCCESS"),
    "UPSTREAM_FAILED": ("SKIPPED", "CLIENT_ERROR"),
    "UPSTREAM_CANCELED": ("SKIPPED", "CLIENT_ERROR"),
    "EXCLUDED": ("SKIPPED", "SUCCESS"),
    "DISABLED": ("DISABLED", "CLIENT_ERROR"),
}
"""Result state: code and type of the termination."""

SKIPPED = (
    "MAXIMUM_CONCURRENT_RUNS_REACHED",
    "UPSTREAM_FAILED",
    "UPSTREAM_CANCELED",
    "EXCLUDED",
    "DISABLED",
)
"""Result states of work that was never begun."""

ENDED = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")
FAULTS = {
    "CLUSTER_ERROR": "CLOUD_FAILURE",
    "DRIVER_ERROR": "CLIENT_ERROR",
    "LIBRARY_INSTALLATION_ERROR": "CLIENT_ERROR",
    "RESOURCE_NOT_FOUND": "CLIENT_ERROR",
    "INTERNAL_ERROR": "INTERNAL_ERROR",
}
"""Codes of runs that ended without the work having its say, and their type."""


def going(life_cycle: str, message: str = "") -> dict:
    """State and status of something that has not ended."""
    newer = "WAITING" if life_cycle == "WAITING_FOR_RETRY" else life_cycle
    state = {"life_cycle_state": life_cycle, "state_message": message}
    status = {"state": newer}
    if life_cycle == "QUEUED":
        state["queue_reason"] = message
        status["queue_details"] = {"code": "MAX_CONCURRENT_RUNS_REACHED", "message": message}
    return {"state": state, "status": status}


def ended(result: str, message: str = "", *, code: str | None = None, parent=False) -> dict:
    """State and status of something that ended; `code` names a fault outside of the work.

    A run with a failed task is an INTERNAL_ERROR, the task itself is TERMINATED.
    """
    if result in SKIPPED:
        life_cycle = "SKIPPED"
    elif code or (parent and result == "FAILED"):
        life_cycle = "INTERNAL_ERROR"
    else:
        life_cycle = "TERMINATED"
    shown, kind = (code, FAULTS[code]) if code else CODES[result]
    state = {
        "life_cycle_state": life_cycle,
        "result_state": result,
        "state_message": message,
        "user_cancelled_or_timedout": result in ("CANCELED", "TIMEDOUT"),
    }
    details = {"code": shown, "type": kind, "message": message}
    return {"state": state, "status": {"state": "TERMINATED", "termination_details": details}}


def has_ended(document: dict) -> bool:
    """Whether a run or a task has ended."""
    return document["state"]["life_cycle_state"] in ENDED


def result(document: dict) -> str | None:
    """Result state of a run or a task; none before the end."""
    return document["state"].get("result_state")
