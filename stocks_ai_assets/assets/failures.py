"""Errors of ours as run failures that people can read: what happened, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from stocks_ai_assets.errors import StocksAiError


class AssetFailure(dg.Failure):
    """A run failure that carries the error it was made from."""

    def __init__(self, error: StocksAiError) -> None:
        self.error = error
        super().__init__(
            description=f"{type(error).__name__}: {error}",
            metadata={"error": type(error).__name__},
            allow_retries=False,
        )


def our_error(error: BaseException) -> BaseException:
    """Return the error of ours that Dagster wraps, from an asset or from opening a resource.

    What wraps none is returned as it is.
    """
    if isinstance(error, AssetFailure):
        return error.error
    found = getattr(error, "user_exception", None)
    return found if isinstance(found, StocksAiError) else error


@contextmanager
def readable_failures() -> Iterator[None]:
    """Turn errors of ours into failures that say nothing else, whatever caused them."""
    try:
        yield
    except StocksAiError as error:
        raise AssetFailure(error) from None
