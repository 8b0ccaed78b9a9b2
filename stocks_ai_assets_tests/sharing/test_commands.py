"""`stocks-ai share`: what people do, and what they are told when it cannot be done."""

import json
import stat
from datetime import UTC, datetime, timedelta

import pytest

from stocks_ai_assets.errors import SharingError
from stocks_ai_assets.sharing.audit import AuditLog, Entry
from stocks_ai_assets.sharing.profiles import LONGEST
from stocks_ai_assets.sharing.recipients import Recipients

PARTNER = "research_partner"


def refused(finished, code, *named):
    assert finished.code == code, finished
    assert finished.out == ""
    assert len(finished.err.strip().splitlines()) <= 2
    for each in named:
        assert each in finished.err


@pytest.fixture
def granted(stocks_ai, tmp_path):
    """The profile of a recipient."""
    file = tmp_path / "partner.share"
    finished = stocks_ai("share", "grant", PARTNER, "--output", file, "--expires-in", "2d")
    assert finished.code == 0, finished
    return file, finished


def test_a_grant_writes_a_profile_that_only_its_user_can_read(granted, tmp_path):
    file, finished = granted
    profile = json.loads(file.read_text())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (profile["shareCredentialsVersion"], profile["endpoint"]) == (
        1,
        "http://127.0.0.1:8797/delta-sharing",
    )
    ends = datetime.fromisoformat(profile["expirationTime"]) - datetime.now(UTC)  # noqa: TID251  # tokens end by the clock
    assert timedelta(days=1, hours=23) < ends <= timedelta(days=2)
    assert profile["bearerToken"] not in finished.out
    (token,) = Recipients(tmp_path / "home" / "sharing").tokens()
    assert token.recipient == PARTNER


def test_a_profile_is_never_written_over(granted, stocks_ai, tmp_path):
    file, _ = granted
    before = file.read_text()
    refused(stocks_ai("share", "grant", PARTNER, "--output", file), 1, str(file), "exists")
    assert file.read_text() == before
    assert len(Recipients(tmp_path / "home" / "sharing").tokens()) == 1


def test_a_profile_that_cannot_be_written_costs_no_token(stocks_ai, tmp_path):
    file = tmp_path / "missing" / "x.share"
    refused(
        stocks_ai("share", "grant", PARTNER, "--output", file), 1, str(file), "cannot be written"
    )
    assert Recipients(tmp_path / "home" / "sharing").tokens() == ()


@pytest.mark.parametrize("failing", ["fsync", "tokens"])
def test_a_rotation_that_fails_ends_no_token_and_leaves_no_file(
    granted, stocks_ai, tmp_path, monkeypatch, failing
):
    recipients = Recipients(tmp_path / "home" / "sharing")
    before, file = recipients.tokens(), tmp_path / "new.share"
    if failing == "fsync":
        full = OSError(28, "No space left on device")
        monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(full))
        finished = stocks_ai("share", "rotate", PARTNER, "--keep-old", "0", "--output", file)
        refused(finished, 1, str(file), "No space left", "none was ended")
    else:
        monkeypatch.setattr(
            "stocks_ai_assets.sharing.recipients._write",
            lambda *_: (_ for _ in ()).throw(SharingError("The tokens cannot be written.")),
        )
        finished = stocks_ai("share", "rotate", PARTNER, "--keep-old", "0", "--output", file)
        refused(finished, 1, "cannot be written")
    monkeypatch.undo()
    assert recipients.tokens() == before
    assert not file.exists()


def test_a_recipient_that_the_policy_does_not_name_gets_nothing(stocks_ai, tmp_path):
    finished = stocks_ai("share", "grant", "stranger", "--output", tmp_path / "x.share")
    refused(finished, 1, "`stranger`", PARTNER)
    assert not (tmp_path / "x.share").exists()


@pytest.mark.parametrize("text", ["30", "d", "0d", "-1d", "1w", f"{LONGEST.days + 1}d", "\u0661d"])
def test_a_duration_that_is_none_is_refused(stocks_ai, tmp_path, text):
    finished = stocks_ai(
        "share", "grant", PARTNER, "--output", tmp_path / "x.share", f"--expires-in={text}"
    )
    refused(finished, 2, "--expires-in", text)
    assert not (tmp_path / "x.share").exists()


@pytest.mark.parametrize(
    "url",
    [
        "localhost:80",
        "ftp://x/y",
        "https://",
        "https://x/y?z=1",
        "https://x:port/y",
        "http://data.example.org/delta-sharing",
        "http://10.0.0.7:8797/delta-sharing",
    ],
)
def test_an_endpoint_that_is_no_url_is_refused(stocks_ai, tmp_path, url):
    finished = stocks_ai(
        "share", "grant", PARTNER, "--output", tmp_path / "x.share", "--endpoint", url
    )
    refused(finished, 2, "--endpoint", url)
    assert not (tmp_path / "x.share").exists()


