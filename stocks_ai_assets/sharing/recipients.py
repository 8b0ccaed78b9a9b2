"""Tokens of recipients: issued once, kept as a hash, expiring, revocable at once.

A token is `<id>.<secret>`; the secret has 256 random bits. Nothing can be guessed from its SHA-256,
so a slow hash (scrypt) would only make every request slow and the server easy to overload.
"""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from stocks_ai_assets.errors import RefusedError, SharingError
from stocks_ai_assets.lake.locks import exclusively

UNAUTHENTICATED = "UNAUTHENTICATED"
PATIENCE = 30.0
"""Seconds to wait for another process: it holds the tokens for one small write."""

USED_EVERY = 60.0
"""Seconds within which a token's last use is recorded once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """What is stored of a token; the token itself is not.

    Parameters
    ----------
    id
        Public part, by which it is looked up.
    recipient
        Whose it is.
    digest
        SHA-256 of the whole token, hexadecimal.
    created, expires
        From when until when it is valid, UTC.
    revoked
        When it was taken back, UTC; None: it was not.
    """

    id: str
    recipient: str
    digest: str
    created: datetime
    expires: datetime
    revoked: datetime | None = None

    def state(self, now: datetime) -> str:
        """Return `valid`, `expired` or `revoked`."""
        if self.revoked is not None:
            return "revoked"
        return "valid" if now < self.expires else "expired"


class Recipients:
    """The tokens of one deployment, in one file.

    Parameters
    ----------
    folder
        Folder of the sharing state; made when the first token is issued.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "tokens.json"
        self._used = folder / "used"
        self._known: tuple[tuple[int, int] | None, dict[str, Token]] = (None, {})

    def tokens(self) -> tuple[Token, ...]:
        """Return all tokens ever issued, oldest first."""
        return tuple(self._current().values())

    def last_used(self, token: Token) -> datetime | None:
        """Return when a token was last used, to the minute, UTC; None: never."""
        try:
            return datetime.fromtimestamp((self._used / token.id).stat().st_mtime, UTC)
        except FileNotFoundError:
            return None

    def issue(
        self,
        recipient: str,
        *,
        now: datetime,
        lifetime: timedelta,
        grace: timedelta | None = None,
    ) -> tuple[str, Token]:
        """Make a token and return it with its record: the only time it can be seen.

        Parameters
        ----------
        recipient
            Whose it is.
        now
            The moment.
        lifetime
            How long it is valid.
        grace
            How long the recipient's earlier tokens stay valid at most; None: until their own end.
        """
        text, token = new_token(recipient, now=now, lifetime=lifetime)
        self.add(token, grace=grace)
        return text, token

    def add(self, token: Token, *, grace: timedelta | None = None) -> None:
        """Make a token valid and, in the same write, the recipient's earlier ones end.

        Parameters
        ----------
        token
            From `new_token`.
        grace
            As for `issue`, from the token's creation.
        """
        now = token.created
        with _changed(self._file) as tokens:
            if grace is not None:
                for old in list(tokens.values()):
                    if old.recipient == token.recipient and old.state(now) == "valid":
                        tokens[old.id] = replace(old, expires=min(old.expires, now + grace))
            tokens[token.id] = token

    def revoke(self, recipient: str, *, now: datetime, identity: str | None = None) -> int:
        """Take back the tokens of a recipient, or the one with this id; return how many."""
        with _changed(self._file) as tokens:
            found = [
                token
                for token in tokens.values()
                if token.recipient == recipient
                and token.state(now) == "valid"
                and identity in {None, token.id}
            ]
            for token in found:
                tokens[token.id] = replace(token, revoked=now)
        return len(found)

    def authenticate(self, text: str, *, now: datetime) -> Token:
        """Return the token that a request brings.

        Raises
        ------
        RefusedError
            It is unknown, expired or revoked; says which only to those who have the secret.
        """
        found = self._current().get(text.partition(".")[0])
        expected = found.digest if found else _digest("")
        # Compared also when there is no such id, and in a time that does not tell how much agrees.
        if not hmac.compare_digest(_digest(text), expected) or found is None:
            raise RefusedError(
                401,
                UNAUTHENTICATED,
                "The bearer token is missing or unknown. Use the profile file that you were given, "
                "or ask the provider for a new one.",
            )
        self._require_valid(found, now)
        self._record_use(found.id, now)
        return found

    def require(self, identity: str, *, now: datetime) -> Token:
        """Return the valid token with this id, or raise `RefusedError`."""
        found = self._current().get(identity)
        if found is None:
            raise RefusedError(
                401,
                UNAUTHENTICATED,
                "The token of this URL is unknown. Query the table again with the profile file "
                "that you were given, or ask the provider for a new one.",
            )
        self._require_valid(found, now)
        return found

    @staticmethod
    def _require_valid(token: Token, now: datetime) -> None:
        state = token.state(now)
        if state != "valid":
            moment = token.revoked if state == "revoked" else token.expires
            raise RefusedError(
                401,
                UNAUTHENTICATED,
                f"The bearer token of {token.recipient} is {state} since {moment:%Y-%m-%d %H:%M} "
                "UTC. Ask the provider for a new profile file.",
            )

    def _record_use(self, identity: str, now: datetime) -> None:
        file = self._used / identity
        try:
            known = file.stat().st_mtime
        except FileNotFoundError:
            known = 0.0
        if now.timestamp() - known >= USED_EVERY:
            self._used.mkdir(parents=True, exist_ok=True)
            file.touch()
            os.utime(file, (now.timestamp(), now.timestamp()))

    def _current(self) -> dict[str, Token]:
        """Read the file when it is another one than at the last look."""
        try:
            status = self._file.stat()
        except FileNotFoundError:
            return {}
        stamp = (status.st_ino, status.st_mtime_ns)
        known, tokens = self._known
        if stamp != known:
            tokens = _read(self._file)
            # In one store: two threads must not leave the tokens of one with the stamp of another.
            self._known = stamp, tokens
        return tokens


