"""Serve a local Databricks workspace: `python -m stocks_ai_assets_tests.workspace --help`."""

import argparse
import json
import signal
import threading
from pathlib import Path

from stocks_ai_assets_tests import workspace as package
from stocks_ai_assets_tests.workspace.server import start


def main() -> None:
    """Print one line of JSON with url, token and folder, then serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m stocks_ai_assets_tests.workspace",
        description=package.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--folder", type=Path, required=True, help="files, runs and state")
    parser.add_argument("--port", type=int, default=0, help="0: one that is free")
    parser.add_argument("--dialect", choices=("databricks", "oss"), default="databricks")
    parser.add_argument("--authorization", action="store_true", help="enforce grants")
    parser.add_argument("--external", type=Path, action="append", default=[], metavar="FOLDER")
    given = vars(parser.parse_args())
    given["external"] = tuple(given["external"])
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with start(**given) as running:
        shown = {
            "url": running.url,
            "token": running.token,
            "folder": str(running.workspace.folder),
        }
        print(json.dumps(shown), flush=True)  # noqa: T201  # the one line of output
        ended.wait()


if __name__ == "__main__":
    main()
