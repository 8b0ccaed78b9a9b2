"""Signed texts that only this deployment can make: file URLs and page tokens.

All servers of a deployment share one key. Removing its file ends every URL that was handed out.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KEY_BYTES = 32


class Signer:
    """Makes and checks signed texts.

    Parameters
    ----------
    key
        Secret of the deployment.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, purpose: str, content: Mapping[str, Any]) -> str:
        """Return `content` with its signature, in letters that a URL may hold."""
        body = _encoded(json.dumps(content, separators=(",", ":")).encode())
        return f"{body}.{self._signature(purpose, body)}"

    def read(self, purpose: str, text: str) -> dict[str, Any] | None:
        """Return the content of a text that was signed for `purpose`; None: it was not."""
        body, _, signature = text.partition(".")
        expected = self._signature(purpose, body)
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            return None
        try:
            content: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=="))
        except (binascii.Error, ValueError):
            return None
        return content

    def name(self, purpose: str, text: str) -> str:
        """Return a name for `text` that tells nothing of it to others."""
        return self._signature(purpose, text)[:24]

    def _signature(self, purpose: str, body: str) -> str:
        # The purpose is signed too: a page token is no file URL.
        message = f"{purpose}\n{body}".encode()
        return _encoded(hmac.new(self._key, message, hashlib.sha256).digest())


def signing_key(file: Path) -> bytes:
    """Return the deployment's key; the first caller makes it, readable by its user alone."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(secrets.token_bytes(KEY_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
        try:
            # Unlike a rename, a link never replaces the key that another server made first.
            os.link(draft, file)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return file.read_bytes()


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
