"""The policy file: who may see and do what. Validated whole before any call to a server.

Tables and columns come from the contracts and are only named here; so are agents.
"""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stocks_ai_assets.errors import PolicyError

DEFAULT = "policy.toml"

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,99}$")]
TwoNames = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,99}\.[a-z][a-z0-9_]{0,99}$")]
Principal = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^`\x00-\x1f]+$")]
TagKey = Annotated[str, Field(pattern=r"^[^\s.,:=/\-](?:[^.,:=/\-]{0,253}[^\s.,:=/\-])?$")]
TagValue = Annotated[str, Field(max_length=256)]
Tags = dict[TagKey, TagValue]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Principals(_Part):
    """Everybody whom the policy names. They are made elsewhere and must exist."""

    groups: tuple[Principal, ...] = ()
    users: tuple[Principal, ...] = ()
    service_principals: tuple[Principal, ...] = ()
    elsewhere: tuple[Principal, ...] = ()
    """Whose grants are made elsewhere too, as those of a bundle's runner: no drift."""

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.groups, *self.users, *self.service_principals)


class SchemaPolicy(_Part):
    """A schema; its tables come from the contracts."""

    comment: str
    owner: Principal | None = None


class VolumePolicy(_Part):
    """A volume: managed, or external at a location."""

    comment: str
    location: str | None = None


class ModelsPolicy(_Part):
    """Schema of the registered models: one per agent, the volatility model, the supervisor."""

    schema_name: Name = Field(alias="schema")


class GrantPolicy(_Part):
    """Privileges of one principal on one securable, or on every table by `table schema.*`."""

    principal: Principal
    on: str = Field(
        pattern=r"^(catalog|table [a-z][a-z0-9_]*\.\*"
        r"|(schema|table|view|volume|model) [a-z][a-z0-9_]*(\.[a-z0-9_]+)?)$"
    )
    privileges: tuple[str, ...] = Field(min_length=1)


class TagsPolicy(_Part):
    """Tags of tables (`schema.table` or `schema.*`) and columns (`schema.table.column`)."""

    unit: TagKey | None = None
    tables: dict[str, Tags] = Field(default_factory=dict)
    columns: dict[str, Tags] = Field(default_factory=dict)


class ViewPolicy(_Part):
    """Columns of one table, all rows or those of a condition."""

    comment: str
    table: TwoNames
    columns: tuple[str, ...] = Field(min_length=1)
    condition: str | None = None


class AuditorPolicy(_Part):
    """The group that sees one view and nothing else."""

    group: Principal
    view: TwoNames


class MaskPolicy(_Part):
    """Columns shown as null except to some groups. Breaks time travel and clones of the table."""

    enabled: bool = False
    columns: tuple[str, ...] = Field(min_length=1)
    visible_to: tuple[Principal, ...] = Field(min_length=1)


class DeskPolicy(_Part):
    """Rows of a table by desk: each group sees its agents. Breaks time travel and clones."""

    enabled: bool = False
    table: TwoNames
    column: str
    unrestricted: tuple[Principal, ...] = ()
    desks: dict[Principal, tuple[str, ...]] = Field(default_factory=dict)


class SharePolicy(_Part):
    """A share of Delta Sharing."""

    comment: str
    tables: tuple[TwoNames, ...] = ()
    views: tuple[TwoNames, ...] = ()
    history: bool = False
    recipients: tuple[Name, ...] = ()


class RecipientPolicy(_Part):
    """Who receives shares: by token, or another Databricks metastore by its identifier."""

    comment: str
    authentication: Literal["TOKEN", "DATABRICKS"] = "TOKEN"
    metastore: str | None = None


class Policy(_Part):
    """The whole policy of one catalog."""

    catalog: Name
    comment: str
    owner: Principal | None = None
    storage_root: str | None = None
    managed_location: str | None = None
    function_schema: Name = "governance"
    principals: Principals = Principals()
    schemas: dict[Name, SchemaPolicy]
    volumes: dict[TwoNames, VolumePolicy] = Field(default_factory=dict)
    models: ModelsPolicy | None = None
    grants: tuple[GrantPolicy, ...] = ()
    tags: TagsPolicy = TagsPolicy()
    views: dict[TwoNames, ViewPolicy] = Field(default_factory=dict)
    auditor: AuditorPolicy | None = None
    masks: dict[Name, MaskPolicy] = Field(default_factory=dict)
    desks: DeskPolicy | None = None
    shares: dict[Name, SharePolicy] = Field(default_factory=dict)
    recipients: dict[Name, RecipientPolicy] = Field(default_factory=dict)


def load_policy(file: Path | None = None, *, catalog: str | None = None) -> Policy:
    """Return the policy of a file, checked against contracts, agents and privileges.

    Parameters
    ----------
    file
        TOML file; None: the packaged policy.
    catalog
        Name of the catalog instead of the policy's, for another stage of the same policy.

    Raises
    ------
    PolicyError
        The file is missing or no TOML, or something in it is malformed or unknown; each finding
        on a line of its own.
    """
    from stocks_ai_assets.governance.review import findings

    shown = str(file) if file else f"the packaged {DEFAULT}"
    content = _content(file, shown)
    if catalog:
        content["catalog"] = catalog
    try:
        policy = Policy.model_validate(content)
    except ValidationError as error:
        lines = [
            f"{'.'.join(map(str, item['loc']))}: {item['msg']} (found {_short(item['input'])})."
            for item in error.errors()
        ]
        raise PolicyError(_refused(shown, lines)) from None
    found = findings(policy)
    if found:
        raise PolicyError(_refused(shown, found))
    return policy


def _content(file: Path | None, shown: str) -> dict[str, Any]:
    try:
        source = file or files("stocks_ai_assets.governance").joinpath(DEFAULT)
        return tomllib.loads(source.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise PolicyError(f"{shown} cannot be read: {reason}. Name a policy file.") from None
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{shown} is not valid TOML: {error}. Correct it there.") from None


def _refused(shown: str, lines: list[str]) -> str:
    return "\n".join([f"{shown} is refused; nothing was called. Correct:", *lines])


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
