"""Answers as responses of the web framework: texts, and parts of files."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

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
    stream, size
        The file, open, and its bytes.
    part
        What is sent of it.
    """

    stream: BinaryIO
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
    """Return the response that sends a part of a file, or only its headers; closes the file."""
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
    if only_head or part.length <= WHOLE:
        with answer.stream as stream:
            length = 0 if only_head else part.length
            content = os.pread(stream.fileno(), length, part.start)
        return Response(content, status_code=status, headers=headers)
    return StreamingResponse(_chunks(answer), status_code=status, headers=headers)


def _chunks(answer: FileAnswer) -> Iterator[bytes]:
    left = answer.part.length
    with answer.stream as stream:
        stream.seek(answer.part.start)
        while left and (chunk := stream.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
