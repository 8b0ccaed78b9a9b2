"""Kinds of resources that a bundle has: how each is found, made and changed by the REST API."""

import json
from collections.abc import Callable
from typing import Any, ClassVar

from stocks_ai_assets.databricks.bundle_catalogued import Models, Schemas, Volumes
from stocks_ai_assets.databricks.bundle_kind import Config, Found, Kind
from stocks_ai_assets.errors import WorkspaceError


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
                return self.read(known)
            except (BadRequest, NotFound):
                pass  # deleted by somebody
        listed = self.call("GET", "/api/2.2/jobs/list", name=config["name"]).get("jobs", [])
        if len(listed) > 1:
            ids = ", ".join(str(job["job_id"]) for job in listed)
            raise WorkspaceError(
                f"There are {len(listed)} jobs named {config['name']} ({ids}). Delete or rename "
                "all but one, then deploy again."
            )
        return self.read(str(listed[0]["job_id"])) if listed else None

    def read(self, known: str) -> Found:
        """By id."""
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
                return self._found(found)
        return None

    def read(self, known: str) -> Found:
        """By id."""
        return self._found(self.call("GET", f"{self.path}/get", policy_id=known))

    def _found(self, found: Config) -> Found:
        read = {**found, "definition": json.loads(found["definition"])}
        return Found(id=found["policy_id"], config=read)

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
    changeable = ()

    def name(self, config: Config) -> str:
        """Name of the scope."""
        return str(config["name"])

    def find(self, config: Config, known: str | None) -> Found | None:
        """By name."""
        from databricks.sdk.errors import NotFound

        _ = known
        try:
            return self.read(config["name"])
        except NotFound:
            return None

    def read(self, known: str) -> Found:
        """By name."""
        from databricks.sdk.errors import NotFound

        for scope in self.call("GET", "/api/2.0/secrets/scopes/list").get("scopes", []):
            if scope["name"] == known:
                return Found(id=known, config=scope)
        message = f"Scope {known} does not exist"
        raise NotFound(message)

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
    changeable = ()
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

    def read(self, known: str) -> Found:
        """By id; what lies in the bin is not there."""
        from databricks.sdk.errors import NotFound

        found = self.call("GET", f"{self.path}/get", experiment_id=known)["experiment"]
        if found.get("lifecycle_stage") == "deleted":
            message = f"Experiment {known} does not exist"
            raise NotFound(message)
        return Found(id=known, config=found)

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


class Folders(Kind):
    """Folders of the workspace; what lies in them is told by others."""

    object_type = "directories"
    holds_data = True
    changeable = ()

    def name(self, config: Config) -> str:
        """Path of the folder."""
        return str(config["path"])

    def body(self, config: Config) -> Config:
        """Return nothing: a folder is its path and its rights."""
        _ = config
        return {}

    def find(self, config: Config, known: str | None) -> Found | None:
        """By path."""
        from databricks.sdk.errors import NotFound

        _ = known
        try:
            found = self.call("GET", "/api/2.0/workspace/get-status", path=config["path"])
        except NotFound:
            return None
        return Found(id=str(found["object_id"]), config={})

    def read(self, known: str) -> Found:
        """Never asked for: Databricks finds a folder by its path alone, so `find` does not use it.

        Nor is one left over: folders are no resources of a bundle, and its root stays.
        """
        raise NotImplementedError(known)

    def create(self, config: Config) -> str:
        """Make the folder and those above it."""
        self.call("POST", "/api/2.0/workspace/mkdirs", {"path": config["path"]})
        made = self.call("GET", "/api/2.0/workspace/get-status", path=config["path"])
        return str(made["object_id"])

    def update(self, found: Found, config: Config) -> None:
        """Nothing of a folder can change but its rights."""

    def delete(self, known: str) -> None:
        """Never."""


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
