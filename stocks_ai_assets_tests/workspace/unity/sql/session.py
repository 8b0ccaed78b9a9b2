"""What a statement runs with, and what it gives back."""

from dataclasses import dataclass, field

from stocks_ai_assets_tests.workspace.errors import Refused
from stocks_ai_assets_tests.workspace.unity.sql.grammar import Failed


@dataclass(frozen=True, kw_only=True)
class Result:
    """Rows of a statement: (name, type in Spark's JSON) of the columns, values as text or None."""

    columns: list[tuple] = field(default_factory=list)
    rows: list[list] = field(default_factory=list)


DONE = Result()
"""What a statement without rows gives."""


def texts(names: str, rows) -> Result:
    """Result of text columns."""
    columns = [(name, "string") for name in names.split()]
    plain = [[None if one is None else str(one) for one in row] for row in rows]
    return Result(columns=columns, rows=plain)


@dataclass(frozen=True, kw_only=True)
class Session:
    """One statement's surroundings: who runs it, where names without a catalog are looked up."""

    unity: object
    principal: object
    catalog: str | None = None
    schema: str | None = None
    parameters: dict = field(default_factory=dict)

    def full(self, parts: list[str], *, of: int = 3) -> str:
        """Full name of an object from the parts given and the session's defaults."""
        missing = of - len(parts)
        if missing and not self.catalog:
            name = ".".join(parts)
            raise Failed(f"[TABLE_OR_VIEW_NOT_FOUND] '{name}' has no catalog. SQLSTATE: 42P01")
        defaults = [self.catalog, self.schema or "default"][:missing] if missing else []
        if of == 3 and missing == 1:
            defaults = [self.catalog]
        return ".".join([*defaults, *parts]).lower()


_CLASSES = {
    "TABLE_DOES_NOT_EXIST": ("TABLE_OR_VIEW_NOT_FOUND", "42P01"),
    "SCHEMA_DOES_NOT_EXIST": ("SCHEMA_NOT_FOUND", "42704"),
    "CATALOG_DOES_NOT_EXIST": ("NO_SUCH_CATALOG_EXCEPTION", "42704"),
    "PRINCIPAL_DOES_NOT_EXIST": ("PRINCIPAL_DOES_NOT_EXIST", "42704"),
    "TABLE_ALREADY_EXISTS": ("TABLE_OR_VIEW_ALREADY_EXISTS", "42P07"),
    "SCHEMA_ALREADY_EXISTS": ("SCHEMA_ALREADY_EXISTS", "42P06"),
}


def failure(error: Refused | Failed) -> str:
    """Message of a failed statement, as a warehouse words what the API would refuse."""
    if isinstance(error, Failed):
        return str(error)
    if error.status == 403:
        head = "[INSUFFICIENT_PERMISSIONS] Insufficient privileges:\n"
        return f"{head}{error.message} SQLSTATE: 42501"
    if error.message.startswith("["):
        return error.message
    name, state = _CLASSES.get(str(error.code), (str(error.code), "HV000"))
    return f"[{name}] {error.message} SQLSTATE: {state}"
