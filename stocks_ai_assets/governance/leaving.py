"""Makes findings that are left to people: what is there, why, and what they can do. Pure."""

from collections.abc import Iterable
from dataclasses import replace

from stocks_ai_assets.governance.actions import Action
from stocks_ai_assets.governance.securables import Securable


def keep(thing: Securable, reason: str, detail: str = "") -> Action:
    """Leave alone what only people should change."""
    return Action(
        verb="keep",
        kind=thing.kind,
        name=thing.name,
        reason=reason,
        detail=detail,
        fate="by hand",
    )


def owned(thing: Securable, owner: str) -> Action:
    """Leave alone, but tell, what a group owns that must not see it."""
    reason = f"owned by {owner}: owners see everything, auditors too. Name another"
    return keep(thing, reason, "owner")


def unseen(thing: Securable) -> Action:
    """Leave alone what exists under a name of the policy and is more than this login may see."""
    return keep(thing, "there, but not to be seen with these rights: plan as a metastore admin")


def unseen_grants(thing: Securable) -> Action:
    """Leave alone, but tell, that nobody looked at the grants."""
    reason = "its grants cannot be read with these rights: plan as its owner"
    return keep(thing, reason, "grants")


def of_others(share: Securable, names: Iterable[str], *, mixed: bool) -> Action:
    """Leave alone what somebody else put into a share: the whole share, unless ours is in it too.

    Shares have one name for all catalogs: it may be the one of another stage.
    """
    left = "they are left alone, and so are its grants" if mixed else "left alone, with its grants"
    return keep(
        share,
        f"holds {', '.join(names)}, not of this catalog: {left}. "
        "Name another share in the policy of this stage, or take that out by hand",
    )


def by_hand(action: Action, why: str) -> Action:
    """Return the action as one that is told and left to people."""
    return replace(action, fate="by hand", reason=f"{action.reason}; {why}")
