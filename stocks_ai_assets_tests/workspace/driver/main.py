"""The driver of a new cluster or of serverless compute: one process, one task."""

import json
import os
import sys
import threading

from . import session, task


def main() -> None:
    """Read the task from stdin, do it, exit with its code."""
    spec = json.loads(sys.stdin.readline())
    held = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    threading.Thread(target=_end_with_the_workspace, args=(held,), daemon=True).start()
    session.write_conf(spec["conf"])
    sys.exit(task.carry_out(spec))


def _end_with_the_workspace(held):
    """Its end of the pipe closes when the workspace is gone, however it went."""
    os.read(held, 1)
    os._exit(1)
