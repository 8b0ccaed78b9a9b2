"""Giving a recipient a token: checked against the policy, written to a profile file."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from stocks_ai_assets.errors import SharingError
from stocks_ai_assets.sharing.app import PREFIX
from stocks_ai_assets.sharing.opening import Sharing
from stocks_ai_assets.sharing.profiles import Profile, new_profile
from stocks_ai_assets.sharing.recipients import Token, new_token
from stocks_ai_assets.sharing.server import PORT, require_safe_url

DEFAULT_URL = f"http://127.0.0.1:{PORT}{PREFIX}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Issued:
    """What was given.

    Parameters
    ----------
    token
        Record of the token.
    file
        The profile file.
    endpoint
        URL in it.
    """

    token: Token
    file: Path
    endpoint: str


def issue(
    sharing: Sharing,
    recipient: str,
    *,
    file: Path,
    endpoint: str | None,
    lifetime: timedelta,
    grace: timedelta | None,
    now: datetime,
) -> Issued:
    """Write the profile file of a new token, then make the token valid: both or neither.

    Parameters
    ----------
    sharing
        What is shared.
    recipient
        Who gets it.
    file
        Profile file, not there yet.
    endpoint
        URL of the server; None: the deployment's.
    lifetime
        How long the token is valid.
    grace
        How long the recipient's earlier tokens stay valid at most; None: until their own end.
    now
        The moment.

    Raises
    ------
    SharingError
        The policy names no such recipient, or the file cannot be written: then no token is issued
        and earlier ones stay as they are.
    UsageError
        The URL is none, or the token would travel to it unencrypted.
    """
    named = sharing.shares().recipients
    if recipient not in named:
        raise SharingError(
            f"The policy shares nothing by token with `{recipient}`. Recipients: "
            f"{', '.join(sorted(named)) or 'none'}. Add it to a share of the policy first."
        )
    url = endpoint or sharing.url or DEFAULT_URL
    require_safe_url(url, "--endpoint" if endpoint else "STOCKS_AI_SHARE_URL")
    text, token = new_token(recipient, now=now, lifetime=lifetime)
    with new_profile(file, Profile(endpoint=url, token=text, expires=token.expires)):
        sharing.recipients.add(token, grace=grace)
    return Issued(token=token, file=file, endpoint=url)
