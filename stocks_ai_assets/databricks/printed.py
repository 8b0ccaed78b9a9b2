"""What a remote process printed or raised, as it may be stored and shown: no secrets in it."""

from collections.abc import Iterable
from dataclasses import dataclass

from stocks_ai_assets.databricks.step_main import FEWEST
from stocks_ai_assets.errors import RefusedError, StocksAiError, WorkspaceError
from stocks_ai_assets.workspace_client import without_secrets


def printed(text: str, values: Iterable[str] = ()) -> str:
    """Return `text` with secrets hidden, line by line, at most 300 characters of each.

    Parameters
    ----------
    text
        What was printed, or the words of an error.
    values
        Secrets that are known; others are found by what they look like.
    """
    return "\n".join(
        line[: len(line) - len(line.lstrip())] + without_secrets(line)
        for line in hidden(text, values).splitlines()
    )


def hidden(text: str, values: Iterable[str]) -> str:
    """Return `text` without these secrets."""
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= FEWEST:
            text = text.replace(value, "***")
    return text


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """What made a remote run fail, fit to be shown.

    Parameters
    ----------
    name
        Class of the error.
    words
        What it says, without secrets.
    error
        An error of ours that says the same, to end the run with.
    """

    name: str
    words: str
    error: StocksAiError

    @classmethod
    def of(cls, cause: BaseException, values: Iterable[str]) -> "Failure":
        """Describe an error; those of ours name no secret but `values`, and stay whole."""
        name = type(cause).__name__
        # A refusal takes more than words, and is no answer of a run.
        if isinstance(cause, StocksAiError) and not isinstance(cause, RefusedError):
            words = hidden(str(cause), values)
            return cls(name=name, words=words, error=type(cause)(words))
        words = printed(str(cause), values)
        return cls(name=name, words=words, error=WorkspaceError(f"{name}: {words}"))
