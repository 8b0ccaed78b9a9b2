"""States for tests: what a catalog holds after its plan was applied, and who wrote a table."""

import json
from dataclasses import replace

from stocks_ai_assets.governance.desired import desired_state
from stocks_ai_assets.governance.planning import make_plan
from stocks_ai_assets.governance.policy import load_policy
from stocks_ai_assets.governance.securables import Shared

ROOT = "s3://lake/stocks_ai"
CATALOG = "stocks_ai"
TABLE = ("table", "stocks_ai.agents.predictions")
SYNTHESIS = ("table", "stocks_ai.meta.synthesized_predictions")
AUDIT = ("view", "stocks_ai.audit.synthesized_predictions")
SHARE = ("share", "stocks_predictions")


def wanted(**changed):
    """What the packaged policy wants; top-level parts of it may be replaced."""
    return desired_state(load_policy().model_copy(update=changed), ROOT)


def changed(state, key, **fields):
    """Return the state with some fields of one securable changed."""
    return {**state, key: replace(state[key], **fields)}


def held(kind, name, **fields):
    """Return an object of a share under its own name, a table with its history."""
    alias = name.partition(".")[2]
    return Shared(kind=kind, name=name, **{"history": kind == "table", "alias": alias, **fields})


def without(state, *keys):
    """Return the state without some securables."""
    return {key: thing for key, thing in state.items() if key not in keys}


def plan(found, desired=None, **options):
    """Plan on Databricks unless told otherwise."""
    options = {"dialect": "databricks", **options}
    return make_plan(CATALOG, wanted() if desired is None else desired, found, **options)


def titles(actions):
    """What the actions are, in order."""
    return [each.title for each in actions]


def verbs(actions):
    """What is done, in order."""
    return [each.verb for each in actions]


def committed(lake, table, engine, operation="WRITE", run="run-1", part=""):
    """Add a commit that another engine says it made; without a run it is none of ours."""
    notes = {"userMetadata": json.dumps({"run_id": run, "slice": part})} if run else {}
    info = {"timestamp": 1_700_000_000_000, "operation": operation, "engineInfo": engine, **notes}
    log = lake.root.joinpath(*table.split("."), "_delta_log")
    text = json.dumps({"commitInfo": {"operationParameters": {}, **info}})
    (log / f"{lake.version(table) + 1:020}.json").write_text(f"{text}\n")
