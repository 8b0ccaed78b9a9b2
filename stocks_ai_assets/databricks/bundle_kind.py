"""What is asked of each kind of resource that a bundle has."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from stocks_ai_assets.databricks.staging import patiently

Config = dict[str, Any]

NOT_IN_BODY = ("permissions", "grants", "lifecycle")
"""Parts of a resource in a bundle that are calls of their own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A resource as the workspace has it."""

    id: str
    config: Config


class Kind(ABC):
    """One kind of resource.

    Parameters
    ----------
    workspace
        The SDK's client.
    """

    object_type: ClassVar[str | None] = None
    """Its name in the Permissions API."""
    securable: ClassVar[str | None] = None
    """Its name among Unity Catalog's securables."""
    holds_data: ClassVar[bool] = False
    """Whether deleting it would delete data; then this command never does."""
    changeable: ClassVar[tuple[str, ...] | None] = None
    """Parts that can change once it is there; None: all."""

    def __init__(self, workspace: Any) -> None:
        self._workspace = workspace

    def call(self, method: str, path: str, /, body: Config | None = None, **query: Any) -> Config:
        """Call the REST API; a server's own failure is waited out."""
        do = self._workspace.api_client.do
        found = patiently(lambda: do(method, path, body=body, query=query or None))
        return dict(found or {})

    def body(self, config: Config) -> Config:
        """Return what is sent of a resource."""
        return {name: value for name, value in config.items() if name not in NOT_IN_BODY}

    def comparable(self, config: Config) -> Config:
        """Return a resource with the same words for what the workspace takes for the same."""
        return config

    def there(self, known: str) -> bool:
        """Whether what was deployed with this id is there still; what cannot be read is."""
        from databricks.sdk.errors import DatabricksError, NotFound

        try:
            self.read(known)
        except DatabricksError as error:
            # Jobs and policies that are gone are a bad request.
            return not isinstance(error, NotFound) and "does not exist" not in str(error)
        return True

    @abstractmethod
    def name(self, config: Config) -> str:
        """Return the name that people know it by."""

    @abstractmethod
    def find(self, config: Config, known: str | None) -> Found | None:
        """Return it as it is; `known` is the id that it was deployed with."""

    @abstractmethod
    def read(self, known: str) -> Found:
        """Return it as it is, by its id; the error of the SDK when it is not there."""

    @abstractmethod
    def create(self, config: Config) -> str:
        """Make it and return its id."""

    @abstractmethod
    def update(self, found: Found, config: Config) -> None:
        """Make it like `config`."""

    @abstractmethod
    def delete(self, known: str) -> None:
        """Take it away."""