@pytest.mark.parametrize("url", ["http://[::1]:1/x", "http://localhost:1/x", "https://x.org/y"])
def test_an_endpoint_on_this_machine_or_with_tls_is_accepted(stocks_ai, tmp_path, url):
    file = tmp_path / "x.share"
    assert stocks_ai("share", "grant", PARTNER, "--output", file, "--endpoint", url).code == 0
    assert json.loads(file.read_text())["endpoint"] == url


def test_a_password_in_an_endpoint_is_refused_and_not_shown(stocks_ai, tmp_path):
    url = "https://me:secret@x.org/y"
    finished = stocks_ai(
        "share", "grant", PARTNER, "--output", tmp_path / "x.share", "--endpoint", url
    )
    refused(finished, 2, "--endpoint", "x.org")
    assert "secret" not in finished.err


def test_an_unencrypted_endpoint_of_the_settings_is_refused_by_its_name(stocks_ai, tmp_path):
    finished = stocks_ai(
        "share", "grant", PARTNER, "--output", tmp_path / "x", share_url="http://x.org/y"
    )
    refused(finished, 2, "STOCKS_AI_SHARE_URL", "unencrypted", "https")
    assert Recipients(tmp_path / "home" / "sharing").tokens() == ()


def test_the_endpoint_is_a_setting(stocks_ai, tmp_path):
    file = tmp_path / "x.share"
    url = "https://data.example.org/delta-sharing"
    assert stocks_ai("share", "grant", PARTNER, "--output", file, share_url=url).code == 0
    assert json.loads(file.read_text())["endpoint"] == url


def test_the_list_shows_what_is_shared_and_the_state_of_every_token(granted, stocks_ai, tmp_path):
    assert (
        stocks_ai("share", "rotate", PARTNER, "--keep-old", "0", "--output", tmp_path / "2").code
        == 0
    )
    found = json.loads(stocks_ai("share", "list", "--json").out)
    assert found["tables"][0]["table"] == "meta.synthesized_predictions"
    assert [token["state"] for token in found["tokens"]] == ["expired", "valid"]
    assert stocks_ai("share", "revoke", PARTNER).out == f"Revoked 1 token of {PARTNER}.\n"
    shown = stocks_ai("share", "list").out
    assert "revoked" in shown
    secret = json.loads(granted[0].read_text())["bearerToken"].split(".")[1]
    assert secret not in shown


def test_revoking_what_is_not_there_says_so(stocks_ai, granted):
    refused(stocks_ai("share", "revoke", "stranger"), 1, "stranger", "stocks-ai share list")
    refused(stocks_ai("share", "revoke", PARTNER, "--token", "0"), 1, "no valid token 0")


def test_the_log_shows_requests_newest_last(stocks_ai, tmp_path):
    assert "No such requests" in stocks_ai("share", "log").out
    log = AuditLog(tmp_path / "home" / "sharing" / "audit")
    for n, status in enumerate((200, 404, 200)):
        at = datetime(2030, 1, 1, n, tzinfo=UTC)
        log.write(Entry(at=at, action=f"a{n}", status=status, recipient=PARTNER if n else None))
    assert [
        e["action"] for e in json.loads(stocks_ai("share", "log", "--json", "--last", 2).out)
    ] == [
        "a1",
        "a2",
    ]
    assert "2030-01-01 01:00:00" in stocks_ai("share", "log", "--refused").out
    only = stocks_ai("share", "log", "--json", "--recipient", PARTNER).out
    assert len(json.loads(only)) == 2


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--host", "0.0.0.0"), "opens the server to the network"),  # noqa: S104  # it is refused
        (("--host", "share.example.org"), "opens the server to the network"),
        (("--certificate", "nothing.pem"), "needs both"),
        (("--certificate", "nothing.pem", "--private-key", "no.pem"), "nothing.pem is no file"),
        (("--url-lifetime", "1"), "--url-lifetime"),
        (("--behind-proxy", "--public-url", "http://share.example.org/x"), "unencrypted"),
        (("--behind-proxy", "--host", "0.0.0.0"), "--public-url https://"),  # noqa: S104  # it is refused
    ],
)
def test_a_server_that_would_be_open_or_cannot_start_is_refused(stocks_ai, options, named):
    refused(stocks_ai("share", "serve", *options), 2, named)


def test_a_policy_that_is_refused_stops_the_start(stocks_ai, tmp_path):
    (tmp_path / "policy.toml").write_text("nonsense = 1")
    finished = stocks_ai("share", "serve", "--port", 0, policy=tmp_path / "policy.toml")
    assert finished.code == 1
    assert "PolicyError" in finished.err
    assert str(tmp_path / "policy.toml") in finished.err
