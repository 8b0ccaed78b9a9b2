"""Kinds of resources that Unity Catalog keeps: schemas, volumes, registered models."""

from typing import ClassVar
from urllib.parse import quote

from stocks_ai_assets.databricks.bundle_kind import Config, Found, Kind


class Catalogued(Kind):
    """What Unity Catalog keeps by its full name; made if absent, described by governance."""

    holds_data = True
    changeable = ("comment",)
    path: ClassVar[str]
    full: ClassVar[tuple[str, ...]] = ("catalog_name", "schema_name", "name")

    def name(self, config: Config) -> str:
        """Full name."""
        return ".".join(config[part] for part in self.full)

    def comparable(self, config: Config) -> Config:
        """Return it with its names in lower case, as Unity Catalog keeps them."""
        return {
            part: value.lower() if part in self.full and isinstance(value, str) else value
            for part, value in config.items()
        }

    def find(self, config: Config, known: str | None) -> Found | None:
        """By full name."""
        from databricks.sdk.errors import NotFound

        _ = known
        try:
            return self.read(self.name(config).lower())
        except NotFound:
            return None

    def read(self, known: str) -> Found:
        """By full name."""
        return Found(id=known, config=self.call("GET", f"{self.path}/{quote(known)}"))

    def create(self, config: Config) -> str:
        """Make it."""
        body = self.body(config)
        sent = {name: value for name, value in body.items() if value is not None}
        self.call("POST", self.path, sent)
        return self.name(config).lower()

    def update(self, found: Found, config: Config) -> None:
        """Change the comment; names and places do not change. No comment is an empty one."""
        comment = config.get("comment") or ""
        self.call("PATCH", f"{self.path}/{quote(found.id)}", {"comment": comment})

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
