"""Kinds of resources that a bundle has: how each is found, made and changed by the REST API."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from stocks_ai_assets.databricks.staging import patiently
from stocks_ai_assets.errors import WorkspaceError

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

    def __init__(self, workspace: Any) -> None:
        self._workspace = workspace

    def call(self, method: str, path: str, body: Config | None = None, **query: Any) -> Config:
        """Call the REST API; a server's own failure is waited out."""
        do = self._workspace.api_client.do
        found = patiently(lambda: do(method, path, body=body, query=query or None))
        return dict(found or {})

    def body(self, config: Config) -> Config:
        """Return what is sent of a resource."""
        return {name: value for name, value in config.items() if name not in NOT_IN_BODY}

    @abstractmethod
    def name(self, config: Config) -> str:
        """Return the name that people know it by."""

    @abstractmethod
    def find(self, config: Config, known: str | None) -> Found | None:
        """Return it as it is; `known` is the id that it was deployed with."""

    @abstractmethod
    def create(self, config: Config) -> str:
        """Make it and return its id."""

    @abstractmethod
    def update(self, found: Found, config: Config) -> None:
        """Make it like `config`."""

    @abstractmethod
    def delete(self, known: str) -> None:
        """Take it away."""


class Jobs(Kind):
    """Jobs; their names are not unique."""

    object_type = "jobs"

    def name(self, config: Config) -> str:
        """Name of the job."""
        return str(config["name"])

    def find(self, config: Config, known: str | None) -> Found | None:
        """By id, else by name."""
        from databricks.sdk.errors import BadRequest, NotFound

        if known is not None:
            try:
                return self._read(known)
            except (BadRequest, NotFound):
                pass  # deleted by somebody
        listed = self.call("GET", "/api/2.2/jobs/list", name=config["name"]).get("jobs", [])
        if len(listed) > 1:
            ids = ", ".join(str(job["job_id"]) for job in listed)
            raise WorkspaceError(
                f"There are {len(listed)} jobs named {config['name']} ({ids}). Delete or rename "
                "all but one, then deploy again."
            )
        return self._read(str(listed[0]["job_id"])) if listed else None

    def _read(self, known: str) -> Found:
        found = self.call("GET", "/api/2.2/jobs/get", job_id=known)
        return Found(id=str(found["job_id"]), config=found["settings"])

    def create(self, config: Config) -> str:
        """Make the job."""
        return str(self.call("POST", "/api/2.2/jobs/create", self.body(config))["job_id"])

    def update(self, found: Found, config: Config) -> None:
        """Replace all settings of the job."""
        sent = {"job_id": int(found.id), "new_settings": self.body(config)}
        self.call("POST", "/api/2.2/jobs/reset", sent)

    def delete(self, known: str) -> None:
        """Delete the job; its runs stay visible for a while."""
        self.call("POST", "/api/2.2/jobs/delete", {"job_id": int(known)})


class Policies(Kind):
    """Cluster policies; the API takes the definition as text."""

    object_type = "cluster-policies"
    path: ClassVar[str] = "/api/2.0/policies/clusters"

    def name(self, config: Config) -> str:
        """Name of the policy."""
        return str(config["name"])

    def body(self, config: Config) -> Config:
        """Return the policy with its definition as text."""
        return {**super().body(config), "definition": json.dumps(config["definition"])}

    def find(self, config: Config, known: str | None) -> Found | None:
        """By id or name, which is unique."""
        for found in self.call("GET", f"{self.path}/list").get("policies", []):
            if found["policy_id"] == known or found["name"] == config["name"]:
                read = {**found, "definition": json.loads(found["definition"])}
                return Found(id=found["policy_id"], config=read)
        return None

    def create(self, config: Config) -> str:
        """Make the policy."""
        return str(self.call("POST", f"{self.path}/create", self.body(config))["policy_id"])

    def update(self, found: Found, config: Config) -> None:
        """Replace the policy; clusters that run keep what they have."""
        self.call("POST", f"{self.path}/edit", {"policy_id": found.id, **self.body(config)})

    def delete(self, known: str) -> None:
        """Delete the policy."""
        self.call("POST", f"{self.path}/delete", {"policy_id": known})


