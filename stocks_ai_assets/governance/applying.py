"""Carries out a plan, one change after the other, and says how far it came."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stocks_ai_assets.errors import GovernanceError, StocksAiError
from stocks_ai_assets.governance.actions import Action
from stocks_ai_assets.governance.calls import Call
from stocks_ai_assets.governance.planning import Plan
from stocks_ai_assets.governance.server import Server
from stocks_ai_assets.workspace_client import workspace_failures


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """How far a plan was carried out.

    Parameters
    ----------
    done
        What was changed.
    failed
        The change that failed; None: none did.
    error
        Why, in a sentence with the remedy.
    left
        What was not tried after it.
    """

    done: tuple[Action, ...]
    failed: Action | None = None
    error: str = ""
    left: tuple[Action, ...] = ()

    @property
    def summary(self) -> str:
        """One or two lines about the whole."""
        if self.failed is None:
            return f"{len(self.done)} changes done."
        return (
            f"{len(self.done)} changes done, then `{self.failed.title}` failed: {self.error} "
            f"{len(self.left)} not tried. Run the same command again to go on from there."
        )

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return {
            "done": [each.as_dict() for each in self.done],
            "failed": {**self.failed.as_dict(), "error": self.error} if self.failed else None,
            "left": [each.as_dict() for each in self.left],
        }


def apply_plan(
    plan: Plan, server: Server, *, told: Callable[[Action], None] = lambda _: None
) -> Applied:
    """Carry out the actions of a plan in order, until one fails.

    Each change is whole or not done at all, and a new plan sees those that were done: running the
    command again goes on.

    Parameters
    ----------
    plan
        Plan of this server.
    server
        Where.
    told
        Called after each change.
    """
    done: list[Action] = []
    for action in plan.actions:
        try:
            with workspace_failures(action.title):
                _carry_out(action, server)
        except StocksAiError as error:
            left = plan.actions[len(done) + 1 :]
            message = str(error).removeprefix(f"{action.title}: ")
            return Applied(done=tuple(done), failed=action, error=message, left=left)
        done.append(action)
        told(action)
    return Applied(done=tuple(done))


def _carry_out(action: Action, server: Server) -> None:
    if action.call is None:
        server.query(action.sql)
        return
    server.carry_out(action.call)
    if action.verb == "grant" and server.dialect == "oss" and not _kept(action.call, server):
        raise GovernanceError(
            "the server answered 200 and kept nothing: its authorization is off. Set "
            "server.authorization=enable there, or plan without grants."
        )


def _kept(call: Call, server: Server) -> bool:
    """Whether a grant can be read back: the open-source server may answer 200 and store nothing."""
    (change,) = call.body["changes"]
    return any(
        each.get("principal") == change["principal"]
        and set(change["add"]) <= set(each.get("privileges") or ())
        for each in server.pages(call.path, "privilege_assignments")
    )
