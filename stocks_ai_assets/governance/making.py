"""Makes actions: each kind of change with its reason, its statement and its request."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stocks_ai_assets.governance import calls, statements
from stocks_ai_assets.governance.actions import NOT_THERE, Action, Fate, Verb, cannot
from stocks_ai_assets.governance.calls import Call, Dialect
from stocks_ai_assets.governance.privileges import EVERYBODY, Kind, same_group, spaced
from stocks_ai_assets.governance.securables import Column, RowFilter, Securable, Shared


@dataclass(frozen=True, kw_only=True, slots=True)
class Actions:
    """Makes the actions of one server.

    Parameters
    ----------
    dialect
        Which server.
    """

    dialect: Dialect

    def create(self, thing: Securable) -> Action:
        """Make what is missing."""
        by_sql = thing.kind in {"view", "function"}
        lacking = thing.kind in {"view", "function", "share", "recipient"}
        return self._made(
            "create",
            thing.kind,
            thing.name,
            "missing there",
            sql=statements.create(thing),
            call=None
            if by_sql or (lacking and self.dialect == "oss")
            else calls.create(thing, self.dialect),
        )

    def alter(self, thing: Securable, reason: str) -> Action:
        """Give a view its query, or a function its expression."""
        change = statements.alter_view if thing.kind == "view" else statements.create
        return self._made("alter", thing.kind, thing.name, reason, sql=change(thing))

    def properties(self, table: Securable, properties: Mapping[str, str]) -> Action:
        """Set properties of a table."""
        return self._made(
            "alter",
            "table",
            table.name,
            f"other or no properties there: {', '.join(sorted(properties))}",
            detail="properties",
            sql=statements.set_properties(table.name, properties),
        )

    def add_column(self, table: Securable, column: Column) -> Action:
        """Add a column that the contract has."""
        return self._made(
            "add column",
            "table",
            table.name,
            f"in the contract as {column.type_text}, not registered",
            detail=column.name,
            sql=statements.add_column(table.name, column),
        )

    def comment(self, thing: Securable, found: str) -> Action:
        """Set the comment of a securable."""
        by_sql = thing.kind in {"table", "view", "function"}
        return self._made(
            "comment",
            thing.kind,
            thing.name,
            _changed(found, thing.comment),
            sql=statements.comment_on(thing.kind, thing.name, thing.comment),
            call=None if by_sql else calls.update(thing.kind, thing.name, comment=thing.comment),
        )

    def comment_column(self, thing: Securable, column: Column, found: str) -> Action:
        """Set the comment of a column."""
        return self._made(
            "comment",
            thing.kind,
            thing.name,
            _changed(found, column.comment),
            detail=column.name,
            sql=statements.comment_on_column(thing.name, column),
        )

    def owner(self, thing: Securable, found: str | None) -> Action:
        """Give a securable to its owner."""
        owner = thing.owner or ""
        return self._made(
            "owner",
            thing.kind,
            thing.name,
            f"owned by {found or 'nobody'}, policy: {owner}",
            detail=owner,
            sql=statements.set_owner(thing.kind, thing.name, owner),
            call=None
            if self.dialect == "oss"
            else calls.update(thing.kind, thing.name, owner=owner),
        )

    def tag(self, thing: Securable, tags: Mapping[str, str], column: str | None) -> Action:
        """Set tags of a securable or of a column."""
        shown = ", ".join(f"{key}={value}" for key, value in sorted(tags.items()))
        return self._made(
            "tag",
            thing.kind,
            thing.name,
            f"not set there: {shown}",
            detail=column or "",
            sql=statements.set_tags(thing.kind, thing.name, tags, column),
        )

    def untag(self, thing: Securable, keys: list[str], column: str | None) -> Action:
        """Take tags away that the policy does not know."""
        return self._made(
            "untag",
            thing.kind,
            thing.name,
            f"set there, not in the policy: {', '.join(sorted(keys))}",
            detail=column or "",
            sql=statements.unset_tags(thing.kind, thing.name, keys, column),
            fate="prune",
        )

    def mask(self, table: Securable, column: Column, found: str | None) -> Action:
        """Mask a column. Breaks time travel and clones of the table."""
        return self._made(
            "mask",
            "table",
            table.name,
            f"{found or 'no mask'} there; time travel and clones of the table will not work",
            detail=column.name,
            sql=statements.set_mask(table.name, column.name, column.mask or ""),
        )

    def unmask(self, table: Securable, column: str, found: str) -> Action:
        """Show a column again that the policy does not mask."""
        return self._made(
            "unmask",
            "table",
            table.name,
            f"masked by {found} there, not in the policy; readers will see it again",
            detail=column,
            sql=statements.drop_mask(table.name, column),
            fate="prune",
        )

    def filter(self, table: Securable, rows: RowFilter, found: RowFilter | None) -> Action:
        """Filter rows of a table. Breaks time travel and clones of the table."""
        return self._made(
            "filter",
            "table",
            table.name,
            f"{found.function if found else 'no row filter'} there; time travel and clones of the "
            "table will not work",
            sql=statements.set_filter(table.name, rows),
        )

    def unfilter(self, table: Securable, found: RowFilter) -> Action:
        """Show all rows again of a table that the policy does not filter."""
        return self._made(
            "unfilter",
            "table",
            table.name,
            f"filtered by {found.function} there, not in the policy; readers will see all rows",
            sql=statements.drop_filter(table.name),
            fate="prune",
        )

    def share(self, share: Securable, thing: Shared, found: Shared | None) -> Action:
        """Put a table or view into a share, or change its name or its history there."""
        reason = "not shared there"
        if found:
            history = f"{'with' if found.history else 'without'} history"
            reason = f"shared as {found.alias} {history} there"
        return self._made(
            "share",
            "share",
            share.name,
            reason,
            detail=f"{thing.kind} {thing.name}",
            sql=statements.share(share.name, thing, "ALTER" if found else "ADD"),
            call=calls.share(share.name, "UPDATE" if found else "ADD", thing),
        )

    def unshare(
        self, share: Securable, thing: Shared, reason: str = "shared there, not in the policy"
    ) -> Action:
        """Take something out of a share that the policy does not put there."""
        return self._made(
            "unshare",
            "share",
            share.name,
            reason,
            detail=f"{thing.kind} {thing.name}",
            sql=statements.unshare(share.name, thing),
            call=calls.share(share.name, "REMOVE", thing),
            fate="prune",
        )

    def grant(self, thing: Securable, principal: str, privileges: Iterable[str]) -> Action:
        """Grant what the policy grants."""
        kind, name = thing.key
        wanted = sorted(privileges)
        return self._made(
            "grant",
            kind,
            name,
            "not granted there",
            detail=f"{_listed(wanted)} to {principal}",
            sql=statements.grant(kind, name, wanted, principal),
            call=calls.permissions(kind, name, self.dialect, principal=principal, add=wanted),
        )

    def revoke(self, thing: Securable, principal: str, privileges: Iterable[str]) -> Action:
        """Revoke what the policy does not grant."""
        kind, name = thing.key
        extra = sorted(privileges)
        reason = "granted there, not in the policy"
        if same_group(principal, EVERYBODY):
            reason += "; everybody is in this group, auditors too"
        return self._made(
            "revoke",
            kind,
            name,
            reason,
            detail=f"{_listed(extra)} from {principal}",
            sql=statements.revoke(kind, name, extra, principal),
            call=calls.permissions(kind, name, self.dialect, principal=principal, remove=extra),
            fate="prune",
        )

    def drop(self, thing: Securable, reason: str) -> Action:
        """Remove what the policy does not know and what holds no data."""
        kind, name = thing.key
        return self._made(
            "drop",
            kind,
            name,
            reason,
            sql=statements.drop(kind, name),
            call=calls.drop(kind, name),
            fate="prune",
        )

    def _made(
        self,
        verb: Verb,
        kind: Kind,
        name: str,
        reason: str,
        *,
        sql: str,
        call: Call | None = None,
        detail: str = "",
        fate: Fate = "do",
    ) -> Action:
        action = Action(
            verb=verb,
            kind=kind,
            name=name,
            reason=reason,
            detail=detail,
            sql=sql,
            call=call,
            fate=fate,
        )
        if self.dialect == "oss" and call is None:
            lack = NOT_THERE.get(verb, "cannot do this").format(kind=kind)
            return cannot(action, f"open-source Unity Catalog {lack}")
        return action


def _changed(found: str, wanted: str) -> str:
    shown = f"`{found}`" if found else "no comment"
    return f"{shown} there" if wanted else f"{shown} there, the contract has none"


def _listed(privileges: list[str]) -> str:
    return ", ".join(map(spaced, privileges))
