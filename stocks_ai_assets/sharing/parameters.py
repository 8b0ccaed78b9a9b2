"""What a request asks for, read and checked: numbers, moments, pages. Nothing is guessed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from stocks_ai_assets.errors import RefusedError
from stocks_ai_assets.sharing.signing import Signer
from stocks_ai_assets.sharing.versions import BAD_REQUEST

PAGE = 500
"""Entries of a page when the client does not say."""

LARGEST = 2**63 - 1

_LOOSE = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})[ T](\d{1,2}:\d{2}:\d{2})(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})?"
)

Item = TypeVar("Item")


def bad_request(message: str) -> RefusedError:
    """Return the refusal of a malformed request."""
    return RefusedError(400, BAD_REQUEST, message)


def whole_number(values: Mapping[str, Any], name: str) -> int | None:
    """Return a parameter that is a whole number from 0 on; None: not given."""
    value = values.get(name)
    if value is None:
        return None
    text = str(value)
    # A JSON true is a Python 1.
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,19}", text, re.ASCII):
        raise bad_request(f"{name} should be a whole number from 0 on; found {text[:40]!r}.")
    number = int(text)
    if number > LARGEST:
        raise bad_request(f"{name} is larger than {LARGEST}.")
    return number


def moment(values: Mapping[str, Any], name: str) -> datetime | None:
    """Return a parameter that is a moment, UTC when it names no zone; None: not given."""
    value = values.get(name)
    if value is None:
        return None
    try:
        found = _parsed(str(value))
    except ValueError:
        raise bad_request(
            f"{name} should be a moment, such as 2024-03-01T21:00:00Z; found {str(value)[:40]!r}."
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _parsed(text: str) -> datetime:
    # In a URL an unescaped plus sign arrives as a space.
    found = _LOOSE.fullmatch(text.strip())
    if not found:
        return datetime.fromisoformat(text)
    year, month, day, time, fraction, zone = found.groups(default="")
    hours = time.rjust(8, "0")
    return datetime.fromisoformat(
        f"{year}-{month:0>2}-{day:0>2}T{hours}{fraction[:7]}{zone.replace('Z', '+00:00')}"
    )


def only_one(values: Mapping[str, Any], *names: str) -> None:
    """Refuse parameters that contradict each other."""
    given = [name for name in names if values.get(name) is not None]
    if len(given) > 1:
        raise bad_request(f"Give only one of {', '.join(given)}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A part of a list.

    Parameters
    ----------
    items
        Entries.
    token
        Where the next part begins; None: this was the last.
    """

    items: Sequence[Any]
    token: str | None


def page(items: Sequence[Item], values: Mapping[str, Any], signer: Signer, what: str) -> Page:
    """Return the part of `items` that a request asks for.

    Parameters
    ----------
    items
        The whole list, in an order that stays.
    values
        The request's `maxResults` and `pageToken`.
    signer
        Makes tokens that only this deployment understands.
    what
        Which list of whom it is: a token is good for no other.
    """
    size = whole_number(values, "maxResults")
    start = 0
    if text := values.get("pageToken"):
        content = signer.read("page", str(text))
        if content is None or content.get("list") != what:
            raise bad_request(
                "pageToken was not given out for this list. Ask without it for the first page."
            )
        start = int(content["start"])
    end = start + min(PAGE if size is None else size, PAGE)
    more = end < len(items)
    token = signer.sign("page", {"list": what, "start": end}) if more else None
    return Page(items=items[start:end], token=token)
