"""Profile files: what a recipient needs to read a share. Written once, for one user's eyes."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stocks_ai_assets.errors import SharingError, UsageError

CREDENTIALS_VERSION = 1
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
LONGEST = timedelta(days=365)


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """Content of a profile file.

    Parameters
    ----------
    endpoint
        URL of the protocol's root.
    token
        The bearer token.
    expires
        When it ends, UTC.
    """

    endpoint: str
    token: str
    expires: datetime

    def text(self) -> str:
        """Return the file's text."""
        content = {
            "shareCredentialsVersion": CREDENTIALS_VERSION,
            "endpoint": self.endpoint,
            "bearerToken": self.token,
            "expirationTime": f"{self.expires.astimezone(UTC):%Y-%m-%dT%H:%M:%S.000Z}",
        }
        return json.dumps(content, indent=2) + "\n"


@contextmanager
def new_profile(file: Path, profile: Profile) -> Iterator[None]:
    """Write a profile file that is not there yet; it is removed again when the block fails.

    The block makes its token valid: whole on the disk first, so that nothing is left to fail
    after that, and no token is valid that was not written down.

    Raises
    ------
    SharingError
        The file is there already, or cannot be written.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SharingError(
            f"{file} exists. A token is shown once and never overwrites another: name a new file "
            "with --output."
        ) from None
    except OSError as error:
        raise SharingError(f"{file} cannot be written: {error.strerror}.") from None
    try:
        _write(descriptor, file, profile)
        yield
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def _write(descriptor: int, file: Path, profile: Profile) -> None:
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(profile.text())
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise SharingError(
            f"{file} cannot be written: {error.strerror}. No token was given and none was ended."
        ) from None


def duration(text: str, name: str) -> timedelta:
    """Return the duration in `text`, such as `30d`, `12h` or `90m`, of at most a year."""
    found = re.fullmatch(r"(\d{1,6})([mhd])", text.strip(), re.ASCII)
    span = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta()
    if not timedelta() < span <= LONGEST:
        raise UsageError(
            f"{name}: `{text}` is not a duration of at most {LONGEST.days}d. "
            "Write it as 30d, 12h or 90m."
        )
    return span
