"""Who may read what: tokens, shares, schemas, tables. Knows no files.

What a share does not name is answered like what does not exist, before the lake is asked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stocks_ai_assets.errors import RefusedError
from stocks_ai_assets.sharing import wire
from stocks_ai_assets.sharing.parameters import page
from stocks_ai_assets.sharing.recipients import UNAUTHENTICATED, Recipients, Token
from stocks_ai_assets.sharing.shares import Share, SharedTable, Shares
from stocks_ai_assets.sharing.signing import Signer
from stocks_ai_assets.sharing.versions import NOT_FOUND
from stocks_ai_assets.sharing.wire import Answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A table that the caller may read.

    Parameters
    ----------
    token
        The caller's token.
    share, table
        What was found.
    base
        URL of the protocol, as recipients reach it.
    """

    token: Token
    share: Share
    table: SharedTable
    base: str


class Directory:
    """Finds what a caller may read.

    Parameters
    ----------
    shares
        Returns what is shared now: a change of the policy holds for the next request.
    recipients
        Tokens.
    signer
        Signs the tokens of pages.
    """

    def __init__(
        self, shares: Callable[[], Shares], recipients: Recipients, signer: Signer
    ) -> None:
        self._shares = shares
        self._recipients = recipients
        self._signer = signer

    def authenticate(self, authorization: str | None, now: datetime) -> Token:
        """Return the token of an `Authorization` header, or raise `RefusedError`."""
        scheme, _, text = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not text.strip():
            raise RefusedError(
                401,
                UNAUTHENTICATED,
                "The request has no bearer token. Use the profile file that you were given.",
            )
        return self._recipients.authenticate(text.strip(), now=now)

    def list_shares(self, token: Token, values: Mapping[str, Any]) -> Answer:
        """List the shares of the caller."""
        items = [{"name": share.name} for share in self._shares().of(token.recipient)]
        return self._listed(token, items, values, "shares")

    def get_share(self, token: Token, share: str) -> Answer:
        """Describe one share."""
        return wire.json_answer({"share": {"name": self.share(token, share).name}})

    def list_schemas(self, token: Token, share: str, values: Mapping[str, Any]) -> Answer:
        """List the schemas of a share."""
        found = self.share(token, share)
        names = sorted({table.schema for table in found.tables})
        items = [{"name": name, "share": found.name} for name in names]
        return self._listed(token, items, values, f"{found.name}/schemas")

    def list_tables(
        self, token: Token, share: str, schema: str | None, values: Mapping[str, Any]
    ) -> Answer:
        """List the tables of a schema, or of all schemas of a share."""
        found = self.share(token, share)
        tables = [
            table
            for table in sorted(found.tables, key=lambda table: table.path)
            if schema is None or table.schema.lower() == schema.lower()
        ]
        if schema is not None and not tables:
            raise _missing()
        items = [{"name": t.name, "schema": t.schema, "share": found.name} for t in tables]
        return self._listed(token, items, values, f"{found.name}/{schema or ''}/tables")

    def share(self, token: Token, name: str) -> Share:
        """Return a share of the caller, whatever the case of the letters."""
        for share in self._shares().of(token.recipient):
            if share.name.lower() == name.lower():
                return share
        raise _missing()

    def find(self, token: Token, share: str, schema: str, table: str, base: str) -> Found:
        """Return a table that the caller may read; refuse any other as one that is not there."""
        found = self.share(token, share)
        shared = found.table(schema, table)
        if shared is None:
            raise _missing()
        return Found(token=token, share=found, table=shared, base=base)

    def still(
        self, token_id: str, share: str, table: str, now: datetime
    ) -> tuple[Token, SharedTable]:
        """Return token and table of a link, or refuse: one of them is not good any more."""
        token = self._recipients.require(token_id, now=now)
        shared = self.share(token, share).table(*table.split(".", 1))
        if shared is None:
            raise _missing()
        return token, shared

    def _listed(
        self, token: Token, items: list[dict[str, str]], values: Mapping[str, Any], what: str
    ) -> Answer:
        found = page(items, values, self._signer, f"{token.recipient}/{what}")
        content: dict[str, Any] = {"items": list(found.items)}
        if found.token is not None:
            content["nextPageToken"] = found.token
        return wire.json_answer(content)


def _missing() -> RefusedError:
    return RefusedError(
        404,
        NOT_FOUND,
        "There is no such share, schema or table, or it is not shared with you. List what is "
        "shared with you, or ask the provider.",
    )
