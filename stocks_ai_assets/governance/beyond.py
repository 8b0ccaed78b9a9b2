"""What a server holds that the policy does not know: what it is, what it opens, to whom.

Pure. Only --prune drops it or closes it, and nothing that holds data is dropped.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from stocks_ai_assets.governance.actions import Action
from stocks_ai_assets.governance.leaving import keep, owned, unseen_grants
from stocks_ai_assets.governance.making import Actions
from stocks_ai_assets.governance.privileges import same_group
from stocks_ai_assets.governance.securables import Securable, Shared, State

EMPTY_SCHEMA = "default"
"""Databricks makes it in every catalog: nothing to tell while it is empty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Beyond:
    """Finds what the policy does not know.

    Parameters
    ----------
    make
        Makes the actions of the server.
    catalog
        Name of the catalog.
    desired, found
        What is wanted, and what the server holds.
    elsewhere
        Principals whose grants are made elsewhere.
    restricted
        Groups that must own nothing.
    """

    make: Actions
    catalog: str
    desired: State
    found: State
    elsewhere: frozenset[str]
    restricted: frozenset[str]

    def actions(self) -> Iterator[Action]:
        """Yield what becomes of each thing."""
        for thing in self.found.values():
            if thing.key in self.desired:
                continue
            if thing.kind == "share":
                yield from self._share(thing)
            elif thing.kind == "recipient" and thing.name in self.elsewhere:
                continue
            elif thing.kind == "recipient":
                yield self.make.drop(
                    thing, "left there, not in the policy; reads this catalog alone"
                )
            else:
                yield from self._thing(thing)
                yield from self._open(thing)

    def _share(self, share: Securable) -> Iterator[Action]:
        """Drop a share of nothing but this catalog; take what is ours out of any other."""
        ours = [each for each in share.shared if each.catalog == self.catalog]
        opens = ", ".join(map(_shown, ours))
        readers = ", ".join(sorted(share.grants)) or "nobody"
        if share.grants_hidden:
            readers = "recipients that cannot be read with these rights"
        reason = f"left there, not in the policy; opens {opens} to {readers}"
        if len(ours) == len(share.shared):
            yield self.make.drop(share, reason)
            return
        for each in ours:
            yield self.make.unshare(share, each, reason)

    def _thing(self, thing: Securable) -> Iterator[Action]:
        if ("view" if thing.kind == "table" else "table", thing.name) in self.desired:
            return  # told where the wanted one is compared
        if thing.kind == "schema":
            yield from self._schema(thing)
        elif ("schema", thing.schema) not in self.desired:
            return  # counted with its schema
        elif thing.kind in {"view", "function"}:
            yield self.make.drop(thing, "there, not in the policy")
        elif thing.kind == "table" and not thing.managed:
            yield self.make.drop(thing, "there, not in the contracts; its data stays")
        else:
            what = "holds data" if thing.managed else "may hold something"
            yield keep(thing, f"there, not in the policy; {what}: remove it by hand or add it")

    def _schema(self, schema: Securable) -> Iterator[Action]:
        held = Counter(each.kind for each in self.found.values() if each.schema == schema.name)
        if not held and schema.name.split(".")[1] == EMPTY_SCHEMA:
            return
        listed = ", ".join(f"{kind}: {count}" for kind, count in sorted(held.items())) or "nothing"
        yield keep(schema, f"there, not in the policy; holds {listed}. Remove it by hand or add it")

    def _open(self, thing: Securable) -> Iterator[Action]:
        """Tell to whom it is open: nobody looks at grants on what is in no policy."""
        if thing.owner and same_group(thing.owner, self.restricted):
            yield owned(thing, thing.owner)
        if thing.grants_hidden:
            yield unseen_grants(thing)
        for principal, privileges in thing.grants.items():
            if principal not in self.elsewhere:
                yield self.make.revoke(thing, principal, privileges)


def _shown(shared: Shared) -> str:
    return f"{shared.kind} {shared.name}{' with history' if shared.history else ''}"
