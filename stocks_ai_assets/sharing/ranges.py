"""The part of a file that a request asks for, as HTTP defines it."""

import re
from dataclasses import dataclass

from stocks_ai_assets.errors import RefusedError
from stocks_ai_assets.sharing.versions import BAD_REQUEST

_ONE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Bytes of a file.

    Parameters
    ----------
    start, length
        Where they begin, how many they are.
    whole
        Whether that is the file as a whole, because no part was asked for.
    """

    start: int
    length: int
    whole: bool


def requested_part(header: str | None, size: int) -> Part:
    """Return the part that a `Range` header asks for of a file of `size` bytes.

    A header that is not of one range of bytes is ignored, as HTTP allows.

    Raises
    ------
    RefusedError
        The range begins beyond the end (status 416).
    """
    found = _ONE.fullmatch((header or "").strip())
    if not found or found.groups() == ("", ""):
        return Part(start=0, length=size, whole=True)
    first, last = found.groups()
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1 if last else size, size)
        if last and int(last) < start:
            return Part(start=0, length=size, whole=True)
    if start >= size or end <= start:
        raise RefusedError(
            416,
            BAD_REQUEST,
            f"The file has {size} bytes; the range begins beyond. Begin it earlier.",
        )
    return Part(start=start, length=end - start, whole=False)
