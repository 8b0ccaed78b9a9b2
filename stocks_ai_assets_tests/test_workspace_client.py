"""What goes wrong with a workspace is told in words, with a remedy and without secrets."""

import pytest

from stocks_ai_assets.errors import (
    WorkspaceDeniedError,
    WorkspaceError,
    WorkspaceLoginError,
    WorkspaceMissingError,
    WorkspaceUnreachableError,
)
from stocks_ai_assets.workspace_client import open_client, without_secrets, workspace_failures
from stocks_ai_assets.workspace_settings import WorkspaceSettings


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abc.def-123 refused",
        "token=abcdef in the url",
        "the token dapi0123456789abcdef0123456789abcdef is bad",
        'sent {"client_secret": "abcdef"}',
        "Invalid token: Bearer abcdef",
        "aws_secret_access_key=abcdef",
        "Authorization: Basic abcdef",
        "AccountKey=abcdef;",
        "spark.hadoop.fs.s3a.secret.key=abcdef",
        "fs.azure.account.key.lake.dfs.core.windows.net: abcdef",
        "GET /x?sig=abcdef&sp=r",
        "jwt eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl",
    ],
)
def test_tokens_and_secrets_are_taken_out_of_messages(text):
    shown = without_secrets(text)
    assert "***" in shown
    for secret in ("abc.def", "abcdef", "0123456789", "eyJ"):
        assert secret not in shown


def test_words_about_tokens_stay():
    for text in ("Token is expired. Renew it.", "Unknown key: foo", "design: bar"):
        assert without_secrets(text) == text


@pytest.mark.cluster
def test_no_login_names_what_to_set(monkeypatch, tmp_path):
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(WorkspaceLoginError, match="Set DATABRICKS_HOST with DATABRICKS_TOKEN"):
        open_client(WorkspaceSettings())


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("name", "kind", "remedy"),
    [
        ("Unauthenticated", WorkspaceLoginError, "log in again"),
        ("PermissionDenied", WorkspaceDeniedError, "administrator"),
        ("ResourceDoesNotExist", WorkspaceMissingError, "create it first"),
        ("TooManyRequests", WorkspaceUnreachableError, "again later"),
        ("TemporarilyUnavailable", WorkspaceUnreachableError, "again later"),
        ("InternalError", WorkspaceError, "not the request"),
        ("InvalidParameterValue", WorkspaceError, "bad name"),
    ],
)
def test_each_refusal_has_its_kind_and_remedy(name, kind, remedy):
    from databricks.sdk import errors

    with pytest.raises(kind) as caught, workspace_failures("Reading catalog x"):
        raise getattr(errors, name)("bad name")
    assert str(caught.value).startswith("Reading catalog x: bad name.")
    assert remedy in str(caught.value)


@pytest.mark.cluster
def test_an_unknown_token_which_databricks_calls_forbidden_is_a_matter_of_login():
    from databricks.sdk.errors import PermissionDenied

    with pytest.raises(WorkspaceLoginError), workspace_failures("Reading"):
        raise PermissionDenied("Invalid access token.")


@pytest.mark.cluster
def test_a_host_without_an_answer_is_given_up_after_the_patience_of_the_settings(monkeypatch):
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("DATABRICKS_TOKEN", "dapi-none")
    client = open_client(WorkspaceSettings(patience_seconds=1))
    refused = pytest.raises(WorkspaceUnreachableError, match="Connection refused")
    with refused, workspace_failures("Reading catalog x"):
        client.catalogs.get("x")


@pytest.mark.cluster
def test_a_page_instead_of_json_is_told_as_a_wrong_host():
    import requests

    told = pytest.raises(WorkspaceUnreachableError, match="no JSON")
    with told, workspace_failures("Reading catalog x"):
        raise requests.JSONDecodeError("Expecting value", "<html>", 0)


@pytest.mark.cluster
def test_errors_of_ours_pass_through():
    with pytest.raises(WorkspaceMissingError, match=r"^as it is$"), workspace_failures("Reading"):
        raise WorkspaceMissingError("as it is")


def test_names_that_only_begin_like_a_secret_are_shown():
    assert without_secrets("signals__risk: 3 rows; sig=abc") == "signals__risk: 3 rows; sig=***"