class Scopes(Kind):
    """Secret scopes; secrets themselves never pass through here."""

    holds_data = True

    def name(self, config: Config) -> str:
        """Name of the scope."""
        return str(config["name"])

    def find(self, config: Config, known: str | None) -> Found | None:
        """By name."""
        _ = known
        scopes = self.call("GET", "/api/2.0/secrets/scopes/list").get("scopes", [])
        named = [scope for scope in scopes if scope["name"] == config["name"]]
        return Found(id=config["name"], config=named[0]) if named else None

    def create(self, config: Config) -> str:
        """Make an empty scope."""
        self.call("POST", "/api/2.0/secrets/scopes/create", {"scope": config["name"]})
        return str(config["name"])

    def update(self, found: Found, config: Config) -> None:
        """Nothing of a scope can change but its rights."""

    def delete(self, known: str) -> None:
        """Delete the scope with its secrets."""
        self.call("POST", "/api/2.0/secrets/scopes/delete", {"scope": known})


class Experiments(Kind):
    """MLflow experiments."""

    object_type = "experiments"
    holds_data = True
    path: ClassVar[str] = "/api/2.0/mlflow/experiments"

    def name(self, config: Config) -> str:
        """Path of the experiment."""
        return str(config["name"])

    def find(self, config: Config, known: str | None) -> Found | None:
        """By path."""
        from databricks.sdk.errors import NotFound

        _ = known
        try:
            found = self.call("GET", f"{self.path}/get-by-name", experiment_name=config["name"])
        except NotFound:
            return None
        return Found(id=found["experiment"]["experiment_id"], config=found["experiment"])

    def create(self, config: Config) -> str:
        """Make the folder above and the experiment."""
        folder = config["name"].rsplit("/", 1)[0]
        self.call("POST", "/api/2.0/workspace/mkdirs", {"path": folder})
        return str(self.call("POST", f"{self.path}/create", self.body(config))["experiment_id"])

    def update(self, found: Found, config: Config) -> None:
        """Nothing of an experiment can change but its rights."""

    def delete(self, known: str) -> None:
        """Move the experiment to the bin."""
        self.call("POST", f"{self.path}/delete", {"experiment_id": known})


class Catalogued(Kind):
    """What Unity Catalog keeps by its full name; made if absent, described by governance."""

    holds_data = True
    path: ClassVar[str]
    full: ClassVar[tuple[str, ...]] = ("catalog_name", "schema_name", "name")

    def name(self, config: Config) -> str:
        """Full name."""
        return ".".join(config[part] for part in self.full)

    def find(self, config: Config, known: str | None) -> Found | None:
        """By full name."""
        from databricks.sdk.errors import NotFound

        _, name = known, self.name(config)
        try:
            found = self.call("GET", f"{self.path}/{quote(name)}")
        except NotFound:
            return None
        return Found(id=name, config=found)

    def create(self, config: Config) -> str:
        """Make it."""
        self.call("POST", self.path, self.body(config))
        return self.name(config)

    def update(self, found: Found, config: Config) -> None:
        """Change the comment; names and places do not change."""
        self.call("PATCH", f"{self.path}/{quote(found.id)}", {"comment": config.get("comment")})

    def delete(self, known: str) -> None:
        """Delete it and what is in it."""
        self.call("DELETE", f"{self.path}/{quote(known)}")


class Schemas(Catalogued):
    """Schemas."""

    securable, path = "schema", "/api/2.1/unity-catalog/schemas"
    full = ("catalog_name", "name")


class Volumes(Catalogued):
    """Volumes."""

    securable, path = "volume", "/api/2.1/unity-catalog/volumes"


class Models(Catalogued):
    """Registered models, which Unity Catalog counts among functions."""

    securable, path = "function", "/api/2.1/unity-catalog/models"


KINDS: dict[str, Callable[[Any], Kind]] = {
    "cluster_policies": Policies,
    "secret_scopes": Scopes,
    "schemas": Schemas,
    "volumes": Volumes,
    "registered_models": Models,
    "experiments": Experiments,
    "jobs": Jobs,
}
"""All kinds, each after those that it refers to."""
