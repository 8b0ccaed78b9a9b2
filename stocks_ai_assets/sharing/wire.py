"""Lines and fields of the protocol, in both response formats. No decisions are made here."""

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from stocks_ai_assets.sharing.shares import SharedTable
from stocks_ai_assets.sharing.versions import Version

Format = Literal["parquet", "delta"]

VERSION_HEADER = "delta-table-version"
CAPABILITIES_HEADER = "delta-sharing-capabilities"
NDJSON = "application/x-ndjson; charset=utf-8"
JSON = "application/json; charset=utf-8"

_READER, _WRITER = 1, 4
"""Delta's protocol versions of every table of the lake."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a request gets.

    Parameters
    ----------
    status
        HTTP status.
    headers
        Headers of the protocol.
    body
        Text.
    version, rows, files
        For the audit log: what was given.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    version: int | None = None
    rows: int | None = None
    files: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedFile:
    """A file as the recipient gets it.

    Parameters
    ----------
    kind
        `file` of a version, or what a commit did to it.
    path
        File within the table's folder: names it, and is not shown.
    url
        Where to get it.
    expires
        When the URL ends, milliseconds since 1970 UTC.
    size
        Bytes.
    partition_values
        By partition column.
    version, timestamp
        Of the commit, or of the version that was asked for.
    stats
        Number of rows, and what is known of the shared columns, as JSON; None: not known.
    """

    kind: Literal["file", "add", "cdf", "remove"]
    path: str
    url: str
    expires: int
    size: int
    partition_values: Mapping[str, str | None]
    version: int
    timestamp: int
    stats: str | None = None


def requested_format(capabilities: str | None) -> Format:
    """Return the response format that a client asks for by its header.

    Parquet wherever it is accepted: every client reads it, and no table needs more.
    """
    for capability in (capabilities or "").lower().replace(" ", "").split(";"):
        name, _, values = capability.partition("=")
        if name == "responseformat" and "parquet" not in values.split(","):
            return "delta" if "delta" in values.split(",") else "parquet"
    return "parquet"


def headers(version: int, response_format: Format) -> dict[str, str]:
    """Return the headers of an answer about one version."""
    return {
        "content-type": NDJSON,
        VERSION_HEADER: str(version),
        CAPABILITIES_HEADER: f"responseformat={response_format}",
    }


def json_answer(content: Any, status: int = 200) -> Answer:
    """Return an answer of one JSON object."""
    return Answer(status=status, headers={"content-type": JSON}, body=json.dumps(content))


def lines(objects: Iterable[Mapping[str, Any]]) -> str:
    """Return one line of JSON an object."""
    return "".join(json.dumps(each, separators=(",", ":")) + "\n" for each in objects)


def visible_columns(shared: SharedTable, version: Version) -> list[str]:
    """Return the columns that recipients see, of those that the version has."""
    there = [column["name"] for column in version.schema]
    return there if shared.columns is None else [c for c in shared.columns if c in there]


def partition_columns(shared: SharedTable, version: Version) -> list[str]:
    """Return the partition columns that recipients see."""
    visible = visible_columns(shared, version)
    return [name for name in version.partition_columns if name in visible]


def head(
    shared: SharedTable, version: Version, response_format: Format, *, with_version: bool = False
) -> Iterator[dict[str, Any]]:
    """Return the first two lines: protocol and metadata."""
    if response_format == "delta":
        reads = {"minReaderVersion": _READER, "minWriterVersion": _WRITER}
        yield {"protocol": {"deltaProtocol": reads}}
    else:
        yield {"protocol": {"minReaderVersion": 1}}
    yield metadata(shared, version, response_format, with_version=with_version)


def metadata(
    shared: SharedTable, version: Version, response_format: Format, *, with_version: bool
) -> dict[str, Any]:
    """Return the line that describes the table at one version."""
    fields = {column["name"]: column for column in version.schema}
    schema = {"type": "struct", "fields": [fields[c] for c in visible_columns(shared, version)]}
    described: dict[str, Any] = {
        "id": table_id(shared, version),
        "name": f"{shared.schema}.{shared.name}",
        "format": {"provider": "parquet"},
        "schemaString": json.dumps(schema),
        "partitionColumns": partition_columns(shared, version),
        "configuration": {"enableChangeDataFeed": "true"} if shared.history else {},
    }
    if shared.comment:
        described["description"] = shared.comment
    numbered = {"version": version.number} if with_version else {}
    if response_format == "parquet":
        return {"metaData": {**described, **numbered}}
    described["format"] = {"provider": "parquet", "options": {}}
    described["configuration"] = {"delta.enableChangeDataFeed": "true"} if shared.history else {}
    return {"metaData": {"deltaMetadata": described, **numbered}}


def table_id(shared: SharedTable, version: Version) -> str:
    """Return Delta's identifier of the table; views of it have their own."""
    if shared.columns is None:
        return version.table_id
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{version.table_id}/{','.join(shared.columns)}"))


def file_line(file: SharedFile, table: str, response_format: Format) -> dict[str, Any]:
    """Return the line of one file."""
    identity = hashlib.sha256(f"{table}/{file.path}".encode()).hexdigest()[:32]
    if response_format == "delta":
        return _delta_line(file, identity)
    line = {
        "url": file.url,
        "id": identity,
        "partitionValues": {
            k: v if v is not None else "" for k, v in file.partition_values.items()
        },
        "size": file.size,
        "version": file.version,
        "timestamp": file.timestamp,
        "expirationTimestamp": file.expires,
    }
    if file.stats is not None:
        line["stats"] = file.stats
    return {file.kind: line}


def _delta_line(file: SharedFile, identity: str) -> dict[str, Any]:
    action: dict[str, Any] = {
        "path": file.url,
        "partitionValues": dict(file.partition_values),
        "size": file.size,
    }
    name = {"file": "add", "add": "add", "cdf": "cdc", "remove": "remove"}[file.kind]
    if name == "add":
        action |= {"modificationTime": file.timestamp, "dataChange": True}
        if file.stats is not None:
            action["stats"] = file.stats
    elif name == "remove":
        action |= {"deletionTimestamp": file.timestamp, "dataChange": True}
        action["extendedFileMetadata"] = True
    else:
        action["dataChange"] = False
    return {
        "file": {
            "id": identity,
            "version": file.version,
            "timestamp": file.timestamp,
            "expirationTimestamp": file.expires,
            "deltaSingleAction": {name: action},
        }
    }


def stats(row: Mapping[str, Any], columns: Sequence[str]) -> str | None:
    """Return what is known of a file's rows in the shared columns, as Delta writes it."""
    if row.get("num_records") is None:
        return None
    found: dict[str, Any] = {"numRecords": row["num_records"]}
    for name, prefix in (("minValues", "min"), ("maxValues", "max"), ("nullCount", "null_count")):
        values = {c: _plain(row[f"{prefix}.{c}"]) for c in columns if _known(row, f"{prefix}.{c}")}
        if values:
            found[name] = values
    return json.dumps(found, separators=(",", ":"))


def _known(row: Mapping[str, Any], name: str) -> bool:
    return row.get(name) is not None


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value
