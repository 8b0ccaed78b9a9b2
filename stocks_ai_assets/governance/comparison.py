"""One securable as wanted against the same as found: the actions that make them equal.

Pure. What would give others more than the policy says, or take data away, is only reported.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from stocks_ai_assets.governance.actions import Action, cannot
from stocks_ai_assets.governance.calls import Dialect
from stocks_ai_assets.governance.fixed import fixed
from stocks_ai_assets.governance.leaving import (
    by_hand,
    keep,
    of_others,
    owned,
    unseen,
    unseen_grants,
)
from stocks_ai_assets.governance.making import Actions
from stocks_ai_assets.governance.privileges import OPEN_SOURCE, same_group
from stocks_ai_assets.governance.securables import Column, Securable, Shared, State


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Compares securables one by one.

    Parameters
    ----------
    make
        Makes the actions of the server.
    found
        What the server holds.
    users
        Principals that are users.
    elsewhere
        Principals whose further grants are made elsewhere.
    catalog
        Name of the catalog.
    restricted
        Groups that must own nothing.
    """

    make: Actions
    found: State
    users: frozenset[str]
    elsewhere: frozenset[str]
    catalog: str
    restricted: frozenset[str]

    def compare(self, want: Securable) -> Iterator[Action]:
        """Yield what brings one securable to what is wanted."""
        have = self.found.get(want.key)
        if have is None:
            other = self.found.get(("table" if want.kind == "view" else "view", want.name))
            if want.kind in {"table", "view"} and other is not None:
                yield keep(other, f"the policy wants a {want.kind} here: drop it first")
                return
            creation = self.make.create(want)
            yield creation
            if creation.fate == "cannot":
                for principal, privileges in want.grants.items():
                    grant = self.make.grant(want, principal, privileges)
                    yield cannot(grant, f"the {want.kind} cannot be made there")
                return
            have = _as_created(want, self.make.dialect)
        if have.hidden:
            yield unseen(have)
            return
        others = self._of_others(have)
        if others:
            mixed = any(each.catalog == self.catalog for each in have.shared)
            yield of_others(have, others, mixed=mixed)
            if not mixed:
                return
        yield from self._itself(want, have)
        yield from self._columns(want, have)
        yield from self._tags(want, want.tags, have.tags, None)
        yield from self._rows(want, have)
        yield from self._shared(want, have, others)
        for action in self._grants(want, have):
            opens = f"it opens {', '.join(others)} too"
            yield by_hand(action, opens) if others else action
        yield from self._owner(want, have)

    def _itself(self, want: Securable, have: Securable) -> Iterator[Action]:
        if want.comment != have.comment:
            if want.kind == "function":
                yield self.make.alter(want, "another comment there")
            else:
                yield self.make.comment(want, have.comment)
        for reason in fixed(want, have, self.make.dialect):
            yield keep(have, reason)
        given = want.properties.items()
        if other := {key: value for key, value in given if have.properties.get(key) != value}:
            yield self.make.properties(want, other)
        if want.kind == "function" and _expression(want) != _expression(have):
            yield self.make.alter(want, f"other expression there: {_text(have.definition)}")

    def _columns(self, want: Securable, have: Securable) -> Iterator[Action]:
        known = {each.name: each for each in have.columns}
        if want.kind == "view" and _text(want.definition) != _text(have.definition):
            yield self.make.alter(want, f"other query there: {_text(have.definition)}")
            known = {}
        for column in want.columns:
            there = known.get(column.name)
            if there is None and want.kind == "table":
                yield self.make.add_column(want, column)
                there = replace(column, tags={}, mask=None)
            elif there is None:
                there = replace(column, comment="")
            elif want.kind == "table" and not _same_type(column, there):
                yield keep(
                    have,
                    f"{there.type_text} there, {column.type_text} in the contract: rewrite the "
                    "data, drop the table there and plan again",
                    column.name,
                )
            if column.comment != there.comment:
                yield self.make.comment_column(want, column, there.comment)
            if want.kind == "table":
                yield from self._tags(want, column.tags, there.tags, column.name)
                yield from self._mask(want, column, there)
        wanted = {each.name for each in want.columns}
        if want.kind == "table":
            for name in (each for each in known if each not in wanted):
                yield keep(have, "column there, not in the contract", name)

    def _mask(self, want: Securable, column: Column, there: Column) -> Iterator[Action]:
        if column.mask and column.mask != there.mask:
            yield self.make.mask(want, column, there.mask)
        elif there.mask and not column.mask:
            yield self.make.unmask(want, column.name, there.mask)

    def _rows(self, want: Securable, have: Securable) -> Iterator[Action]:
        if want.row_filter and want.row_filter != have.row_filter:
            yield self.make.filter(want, want.row_filter, have.row_filter)
        elif have.row_filter and not want.row_filter:
            yield self.make.unfilter(want, have.row_filter)

    def _tags(
        self,
        want: Securable,
        wanted: Mapping[str, str],
        there: Mapping[str, str],
        column: str | None,
    ) -> Iterator[Action]:
        missing = {key: value for key, value in wanted.items() if there.get(key) != value}
        extra = [key for key in there if key not in wanted]
        if missing:
            yield self.make.tag(want, missing, column)
        if extra:
            yield self.make.untag(want, extra, column)

    def _of_others(self, share: Securable) -> list[str]:
        """Names of what others put into a share. A notebook lies in no catalog: ours, if all is."""
        if {each.catalog for each in share.shared} <= {None, self.catalog}:
            return []
        return sorted({each.name for each in share.shared if each.catalog != self.catalog})

    def _shared(self, want: Securable, have: Securable, others: list[str]) -> Iterator[Action]:
        known: dict[tuple[str, str], Shared] = {(e.kind, e.name): e for e in have.shared}
        for thing in want.shared:
            there = known.pop((thing.kind, thing.name), None)
            if there != thing:
                yield self.make.share(want, thing, there)
        for thing in known.values():
            if thing.name not in others:
                yield self.make.unshare(want, thing)

    def _grants(self, want: Securable, have: Securable) -> Iterator[Action]:
        if have.grants_hidden:
            yield unseen_grants(have)
            return
        for principal, wanted in want.grants.items():
            missing = wanted - have.grants.get(principal, frozenset())
            if self.make.dialect == "oss":
                yield from self._open_source_grants(want, principal, missing)
            elif missing:
                yield self.make.grant(want, principal, missing)
        for principal, there in have.grants.items():
            extra = there - want.grants.get(principal, frozenset())
            if extra and principal not in self.elsewhere:
                yield self.make.revoke(want, principal, extra)

    def _owner(self, want: Securable, have: Securable) -> Iterator[Action]:
        if want.owner and want.owner != have.owner:
            yield self.make.owner(want, have.owner)
        elif have.owner and same_group(have.owner, self.restricted):
            yield owned(have, have.owner)

    def _open_source_grants(
        self, want: Securable, principal: str, missing: frozenset[str]
    ) -> Iterator[Action]:
        if not missing:
            return
        if principal not in self.users:
            why = f"open-source Unity Catalog has users only, {principal} is a group or service"
            yield cannot(self.make.grant(want, principal, missing), why)
            return
        known, unknown = missing & OPEN_SOURCE, missing - OPEN_SOURCE
        if known:
            yield self.make.grant(want, principal, known)
        if unknown:
            why = "open-source Unity Catalog has no such privilege"
            yield cannot(self.make.grant(want, principal, unknown), why)


def _as_created(want: Securable, dialect: Dialect) -> Securable:
    """What a securable is like right after its creation."""
    return replace(
        want,
        comment="" if want.kind == "table" and dialect == "databricks" else want.comment,
        columns=tuple(replace(each, tags={}, mask=None) for each in want.columns),
        owner=None,
        tags={},
        grants={},
        row_filter=None,
        shared=(),
    )


def _same_type(column: Column, there: Column) -> bool:
    return _text(column.type_text).replace(" ", "") == _text(there.type_text).replace(" ", "")


def _expression(function: Securable) -> tuple[str, str]:
    """Signature, in which servers spell types as they like, and expression of a function."""
    return _text(function.signature).lower().replace(" ", ""), _text(function.definition)


def _text(text: str) -> str:
    """Text on one line, for comparison: servers keep queries as they were sent."""
    return " ".join(text.split()).rstrip("; ")
