"""Settings of one deployment: the only place that reads the environment.

Order: arguments, environment (`STOCKS_AI_*`), settings file (`STOCKS_AI_CONFIG`, default
`stocks-ai.toml` in the working folder), defaults. Validated at start; secrets are never printed.
"""

import os
import tomllib
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.errors import SettingsError
from stocks_ai_assets.workspace_settings import Text, WorkspaceSettings

DEFAULT_FILE = "stocks-ai.toml"
PREFIX = "STOCKS_AI_"
NO_SETTINGS = ("STOCKS_AI_CONFIG", "STOCKS_AI_REPLAY_FOLDER")
"""Variables that say where to look; the second is read by tests alone."""

NESTED = "STOCKS_AI_DATABRICKS__"
"""Variables of the workspace; pydantic refuses the unknown ones."""

SAMPLE_FIRST_SESSION = date(2021, 1, 4)


class Settings(BaseSettings):
    """Where the lake is, where facts come from, and what is predicted."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    home: Path = Field(Path(".stocks_ai"), description="Folder of lake, Dagster home, reports.")
    source: Literal["sample", "folder"] = Field("sample", description="Where facts come from.")
    source_folder: Path | None = Field(None, description="Folder of the `folder` source.")
    first_session: date = Field(SAMPLE_FIRST_SESSION, description="First partition.")
    universe: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Symbols, comma-separated; empty: all that the source has."
    )
    horizon: int = Field(21, ge=1, le=252, description="Holding period in sessions.")
    cost_bp: float = Field(5.0, ge=0, le=1000, description="One-way cost, basis points.")
    borrow_bp: float = Field(50.0, ge=0, le=10000, description="Yearly cost of shorts, bp.")
    engine: Literal["local", "spark"] = Field("local", description="What computes tables.")
    launch: Literal["here", "step", "pipes"] = Field(
        "here",
        description="Where assets run: in this process, or on Databricks in one of two ways.",
    )
    lake_root: Text | None = Field(
        None, description="Folder or URL (s3://, abfss://, gs://) of the tables; none: in home."
    )
    catalog: Text | None = Field(
        None, description="Catalog of three-level table names in Spark; none: tables by their path."
    )
    spark_remote: Text | None = Field(
        None,
        repr=False,  # it may hold a token
        description="Spark Connect server, sc://host:port or `databricks`; none: local.",
    )
    spark_memory: str = Field("1g", pattern=r"^\d+[mg]$", description="Heap of local Spark.")
    spark_jars: Path | None = Field(None, description="Folder of the jars of local Spark.")
    spark_catalog_uri: Text | None = Field(
        None, description="Unity Catalog server that has the names of `catalog`, for local Spark."
    )
    spark_catalog_token: SecretStr | None = Field(
        None, description="Token for that server; none: it asks for none."
    )
    databricks: WorkspaceSettings = Field(
        default_factory=WorkspaceSettings, description="Workspace for steps and Pipes."
    )
    policy: Path | None = Field(
        None, description="Policy of governance and sharing; none: the packaged one."
    )
    share_url: Text | None = Field(
        None, description="URL at which recipients reach `stocks-ai share serve`."
    )
    sample_symbols: int = Field(60, ge=25, le=20000, description="Companies of `sample`.")
    sample_seed: int = Field(20210104, description="Seed of the simulated market.")

    @field_validator("universe", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        parts = value.split(",") if isinstance(value, str) else value
        if isinstance(parts, list | tuple) and all(isinstance(part, str) for part in parts):
            return tuple(part.strip().upper() for part in parts if part.strip())
        return value

    @model_validator(mode="after")
    def _folder_is_given(self) -> "Settings":
        if self.source == "folder" and self.source_folder is None:
            message = "STOCKS_AI_SOURCE=folder needs STOCKS_AI_SOURCE_FOLDER"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _catalog_is_given(self) -> "Settings":
        if self.spark_catalog_uri is not None and self.catalog is None:
            message = "STOCKS_AI_SPARK_CATALOG_URI needs STOCKS_AI_CATALOG"
            raise ValueError(message)
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments before environment before file."""
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, _file()))

    @property
    def lake(self) -> Path | str:
        """Folder of the Delta tables, or its URL."""
        if self.lake_root is None:
            return self.home.resolve() / "lake"
        return self.lake_root if "://" in self.lake_root else Path(self.lake_root).resolve()

    @property
    def dagster_home(self) -> Path:
        """Folder of Dagster's instance."""
        return self.home.resolve() / "dagster"

    @property
    def reports(self) -> Path:
        """Folder of reports."""
        return self.home.resolve() / "reports"

    @property
    def parameters(self) -> Parameters:
        """The settings that change results."""
        return Parameters(
            first_session=self.first_session,
            horizon=self.horizon,
            cost_bp=self.cost_bp,
            borrow_bp=self.borrow_bp,
        )

    @property
    def simulated(self) -> bool:
        """Whether facts are simulated; shown wherever results are."""
        return self.source == "sample"


def load_settings(**overrides: object) -> Settings:
    """Return validated settings, or raise `SettingsError` naming each bad one."""
    _require_known_variables()
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # validated by pydantic
    except ValidationError as error:
        lines = [_line(item) for item in error.errors()]
        raise SettingsError("\n".join(lines)) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"Settings file {_file()} is not valid TOML: {error}.") from None


def _file() -> Path:
    """Settings file. The default one may be absent; one that was asked for must be there."""
    named = os.environ.get("STOCKS_AI_CONFIG", "")  # noqa: TID251  # the one place
    if named and not Path(named).is_file():
        raise SettingsError(
            f"STOCKS_AI_CONFIG names {named!r}, which is no file. Correct it, or unset it to use "
            f"{DEFAULT_FILE} of the working folder."
        )
    return Path(named or DEFAULT_FILE)


def _require_known_variables() -> None:
    """Raise `SettingsError` for a variable that nobody reads: a typo would go unnoticed."""
    known = [*(f"{PREFIX}{name.upper()}" for name in Settings.model_fields), *NO_SETTINGS]
    found = (name.upper() for name in os.environ)  # noqa: TID251  # the one place
    unknown = sorted(
        name
        for name in found
        if name.startswith(PREFIX) and name not in known and not name.startswith(NESTED)
    )
    if unknown:
        near = (get_close_matches(name, known, 1) for name in unknown)
        hints = [f" (did you mean {match[0]}?)" if match else "" for match in near]
        named = ", ".join(map("".join, zip(unknown, hints, strict=True)))
        raise SettingsError(f"Unknown variable {named}. Correct or unset it.")


def _line(error: ErrorDetails) -> str:
    location, found = error["loc"], error.get("input")
    shown = f" (found {found!r})" if location and isinstance(found, str | int | float) else ""
    if error["type"] == "extra_forbidden":
        model = WorkspaceSettings if len(location) > 1 else Settings
        known = ", ".join(model.model_fields)
        return f"Unknown setting `{'.'.join(map(str, location))}`{shown}. Settings: {known}."
    name = f"STOCKS_AI_{'__'.join(map(str, location)).upper()}: " if location else ""
    return f"{name}{error['msg'].removeprefix('Value error, ')}{shown}."
