"""Tokens: seen once, kept as a hash, ending when they should."""

from datetime import timedelta
from threading import Event, Thread, current_thread, main_thread

import pytest

from stocks_ai_assets.errors import RefusedError, SharingError, StorageError
from stocks_ai_assets.lake import locks
from stocks_ai_assets.sharing import recipients as module
from stocks_ai_assets.sharing.recipients import Recipients
from stocks_ai_assets_tests.sharing.conftest import NOW

DAY = timedelta(days=1)


@pytest.fixture
def recipients(tmp_path):
    return Recipients(tmp_path / "sharing")


def refusal(recipients, text, now=NOW):
    with pytest.raises(RefusedError) as caught:
        recipients.authenticate(text, now=now)
    assert caught.value.status == 401
    return str(caught.value)


def test_a_token_opens_until_the_moment_it_ends(recipients):
    text, token = recipients.issue("fund", now=NOW, lifetime=DAY)
    assert recipients.authenticate(text, now=NOW + DAY - timedelta(seconds=1)) == token
    assert "expired since 2030-01-02" in refusal(recipients, text, NOW + DAY)


def test_neither_the_token_nor_its_secret_is_stored_anywhere(recipients, tmp_path):
    text, _ = recipients.issue("fund", now=NOW, lifetime=DAY)
    recipients.authenticate(text, now=NOW)
    secret = text.split(".")[1].encode()
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert files
    assert not any(secret in file.read_bytes() for file in files)
    assert (tmp_path / "sharing" / "tokens.json").stat().st_mode & 0o077 == 0


def test_a_changed_token_is_as_unknown_as_an_invented_one(recipients):
    text, _ = recipients.issue("fund", now=NOW, lifetime=DAY)
    last = "A" if text[-1] != "A" else "B"
    invented = {
        refusal(recipients, each) for each in (text[:-1] + last, "a.b", "", "ü.ü", text + "=")
    }
    assert len(invented) == 1


def test_the_token_of_a_url_that_nobody_knows_any_more_is_refused_with_the_way_out(recipients):
    recipients.issue("fund", now=NOW, lifetime=DAY)
    with pytest.raises(RefusedError, match=r"unknown\. Query the table again .* ask the provider"):
        recipients.require("gone", now=NOW)


def test_a_revoked_token_ends_at_once_also_for_a_server_that_knew_it(recipients, tmp_path):
    text, token = recipients.issue("fund", now=NOW, lifetime=DAY)
    server = Recipients(tmp_path / "sharing")
    assert server.authenticate(text, now=NOW) == token
    assert recipients.revoke("fund", now=NOW) == 1
    assert "revoked" in refusal(server, text)
    assert recipients.revoke("fund", now=NOW) == 0


def test_a_revoked_token_ends_whatever_threads_that_look_at_the_same_time(tmp_path, monkeypatch):
    recipients = Recipients(tmp_path / "sharing")
    text, _ = recipients.issue("fund", now=NOW, lifetime=DAY)
    looked, late = Event(), Event()

    class Server(Recipients):
        def __setattr__(self, name, value):
            super().__setattr__(name, value)
            if late.is_set() or not looked.is_set() or current_thread() is not main_thread():
                return
            late.set()  # the thread that read the old tokens stores them between two stores
            thread.join()

    server, read = Server(tmp_path / "sharing"), module._read

    def slow(file):
        found = read(file)
        if current_thread() is thread:
            looked.set()
            late.wait(10)
        return found

    thread = Thread(target=server.tokens)
    monkeypatch.setattr(module, "_read", slow)
    thread.start()
    assert looked.wait(10)
    recipients.revoke("fund", now=NOW)
    server.tokens()
    assert late.is_set()
    assert "revoked" in refusal(server, text)


def test_tokens_that_another_process_keeps_are_not_waited_for_long(
    recipients, tmp_path, monkeypatch
):
    assert module.PATIENCE < locks.PATIENCE / 60
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    monkeypatch.setattr(locks, "PATIENCE", 1.0)
    with (
        locks.exclusively(tmp_path / "sharing" / "tokens.lock", "The tokens"),
        pytest.raises(StorageError, match=r"The tokens of recipients: .* more than 0 s"),
    ):
        recipients.issue("fund", now=NOW, lifetime=DAY)


def test_revoking_one_token_leaves_the_others(recipients):
    first, token = recipients.issue("fund", now=NOW, lifetime=DAY)
    second, _ = recipients.issue("fund", now=NOW, lifetime=DAY)
    recipients.revoke("fund", now=NOW, identity=token.id)
    refusal(recipients, first)
    assert recipients.authenticate(second, now=NOW).recipient == "fund"


def test_rotating_lets_the_earlier_token_work_for_the_grace_alone(recipients):
    old, _ = recipients.issue("fund", now=NOW, lifetime=10 * DAY)
    other, _ = recipients.issue("desk", now=NOW, lifetime=10 * DAY)
    new, _ = recipients.issue("fund", now=NOW, lifetime=10 * DAY, grace=DAY)
    recipients.authenticate(old, now=NOW + DAY / 2)
    refusal(recipients, old, NOW + DAY)
    for text in (new, other):
        recipients.authenticate(text, now=NOW + 2 * DAY)


def test_the_last_use_of_a_token_is_known_to_the_minute(recipients):
    text, token = recipients.issue("fund", now=NOW, lifetime=DAY)
    assert recipients.last_used(token) is None
    recipients.authenticate(text, now=NOW)
    recipients.authenticate(text, now=NOW + timedelta(seconds=59))
    assert recipients.last_used(token) == NOW
    recipients.authenticate(text, now=NOW + timedelta(seconds=60))
    assert recipients.last_used(token) == NOW + timedelta(seconds=60)


def test_a_process_killed_while_it_wrote_leaves_the_tokens_whole(recipients, tmp_path):
    text, _ = recipients.issue("fund", now=NOW, lifetime=DAY)
    (tmp_path / "sharing" / "tokens.new").write_text('{"tokens": [{"id"')
    assert recipients.authenticate(text, now=NOW).recipient == "fund"
    recipients.issue("desk", now=NOW, lifetime=DAY)
    assert [token.recipient for token in Recipients(tmp_path / "sharing").tokens()] == [
        "fund",
        "desk",
    ]


def test_a_damaged_file_of_tokens_opens_nothing_and_is_named(recipients, tmp_path):
    text, _ = recipients.issue("fund", now=NOW, lifetime=DAY)
    (tmp_path / "sharing" / "tokens.json").write_text("[]")
    with pytest.raises(SharingError, match=r"tokens\.json is damaged"):
        recipients.authenticate(text, now=NOW)
