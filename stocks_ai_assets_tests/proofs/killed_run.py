"""Fill a lake in processes that are killed while they write: run by `test_kills`.

Every child repeats the asset at which the last one was killed, then is killed while it writes the
next. Children are forked before polars has started a thread, so that none pays for imports.
"""

import json
import os
import signal
import sys
from datetime import date
from pathlib import Path

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.jobs import stages
from stocks_ai_assets.lake import Lake, replacing
from stocks_ai_assets.partitions import partition_range, window_of
from stocks_ai_assets.proofs.graph import Graph, write_node
from stocks_ai_assets.sources.folder import FolderSource
from stocks_ai_assets.sources.raw import read_folder

MOMENTS = ("before", "half-way", "after")
"""Before anything is written; with data files but no commit; after the commit."""


def die_at(moment):
    """Make this process die at its next commit."""
    commit = replacing.commit

    def killed(delta, *arguments):
        if moment != "before":
            commit(delta, *arguments)
        if moment == "half-way":
            # What a commit adds is one file of the log.
            (Path(delta.table_uri.removeprefix("file://")) / "_delta_log").joinpath(
                f"{delta.version():020d}.json"
            ).unlink()
        os.kill(os.getpid(), signal.SIGKILL)

    replacing.commit = killed


def child(work):
    """Run `work` in a forked process; whether it was killed."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        sys.exit(f"A child failed with {os.WEXITSTATUS(status)}.")
    return os.WIFSIGNALED(status)


def main(raw, folder, first, last):
    parameters = Parameters(first_session=first)
    calendar = nyse()
    sessions = partition_range("session", first, last, parameters)
    # The graph alone needs no rows of the source.
    found = Graph(source=None, parameters=parameters).nodes
    order = [
        (name, window_of(stage.kind, sessions)) for stage in stages(found) for name in stage.names
    ]
    killed = []

    def run(repeated, next_, moment):
        source = FolderSource(read_folder(raw), calendar, name="sample", simulated=True)
        graph, lake = Graph(source=source, parameters=parameters), Lake(folder)
        if repeated:
            write_node(graph, lake, found[repeated[0]], repeated[1])
        if next_:
            die_at(moment)
            write_node(graph, lake, found[next_[0]], next_[1])

    for i, (repeated, next_) in enumerate(zip([None, *order], [*order, None], strict=True)):
        moment = MOMENTS[i % len(MOMENTS)]
        if child(lambda r=repeated, n=next_, m=moment: run(r, n, m)):
            killed.append((next_[0], moment))
    sys.stdout.write(json.dumps(killed))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(date.fromisoformat, sys.argv[3:]))
