"""The Databricks SDK's client, and what its errors mean to people. No call is made here.

Works for Databricks workspaces and for servers of open-source Unity Catalog. Host and credentials
are found by the SDK; they are never shown.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from stocks_ai_assets import __version__
from stocks_ai_assets.errors import (
    WorkspaceDeniedError,
    WorkspaceError,
    WorkspaceLoginError,
    WorkspaceMissingError,
    WorkspaceUnreachableError,
)
from stocks_ai_assets.workspace_settings import WorkspaceSettings

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

HTTP_SECONDS = 60
"""After this one call is given up; the longest answers are uploads of a few megabytes."""

LOGIN = "Renew the token or log in again (databricks auth login), then run the same command again."

_SECRETS = re.compile(
    r"(?i)(bearer\s+)[^\s'\",;]+|dapi[0-9a-f]{8,}(?:-\d+)?|eyJ[\w-]+\.[\w-]+\.[\w-]*"
    r"|((?:token|secret|password|signature|\bsig(?![a-z])|credential|authorization"
    r"|(?:account|api|private)[._-]?key)"
    r"[\w.-]*[\"']?\s*[=:]\s*[\"']?)(?:(?:bearer|basic)\s+)?[^\s'\",;&]+"
)


def open_client(settings: WorkspaceSettings) -> "WorkspaceClient":
    """Return the SDK's client of the workspace that environment, profile and settings name.

    Lost connections, 429 and 503 are tried again by the SDK for `settings.patience_seconds`.

    Raises
    ------
    WorkspaceError
        The SDK is not installed.
    WorkspaceLoginError
        No host, no credentials, several kinds of credentials, or an unknown profile.
    """
    try:
        from databricks.sdk import WorkspaceClient
        from databricks.sdk.core import Config
    except ImportError:
        raise WorkspaceError(
            "The Databricks SDK is not installed. Run: pip install 'stocks-ai-assets[databricks]'."
        ) from None
    try:
        config = Config(
            profile=settings.profile,
            http_timeout_seconds=HTTP_SECONDS,
            retry_timeout_seconds=settings.patience_seconds,
            product="stocks-ai-assets",
            product_version=__version__,
        )
    except ValueError as error:
        named = f" of profile {settings.profile}" if settings.profile else ""
        reason = without_secrets(str(error))
        if "cannot configure default credentials" in reason:
            reason = "no host with credentials is configured"
        raise WorkspaceLoginError(
            f"No login{named} to a workspace: {_sentence(reason)} Set DATABRICKS_HOST with "
            "DATABRICKS_TOKEN, or STOCKS_AI_DATABRICKS__PROFILE."
        ) from None
    return WorkspaceClient(config=config)


@contextmanager
def workspace_failures(what: str) -> Iterator[None]:
    """Turn errors of the SDK into `WorkspaceError` and its kinds, in one or two lines.

    Parameters
    ----------
    what
        What was being done and to which object, as a noun: `Reading catalog stocks_ai`.
    """
    import requests
    from databricks.sdk.errors import DatabricksError, OperationFailed

    try:
        yield
    except DatabricksError as error:
        raise explained(what, error) from error
    except requests.JSONDecodeError as error:
        raise WorkspaceUnreachableError(
            f"{what}: the answer is no JSON. Set DATABRICKS_HOST to the address of a workspace, "
            "without a path and not of its login page."
        ) from error
    except (requests.RequestException, TimeoutError) as error:
        raise unreachable(what, error) from error
    except OperationFailed as error:
        raise WorkspaceError(f"{what}: {_sentence(without_secrets(str(error)))}") from error


def explained(what: str, error: Any) -> WorkspaceError:
    """Return the error of ours for a `DatabricksError`: what failed, what was said, what helps."""
    from databricks.sdk import errors as sdk

    kinds: tuple[tuple[tuple[type, ...], type[WorkspaceError], str], ...] = (
        ((sdk.Unauthenticated,), WorkspaceLoginError, LOGIN),
        (
            (sdk.PermissionDenied,),
            WorkspaceDeniedError,
            "Ask its owner or an administrator for the right.",
        ),
        ((sdk.NotFound,), WorkspaceMissingError, "Correct the name, or create it first."),
        (
            (sdk.TooManyRequests, sdk.TemporarilyUnavailable, sdk.DeadlineExceeded),
            WorkspaceUnreachableError,
            "Run the same command again later.",
        ),
        (
            (sdk.InternalError,),
            WorkspaceError,
            "The workspace failed, not the request: run the same command again.",
        ),
    )
    said = f"{what}: {_sentence(without_secrets(str(error) or type(error).__name__))}"
    kind, remedy = next(
        ((kind, remedy) for classes, kind, remedy in kinds if isinstance(error, classes)),
        (WorkspaceError, ""),
    )
    # Databricks answers 403 to a token that it does not know.
    if isinstance(error, sdk.PermissionDenied) and "access token" in str(error).lower():
        kind, remedy = WorkspaceLoginError, LOGIN
    return kind(f"{said} {remedy}".strip())


def unreachable(what: str, error: BaseException) -> WorkspaceUnreachableError:
    """Return the error of ours for a call that got no answer, with its first cause."""
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if type(cause).__module__.startswith("databricks."):
        return WorkspaceUnreachableError(
            f"{what}: {_sentence(without_secrets(str(cause)))} It stayed so: run the same command "
            "again later, or raise STOCKS_AI_DATABRICKS__PATIENCE_SECONDS."
        )
    return WorkspaceUnreachableError(
        f"{what}: no answer ({_finding(cause)}). Correct DATABRICKS_HOST, or restore the network "
        "and run the same command again."
    )


def has_secrets(text: str) -> bool:
    """Whether something in `text` looks like a token or a password."""
    return _SECRETS.search(text) is not None


def without_secrets(text: str) -> str:
    """Return `text` on one line, at most 300 characters, with tokens and passwords taken out."""
    said = re.split(r"\. (?:Config|Env): ", text, maxsplit=1)[0]  # the SDK adds its settings
    hidden = _SECRETS.sub(lambda found: f"{found[1] or found[2] or ''}***", said)
    short = " ".join(hidden.split())
    return short if len(short) <= 300 else f"{short[:297]}..."


def _sentence(text: str) -> str:
    return f"{text.rstrip(' .')}."


def _finding(cause: BaseException) -> str:
    """Last part of a nested network error: `Connection refused`, `Name or service not known`."""
    text = without_secrets(str(cause) or type(cause).__name__)
    found = re.findall(r"\[Errno -?\d+\] ([^'\")]+)|(timed out)|(SSL: \w+)", text)
    return next((part for parts in reversed(found) for part in parts if part), text[:120])
