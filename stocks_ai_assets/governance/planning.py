"""Compares what a catalog should hold with what it holds, and lists the changes in order.

Pure: states in, plan out. Nothing that narrows what others may do is left out, nothing is dropped
or revoked unless asked.
"""

from dataclasses import dataclass, replace
from typing import Any

from stocks_ai_assets.governance.actions import Action, Verb
from stocks_ai_assets.governance.beyond import Beyond
from stocks_ai_assets.governance.calls import Dialect
from stocks_ai_assets.governance.comparison import Comparison
from stocks_ai_assets.governance.making import Actions
from stocks_ai_assets.governance.privileges import Kind
from stocks_ai_assets.governance.securables import State

_VERBS: tuple[Verb, ...] = (
    "revoke",
    "unshare",
    "create",
    "add column",
    "alter",
    "comment",
    "untag",
    "tag",
    "mask",
    "filter",
    "share",
    "grant",
    "unmask",
    "unfilter",
    "drop",
    "owner",
    "keep",
)
"""Order of execution: first less access, masks before grants, owners last of all."""

_KINDS: tuple[Kind, ...] = (
    "catalog",
    "schema",
    "volume",
    "model",
    "table",
    "function",
    "view",
    "recipient",
    "share",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What would be changed, what is found beyond the policy, what the server cannot do.

    Parameters
    ----------
    catalog, dialect
        Which catalog on which server.
    everything
        All actions in order, each with its fate.
    """

    catalog: str
    dialect: Dialect
    everything: tuple[Action, ...]

    @property
    def actions(self) -> tuple[Action, ...]:
        """What apply does, in order."""
        return self._of("do")

    @property
    def drift(self) -> tuple[Action, ...]:
        """What is there and not in the policy: changed by --prune, or by hand."""
        return self._of("prune", "by hand")

    @property
    def cannot(self) -> tuple[Action, ...]:
        """What this server has no way to do."""
        return self._of("cannot")

    def _of(self, *fates: str) -> tuple[Action, ...]:
        return tuple(each for each in self.everything if each.fate in fates)

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        drift = [{**each.as_dict(), "prune": each.fate == "prune"} for each in self.drift]
        return {
            "catalog": self.catalog,
            "server": self.dialect,
            "actions": [each.as_dict() for each in self.actions],
            "drift": drift,
            "cannot": [each.as_dict() for each in self.cannot],
        }


def make_plan(
    catalog: str,
    desired: State,
    found: State,
    *,
    dialect: Dialect,
    users: frozenset[str] = frozenset(),
    elsewhere: frozenset[str] = frozenset(),
    restricted: frozenset[str] = frozenset(),
    prune: bool = False,
) -> Plan:
    """Return the plan that brings `found` to `desired`.

    Parameters
    ----------
    catalog
        Name of the catalog.
    desired, found
        Securables by kind and name.
    dialect
        Which server.
    users
        Principals of the policy that are users: the open-source server has no others.
    elsewhere
        Principals whose further grants are made elsewhere: they are no drift.
    restricted
        Groups that must own nothing: the auditors, and those that everybody is in.
    prune
        Drop and revoke what the policy does not know.
    """
    make = Actions(dialect=dialect)
    comparison = Comparison(
        make=make,
        found=found,
        users=users,
        elsewhere=elsewhere,
        catalog=catalog,
        restricted=restricted,
    )
    beyond = Beyond(
        make=make,
        catalog=catalog,
        desired=desired,
        found=found,
        elsewhere=elsewhere,
        restricted=restricted,
    )
    actions = [action for thing in desired.values() for action in comparison.compare(thing)]
    actions += beyond.actions()
    if prune:
        actions = [replace(each, fate="do") if each.fate == "prune" else each for each in actions]
    return Plan(catalog=catalog, dialect=dialect, everything=tuple(sorted(actions, key=_order)))


def _order(action: Action) -> tuple[int, int]:
    place = _KINDS.index(action.kind)
    backwards = action.verb in {"drop", "owner", "revoke"}
    # Dropping a share or a recipient takes access away, nothing else: it comes first.
    closes = action.verb == "drop" and action.kind in {"share", "recipient"}
    verb: Verb = "revoke" if closes else action.verb
    return _VERBS.index(verb), -place if backwards else place