def new_token(recipient: str, *, now: datetime, lifetime: timedelta) -> tuple[str, Token]:
    """Make a token and its record. It opens nothing before it is added to the recipients."""
    identity = secrets.token_hex(6)
    text = f"{identity}.{secrets.token_urlsafe(32)}"
    token = Token(
        id=identity,
        recipient=recipient,
        digest=_digest(text),
        created=now,
        expires=now + lifetime,
    )
    return text, token


@contextmanager
def _changed(file: Path) -> Iterator[dict[str, Token]]:
    """Tokens to change: by one process at a time, and replaced as a whole when nothing failed."""
    lock = file.with_suffix(".lock")
    with exclusively(lock, "The tokens of recipients", patience=PATIENCE):
        tokens = _read(file) if file.exists() else {}
        yield tokens
        try:
            _write(file, tokens)
        except OSError as error:
            raise SharingError(
                f"{file} cannot be written: {error.strerror}. The tokens are as they were."
            ) from None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _read(file: Path) -> dict[str, Token]:
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))["tokens"]
        return {each["id"]: _token(each) for each in stored}
    except (ValueError, KeyError, TypeError) as error:
        raise SharingError(
            f"{file} is damaged. Restore it from a backup, or remove it and grant anew: "
            "recipients then need new profile files."
        ) from error


def _token(stored: dict[str, Any]) -> Token:
    moments = {
        name: datetime.fromisoformat(stored[name]) if stored[name] else None
        for name in ("created", "expires", "revoked")
    }
    return Token(**{**stored, **moments})


def _write(file: Path, tokens: dict[str, Token]) -> None:
    content = {"tokens": [asdict(token) for token in tokens.values()]}
    draft = file.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(json.dumps(content, default=str, indent=1))
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)
