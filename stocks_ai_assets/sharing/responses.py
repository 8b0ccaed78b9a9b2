"""Answers as responses of the web framework: texts, and parts of files."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stocks_ai_assets.sharing.ranges import Part
from stocks_ai_assets.sharing.wire import Answer

CHUNK = 1024 * 1024
WHOLE = 8 * CHUNK
"""Parts of files up to this size are read at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileAnswer:
    """A part of a file to be sent.

    Parameters
    ----------
    file, size
        The file and its bytes.
    part
        What is sent of it.
    """

    file: Path
    size: int
    part: Part


def text_response(answer: Answer) -> Any:
    """Return the response of an answer in text."""
    from starlette.responses import Response

    headers = {"cache-control": "no-store", **answer.headers}
    if answer.status == 401:
        headers["www-authenticate"] = "Bearer"
    return Response(answer.body, status_code=answer.status, headers=headers)


def file_response(answer: FileAnswer, *, only_head: bool) -> Any:
    """Return the response that sends a part of a file, or only its headers."""
    from starlette.responses import Response, StreamingResponse

    part = answer.part
    headers = {
        "accept-ranges": "bytes",
        "cache-control": "no-store",
        "content-length": str(part.length),
        "content-type": "application/vnd.apache.parquet",
    }
    if not part.whole:
        last = part.start + part.length - 1
        headers["content-range"] = f"bytes {part.start}-{last}/{answer.size}"
    status = 200 if part.whole else 206
    if only_head:
        return Response(b"", status_code=status, headers=headers)
    if part.length <= WHOLE:
        with answer.file.open("rb") as stream:
            content = os.pread(stream.fileno(), part.length, part.start)
        return Response(content, status_code=status, headers=headers)
    return StreamingResponse(_chunks(answer), status_code=status, headers=headers)


def _chunks(answer: FileAnswer) -> Iterator[bytes]:
    left = answer.part.length
    with answer.file.open("rb") as stream:
        stream.seek(answer.part.start)
        while left and (chunk := stream.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
