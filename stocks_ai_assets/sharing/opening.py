"""The sharing of one deployment: its lake, its policy, its state."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stocks_ai_assets.deployment import Deployment
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.sharing.audit import AuditLog
from stocks_ai_assets.sharing.policy import PolicyShares
from stocks_ai_assets.sharing.recipients import Recipients
from stocks_ai_assets.sharing.shares import Shares


@dataclass(frozen=True, kw_only=True, slots=True)
class Sharing:
    """What the commands work on.

    Parameters
    ----------
    lake
        What is shared from.
    folder
        Folder of tokens, signing key, copies and audit log.
    shares
        Returns what the policy shares now.
    recipients
        Tokens.
    audit
        Requests.
    url
        URL of the server for recipients; None: not set.
    """

    lake: Lake
    folder: Path
    shares: Callable[[], Shares]
    recipients: Recipients
    audit: AuditLog
    url: str | None


def open_sharing(deployment: Deployment) -> Sharing:
    """Open the sharing of a deployment; its state lies beside the lake, in the home folder."""
    settings = deployment.settings
    folder = settings.home.resolve() / "sharing"
    return Sharing(
        lake=deployment.lake,
        folder=folder,
        shares=PolicyShares(settings.policy),
        recipients=Recipients(folder),
        audit=AuditLog(folder / "audit"),
        url=settings.share_url,
    )
