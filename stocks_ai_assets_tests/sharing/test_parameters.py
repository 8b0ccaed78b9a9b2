"""What a request asks for is read strictly, and pages cannot be forged."""

from datetime import UTC, datetime

import pytest

from stocks_ai_assets.errors import RefusedError
from stocks_ai_assets.sharing.parameters import moment, page, whole_number
from stocks_ai_assets.sharing.ranges import requested_part
from stocks_ai_assets.sharing.signing import Signer

SIGNER = Signer(b"k" * 32)
ITEMS = list("abcdefg")


def pages(size):
    found, token = [], None
    while True:
        values = {"maxResults": size, **({"pageToken": token} if token else {})}
        part = page(ITEMS, values, SIGNER, "mine")
        found.append("".join(part.items))
        if part.token is None:
            return found
        token = part.token


@pytest.mark.parametrize(
    ("size", "expected"), [(3, ["abc", "def", "g"]), (7, ["abcdefg"]), ("9", ["abcdefg"])]
)
def test_pages_hold_every_entry_once(size, expected):
    assert pages(size) == expected


def test_a_page_of_none_says_that_there_is_more():
    part = page(ITEMS, {"maxResults": 0}, SIGNER, "mine")
    assert list(part.items) == []
    assert page(ITEMS, {"pageToken": part.token}, SIGNER, "mine").items == ITEMS


def test_a_page_token_of_another_list_or_changed_or_invented_is_refused():
    token = page(ITEMS, {"maxResults": 1}, SIGNER, "mine").token
    forged = [(token, "other"), (token + "x", "mine"), ("x" + token, "mine"), ("3", "mine")]
    forged.append((SIGNER.sign("file", {"list": "mine", "start": 1}), "mine"))
    for text, what in forged:
        with pytest.raises(RefusedError, match="not given out for this list"):
            page(ITEMS, {"pageToken": text}, SIGNER, what)


@pytest.mark.parametrize("value", ["-1", "1.5", "", "x", True, "1" * 30, 10**20, "٣", None])
def test_a_number_is_whole_and_from_0_on(value):
    if value is None:
        assert whole_number({"n": None}, "n") is None
        return
    with pytest.raises(RefusedError, match="n "):
        whole_number({"n": value}, "n")
    assert whole_number({"n": "12"}, "n") == 12


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-01T02:03:04Z",
        "2024-03-01T02:03:04+00:00",
        "2024-03-01T03:03:04+01:00",
        "2024-03-01 02:03:04",
        "2024-3-1 2:03:04",
        "2024-3-1 2:03:04.0",
    ],
)
def test_a_moment_is_read_in_every_spelling_of_the_protocol(text):
    assert moment({"at": text}, "at") == datetime(2024, 3, 1, 2, 3, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "now", "2024-13-01T00:00:00Z", "1709258584", "2024-2-30 0:00:00"]
)
def test_a_moment_that_is_none_is_refused(text):
    with pytest.raises(RefusedError, match="at should be a moment"):
        moment({"at": text}, "at")


@pytest.mark.parametrize(
    ("header", "start", "length"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=90-", 90, 10),
        ("bytes=-10", 90, 10),
        ("bytes=-1000", 0, 100),
        ("bytes=95-1000", 95, 5),
        ("bytes=0-0", 0, 1),
    ],
)
def test_a_range_gives_its_bytes(header, start, length):
    part = requested_part(header, 100)
    assert (part.start, part.length, part.whole) == (start, length, False)


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes=-", "bytes=5-2", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "bytes=0x1-2"],
)
def test_a_header_that_is_no_single_range_gives_the_whole_file(header):
    part = requested_part(header, 100)
    assert (part.start, part.length, part.whole) == (0, 100, True)


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_beyond_the_end_is_refused(header):
    with pytest.raises(RefusedError) as caught:
        requested_part(header, 100)
    assert caught.value.status == 416
