"""Making a Delta table that is not there yet, once, whoever else tries at the same moment."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from stocks_ai_assets.lake.coverage import forget_coverage
from stocks_ai_assets.lake.layout import PROPERTIES, folder_name, partition_columns
from stocks_ai_assets.lake.locks import exclusively
from stocks_ai_assets.lake.storage import Folder, Storage
from stocks_ai_assets.tables.spec import Table

FIRST_COMMIT = "_delta_log/00000000000000000000.json"


def create_table(storage: Storage, table: Table, schema: Any) -> None:
    """Make a Delta table of `schema` without rows; one that is there stays.

    delta-rs lets two processes that create at once both succeed, the second with a commit that
    gives the table another identity.
    """
    name = folder_name(table.name)
    if isinstance(storage, Folder):
        with exclusively(storage.root / f"{name}.lock", table.name):
            if storage.read(f"{name}/{FIRST_COMMIT}") is None:
                # A table that stood here before was moved away; its coverage is not this one's.
                forget_coverage(storage.root, table.name)
                _create(storage.location(name), table, schema)
    else:
        commit = _first_commit(storage.location(name), table, schema)
        storage.create(f"{name}/{FIRST_COMMIT}", commit)


def _create(location: str, table: Table, schema: Any) -> None:
    from deltalake import DeltaTable

    DeltaTable.create(
        location,
        schema,
        mode="ignore",
        partition_by=partition_columns(table),
        name=table.name,
        description=table.description,
        configuration=PROPERTIES,
    )


def _first_commit(location: str, table: Table, schema: Any) -> bytes:
    """What the log of a new table at `location` begins with."""
    with TemporaryDirectory(prefix="stocks-ai-") as draft:
        _create(draft, table, schema)
        lines = Path(draft, FIRST_COMMIT).read_text(encoding="utf-8").splitlines()
    actions = [json.loads(line) for line in lines]
    for action in actions:
        if "commitInfo" in action:
            action["commitInfo"].get("operationParameters", {})["location"] = location
    return "".join(f"{json.dumps(action)}\n" for action in actions).encode()
