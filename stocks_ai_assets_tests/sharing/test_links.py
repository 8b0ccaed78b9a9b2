"""Signed texts: nobody else can make or change them, and they end."""

import stat
from datetime import timedelta
from multiprocessing.pool import ThreadPool

import pytest

from stocks_ai_assets.errors import RefusedError
from stocks_ai_assets.sharing.links import Link, Links, inside
from stocks_ai_assets.sharing.signing import Signer, signing_key
from stocks_ai_assets_tests.sharing.conftest import NOW, parts

HOUR = timedelta(hours=1)


def link(**changes):
    values = {
        "token_id": "t",
        "share": "s",
        "table": "a.b",
        "name": "p",
        "expires": int((NOW + HOUR).timestamp() * 1000),
    }
    return Link(**{**values, **changes})


def test_a_link_says_what_it_opens_until_it_ends():
    links = Links(Signer(b"k" * 32), HOUR)
    body, signature = parts(f"x/{links.text(link())}")
    assert links.read(body, signature, now=NOW + HOUR - timedelta(seconds=1)) == link()
    with pytest.raises(
        RefusedError, match=r"ended at 2030-01-01 01:00:00 UTC\. Query the table again\."
    ):
        links.read(body, signature, now=NOW + HOUR)


def test_no_letter_of_a_link_can_be_changed():
    links = Links(Signer(b"k" * 32), HOUR)
    body, signature = parts(f"x/{links.text(link())}")
    other, _ = parts(f"x/{links.text(link(name='q'))}")
    forged = [(other, signature), (body, signature[:-1]), (body, ""), ("", signature), ("", "")]
    forged += [(body[:n] + "x" + body[n + 1 :], signature) for n in range(0, len(body), 7)]
    for each in forged:
        with pytest.raises(RefusedError, match=r"not given out.* Query the table again\."):
            links.read(*each, now=NOW)


def test_a_signature_is_good_for_one_purpose_and_one_key():
    signer = Signer(b"k" * 32)
    text = signer.sign("page", {"v": 1})
    assert signer.read("page", text) == {"v": 1}
    assert signer.read("file", text) is None
    assert Signer(b"l" * 32).read("page", text) is None


def test_servers_that_start_at_once_share_one_key_that_others_cannot_read(tmp_path):
    file = tmp_path / "state" / "signing.key"
    with ThreadPool(8) as pool:
        keys = set(pool.map(lambda _: signing_key(file), range(16)))
    assert len(keys) == 1
    assert len(keys.pop()) == 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["signing.key"]


@pytest.mark.parametrize(
    "path", ["../secret", "/etc/passwd", "a/../../secret", "out", "out/secret"]
)
def test_no_path_leads_out_of_the_table(tmp_path, path):
    table = tmp_path / "table"
    table.mkdir()
    (tmp_path / "secret").touch()
    (table / "out").symlink_to(tmp_path)
    with pytest.raises(RefusedError, match=r"not there\. Query the table again\."):
        inside(table, path)


def test_a_file_of_a_table_reached_by_a_link_to_its_folder_is_inside(tmp_path):
    (tmp_path / "table").mkdir()
    (tmp_path / "alias").symlink_to(tmp_path / "table")
    assert inside(tmp_path / "alias", "a=1/f").is_relative_to(tmp_path / "table")
