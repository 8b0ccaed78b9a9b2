"""Delta tables of a location: opened as of a version or a time, created empty, their history."""

import json

from stocks_ai_assets_tests.workspace.unity import storage
from stocks_ai_assets_tests.workspace.unity.sql.grammar import Failed
from stocks_ai_assets_tests.workspace.unity.sql.session import Result


def travel(version) -> dict:
    """Keywords of `open_delta` for what a query says behind a table's name."""
    if version is None:
        return {}
    said = version.expression.name
    return {"version": int(said)} if version.name == "VERSION" else {"timestamp": said}


def open_delta(unity, location: str, *, version=None, timestamp=None):
    """Return the Delta table at a location, or None; a version that it lacks fails."""
    from datetime import UTC, datetime

    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    path = storage.local(unity, location)
    if path is None:
        message = f"this test workspace reads no object store: {location}"
        raise Failed(f"[UNSUPPORTED_FEATURE] {message}. SQLSTATE: 0A000")
    try:
        if version is not None and version > (last := DeltaTable(path).version()):
            message = f"Cannot time travel Delta table to version {version}. Available versions"
            raise Failed(f"[DELTA_VERSION_NOT_FOUND] {message}: [0, {last}]. SQLSTATE: 22003")
        if timestamp is None:
            return DeltaTable(path, version=version)
        moment = datetime.fromisoformat(timestamp)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        delta = DeltaTable(path)
        times = {one["version"]: one["timestamp"] for one in delta.history()}
        asked = moment.timestamp() * 1000
        if asked < min(times.values()) or asked > max(times.values()):
            name = "EARLIER_THAN" if asked < min(times.values()) else "LATER_THAN"
            message = f"The provided timestamp {timestamp} is out of the versions of {location}"
            raise Failed(f"[DELTA_TIMESTAMP_{name}_COMMIT_RETENTION] {message}. SQLSTATE: 42816")
        delta.load_as_version(max(v for v, at in times.items() if at <= asked))
    except TableNotFoundError:
        return None
    except DeltaError as error:
        message = f"Cannot time travel Delta table at {location} to version {version}: {error}"
        raise Failed(f"[DELTA_VERSION_NOT_FOUND] {message}. SQLSTATE: 22003") from None
    else:
        return delta


def create_delta(unity, location: str, fields: list[dict], partitions) -> None:
    """Create an empty Delta table."""
    from deltalake import DeltaTable, Schema

    schema = Schema.from_json(json.dumps({"type": "struct", "fields": fields}))
    path = storage.local(unity, location)
    path.mkdir(parents=True, exist_ok=True)
    DeltaTable.create(path, schema, partition_by=list(partitions) or None)


def add_columns(unity, location: str, fields: list[dict]) -> None:
    """Add columns to a Delta table; old rows hold null there."""
    from deltalake import Schema

    opened = open_delta(unity, location) if storage.local(unity, location) else None
    if opened is not None:
        schema = Schema.from_json(json.dumps({"type": "struct", "fields": fields}))
        opened.alter.add_columns(schema.fields)


def history(unity, document) -> Result:
    """DESCRIBE HISTORY: version, time and operation of each commit, the last first."""
    delta = open_delta(unity, document["info"]["storage_location"])
    names = ("version", "timestamp", "operation")
    columns = list(zip(names, ("long", "timestamp", "string"), strict=True))
    rows = []
    for one in delta.history() if delta else []:
        at = _moment(one["timestamp"])
        rows.append([str(one["version"]), at, one.get("operation")])
    return Result(columns=columns, rows=rows)


def _moment(milliseconds: int) -> str:
    """Time of a commit as a result shows it."""
    from datetime import UTC, datetime

    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
