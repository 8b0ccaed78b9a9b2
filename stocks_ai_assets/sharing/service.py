"""What is given of a table that the caller may read: versions, files, changes. No web framework."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from stocks_ai_assets.errors import RefusedError
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.sharing import wire
from stocks_ai_assets.sharing.copies import Copies
from stocks_ai_assets.sharing.directory import Directory, Found
from stocks_ai_assets.sharing.groups import given_groups, together
from stocks_ai_assets.sharing.links import FileNames, Link, Links, inside
from stocks_ai_assets.sharing.parameters import bad_request, moment, only_one, whole_number
from stocks_ai_assets.sharing.predicates import needed_files
from stocks_ai_assets.sharing.recipients import Recipients, Token
from stocks_ai_assets.sharing.shares import SharedTable, Shares
from stocks_ai_assets.sharing.signing import Signer, signing_key
from stocks_ai_assets.sharing.versions import NOT_FOUND, Version, Versions
from stocks_ai_assets.sharing.wire import Answer, Format, SharedFile

MAX_CHANGES = 2_000
"""Commits of one request for changes."""

AT_ONCE = 4
"""Files copied at a time."""


class SharingService:
    """Answers recipients.

    Parameters
    ----------
    lake
        What is shared from.
    shares
        Returns what is shared now: a change of the policy holds for the next request.
    recipients
        Tokens.
    folder
        Folder of the sharing state: signing key and copied files.
    link_lifetime
        How long file URLs last.
    cache_bytes
        Bytes of copied files kept.
    """

    def __init__(
        self,
        lake: Lake,
        shares: Callable[[], Shares],
        recipients: Recipients,
        folder: Path,
        *,
        link_lifetime: timedelta,
        cache_bytes: int,
    ) -> None:
        self._versions = Versions(lake)
        signer = Signer(signing_key(folder / "signing.key"))
        self.directory = Directory(shares, recipients, signer)
        self._links = Links(signer, link_lifetime)
        self._names = FileNames(signer)
        self._copies = Copies(folder / "copies", cache_bytes)

    def version(self, found: Found, values: Mapping[str, Any]) -> Answer:
        """Return the newest version, or the first one since a moment."""
        since = moment(values, "startingTimestamp")
        if since is None:
            number = self._versions.newest(found.table.table)
        else:
            _require_history(found.table, "startingTimestamp")
            number = self._versions.since(found.table.table, since)
        return Answer(headers={wire.VERSION_HEADER: str(number)}, version=number)

    def metadata(self, found: Found, response_format: Format) -> Answer:
        """Describe the table."""
        version = self._newest(found.table)
        return Answer(
            headers=wire.headers(version.number, response_format),
            body=wire.lines(wire.head(found.table, version, response_format)),
            version=version.number,
        )

    def query(
        self, found: Found, body: Mapping[str, Any], response_format: Format, now: datetime
    ) -> Answer:
        """Give the files of one version, or what happened to files since one."""
        only_one(body, "version", "timestamp", "startingVersion")
        if (start := whole_number(body, "startingVersion")) is not None:
            _require_history(found.table, "startingVersion")
            end = whole_number(body, "endingVersion")
            return self._actions(found, start, end, response_format, now, changes=False)
        version = self._asked(found.table, body)
        columns = wire.visible_columns(found.table, version)
        needed = needed_files(
            version.files,
            columns,
            json_hint=body.get("jsonPredicateHints"),
            sql_hints=body.get("predicateHints"),
            limit=whole_number(body, "limitHint"),
        )
        kept = set(needed["path"])
        groups = [
            (name, group)
            for name, group in given_groups(found.table, version, self._names)
            if any(row["path"] in kept for row in group)
        ]
        rows = [together(group) for _, group in groups]
        visible = wire.partition_columns(found.table, version)
        sizes = self._sizes(
            found.table, version, [[row["path"] for row in group] for _, group in groups]
        )
        given = [
            SharedFile(
                kind="file",
                path=row["path"],
                url=self._url(found, name, now),
                expires=self._links.expiry(now),
                size=size,
                partition_values={c: _text(row.get(f"partition.{c}")) for c in visible},
                version=version.number,
                timestamp=version.timestamp,
                stats=wire.stats(row, columns),
            )
            for (name, _), row, size in zip(groups, rows, sizes, strict=True)
        ]
        counts = [row["num_records"] for row in rows]
        travelled = body.get("version") is not None or body.get("timestamp") is not None
        return self._answer(
            found,
            version,
            given,
            response_format,
            with_version=travelled or response_format == "delta",
            rows=None if None in counts else sum(counts),
        )

    def changes(
        self, found: Found, values: Mapping[str, Any], response_format: Format, now: datetime
    ) -> Answer:
        """Give the changed rows between two versions, both inclusive."""
        _require_history(found.table, "The change feed")
        only_one(values, "startingVersion", "startingTimestamp")
        only_one(values, "endingVersion", "endingTimestamp")
        table = found.table.table
        start = whole_number(values, "startingVersion")
        if (since := moment(values, "startingTimestamp")) is not None:
            start = self._versions.since(table, since)
        if start is None:
            raise bad_request("Give startingVersion or startingTimestamp.")
        end = whole_number(values, "endingVersion")
        if (until := moment(values, "endingTimestamp")) is not None:
            end = self._versions.until(table, until)
        return self._actions(found, start, end, response_format, now, changes=True)

    def open_file(self, body: str, signature: str, now: datetime) -> tuple[Link, Token, BinaryIO]:
        """Open the file of a link; return what the link says, by whose token, and the file.

        Raises
        ------
        RefusedError
            The link, its token, its share or its file is not good any more.
        """
        link = self._links.read(body, signature, now=now)
        token, shared = self.directory.still(link.token_id, link.share, link.table, now)
        newest = self._newest(shared)
        number = self._names.version(link.name)
        if number is None:
            folder = self._versions.folder(shared.table)
            paths = [self._names.path(folder, newest.table_id, link.name)]
        else:
            version = self._versions.version(shared.table, number)
            groups = dict(given_groups(shared, version, self._names))
            if link.name not in groups:  # the table is another one, or is grouped otherwise by now
                raise RefusedError(404, NOT_FOUND, "The file is gone. Query the table again.")
            paths = [row["path"] for row in groups[link.name]]
        return link, token, self._opened(shared, newest.table_id, paths)

    def _newest(self, shared: SharedTable) -> Version:
        return self._versions.version(shared.table, self._versions.newest(shared.table))

    def _asked(self, shared: SharedTable, body: Mapping[str, Any]) -> Version:
        number, at = whole_number(body, "version"), moment(body, "timestamp")
        if number is None and at is None:
            return self._newest(shared)
        _require_history(shared, "version" if at is None else "timestamp")
        if at is not None:
            number = self._versions.at(shared.table, at)
        return self._versions.version(shared.table, int(number or 0))

    def _actions(
        self,
        found: Found,
        start: int,
        end: int | None,
        response_format: Format,
        now: datetime,
        *,
        changes: bool,
    ) -> Answer:
        table = found.table.table
        newest = self._versions.newest(table)
        last = newest if end is None else end
        if not start <= last <= newest:
            raise bad_request(
                f"Versions {start}..{last} are not all there: versions are 0..{newest}."
            )
        if last - start >= MAX_CHANGES:
            raise bad_request(
                f"Versions {start}..{last} are more than {MAX_CHANGES} commits. Ask in parts."
            )
        first = self._versions.version(table, start)
        visible = wire.partition_columns(found.table, first)
        actions = self._versions.actions(table, start, last, changes=changes)
        sizes = self._sizes(found.table, first, [[action.path] for action in actions])
        given = [
            SharedFile(
                kind=action.kind,
                path=action.path,
                url=self._url(found, self._names.of(first.table_id, action.path), now),
                expires=self._links.expiry(now),
                size=size,
                partition_values={c: action.partition_values.get(c) for c in visible},
                version=action.version,
                timestamp=action.timestamp,
            )
            for action, size in zip(actions, sizes, strict=True)
        ]
        return self._answer(found, first, given, response_format, with_version=True)

    def _answer(
        self,
        found: Found,
        version: Version,
        files: list[SharedFile],
        response_format: Format,
        *,
        with_version: bool,
        rows: int | None = None,
    ) -> Answer:
        head = wire.head(found.table, version, response_format, with_version=with_version)
        identity = wire.table_id(found.table, version)
        body = wire.lines([*head, *(wire.file_line(f, identity, response_format) for f in files)])
        return Answer(
            headers=wire.headers(version.number, response_format),
            body=body,
            version=version.number,
            rows=rows,
            files=len(files),
        )

    def _url(self, found: Found, name: str, now: datetime) -> str:
        link = Link(
            token_id=found.token.id,
            share=found.share.name,
            table=found.table.path,
            name=name,
            expires=self._links.expiry(now),
        )
        return f"{found.base}/files/{self._links.text(link)}"

    def _sizes(self, shared: SharedTable, version: Version, groups: list[list[str]]) -> list[int]:
        """Bytes of files as the recipient gets them; refuses when one is not there any more."""

        def size(paths: list[str]) -> int:
            with self._opened(shared, version.table_id, paths) as stream:
                return os.fstat(stream.fileno()).st_size

        with ThreadPoolExecutor(AT_ONCE) as pool:
            sizes = list(pool.map(size, groups))
        self._copies.shrink()
        return sizes

    def _opened(self, shared: SharedTable, table_id: str, paths: list[str]) -> BinaryIO:
        folder = self._versions.folder(shared.table)
        sources = [inside(folder, path) for path in paths]
        try:
            return self._copies.opened(sources, table_id, paths, shared.stored())
        except FileNotFoundError:
            raise RefusedError(
                404,
                NOT_FOUND,
                "A file of this version is no longer there: it was vacuumed. "
                "Query a newer version.",
            ) from None


def _require_history(shared: SharedTable, what: str) -> None:
    if not shared.history:
        raise bad_request(
            f"{what}: {shared.schema}.{shared.name} is shared without history. Ask for its newest "
            "version, or ask the provider to share it WITH HISTORY."
        )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
