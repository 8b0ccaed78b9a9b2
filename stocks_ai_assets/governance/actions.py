"""One change of a catalog: what, why, the SQL that people review, and how it is carried out."""

from dataclasses import dataclass, replace
from typing import Any, Literal

from stocks_ai_assets.governance.calls import Call
from stocks_ai_assets.governance.privileges import Kind

Verb = Literal[
    "create",
    "add column",
    "alter",
    "comment",
    "tag",
    "untag",
    "mask",
    "unmask",
    "filter",
    "unfilter",
    "share",
    "unshare",
    "grant",
    "revoke",
    "owner",
    "drop",
    "keep",
]
Fate = Literal["do", "prune", "by hand", "cannot"]
"""`do`: planned; `prune`: only with --prune; `by hand`: never; `cannot`: not on this server."""

NOT_THERE: dict[Verb, str] = {
    "create": "has no {kind}s",
    "add column": "cannot change the columns of a table: drop and plan again, the data stays",
    "comment": "cannot change this comment",
    "tag": "has no tags",
    "owner": "cannot change owners",
    "alter": "cannot change this: drop it there and plan again, the data stays",
}
"""What the open-source server lacks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """One change.

    Parameters
    ----------
    verb, kind, name
        What is done to which securable.
    detail
        Column, principal, tag or object concerned; empty for the securable itself.
    reason
        Why: what was found and what is wanted.
    sql
        Statement of Databricks that does the same; empty for findings that are left alone.
    call
        Request that does it; None: the statement is executed.
    fate
        Whether it is done.
    obstacle
        Why this server cannot do it.
    """

    verb: Verb
    kind: Kind
    name: str
    reason: str
    detail: str = ""
    sql: str = ""
    call: Call | None = None
    fate: Fate = "do"
    obstacle: str = ""

    @property
    def title(self) -> str:
        """Verb, kind, name and detail in one line."""
        return " ".join(part for part in (self.verb, self.kind, self.name, self.detail) if part)

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return {
            "verb": self.verb,
            "kind": self.kind,
            "name": self.name,
            "detail": self.detail,
            "reason": self.reason,
            **({"obstacle": self.obstacle} if self.obstacle else {}),
            "by": "none" if not self.sql else "rest" if self.call else "sql",
            "sql": self.sql,
        }


def cannot(action: Action, obstacle: str) -> Action:
    """Return the action as one that this server cannot do."""
    return replace(action, fate="cannot", obstacle=obstacle)
