"""A bundle deployed in tests: its file edited, and what a deployment changed."""

import json
from pathlib import Path

FILE = Path(__file__).parents[2] / "databricks.yml"
ROOT = "/Workspace/Users/admin@example.com/.bundle/stocks_ai/dev"


def changes(finished):
    """Resources that change, with the action."""
    assert finished.code == 0, finished.err
    rows = json.loads(finished.out)["changes"]
    return {row["resource"]: row["action"] for row in rows if row["action"] != "none"}


def everything(served):
    """All that the workspace has, without what runs on it."""
    with served.workspace.lock:
        return json.dumps(served.workspace._store, sort_keys=True)


def edited(tmp_path, *changed, file=FILE):
    """The bundle with some parts replaced."""
    text = file.read_text()
    for before, after in changed:
        assert before in text
        text = text.replace(before, after, 1)
    made = tmp_path / f"{len(list(tmp_path.iterdir()))}.yml"
    made.write_text(text)
    return made


def details(finished):
    """What changes, in words, by resource."""
    assert finished.code == 0, finished.err
    rows = json.loads(finished.out)["changes"]
    return {row["resource"]: row["details"] for row in rows if row["action"] != "none"}
