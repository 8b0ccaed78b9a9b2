"""What a share names: tables, columns, history, recipients. Everything else does not exist."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from stocks_ai_assets.errors import SharingError
from stocks_ai_assets.lake.layout import delta_schema, partition_columns
from stocks_ai_assets.tables import TABLES
from stocks_ai_assets.tables.spec import STAMPS


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedTable:
    """One table or view of a share, under the name that recipients see.

    Parameters
    ----------
    schema, name
        Names that recipients see.
    table
        Table of the lake, `schema.table`.
    columns
        Columns of a view, in its order; None: the table whole, with its stamps.
    history
        Whether earlier versions and changes are shared too.
    comment
        Description that recipients see.
    """

    schema: str
    name: str
    table: str
    columns: tuple[str, ...] | None = None
    history: bool = False
    comment: str = ""

    def __post_init__(self) -> None:
        """Refuse what the lake does not have."""
        if self.table not in TABLES:
            raise SharingError(
                f"Share: {self.schema}.{self.name} is made from `{self.table}`, which is no table. "
                f"Tables: {', '.join(TABLES)}."
            )
        known = {*TABLES[self.table].columns, *STAMPS}
        unknown = [name for name in self.columns or () if name not in known]
        if unknown or self.columns == ():
            raise SharingError(
                f"Share: {self.schema}.{self.name} names columns that {self.table} does not have: "
                f"{', '.join(unknown) or 'none at all'}. Columns: "
                f"{', '.join(TABLES[self.table].columns)}."
            )
        in_folders = partition_columns(TABLES[self.table])
        if self.columns is not None and set(self.columns) <= set(in_folders):
            raise SharingError(
                f"Share: {self.schema}.{self.name} has only {', '.join(self.columns)}, by which "
                f"{self.table} is stored in folders: its files would be empty. Add a column, such "
                f"as {next(c for c in TABLES[self.table].columns if c not in in_folders)}."
            )

    @property
    def path(self) -> str:
        """Name within the share, in the spelling in which names are compared."""
        return f"{self.schema}.{self.name}".lower()

    def stored(self) -> Any:
        """Return the columns of a view that lie in files, as a `pyarrow.Schema`; None: no view.

        By the contract: files of a version from before a column lack it, and so may all of them.
        """
        if self.columns is None:
            return None
        import pyarrow as pa

        in_folders = partition_columns(TABLES[self.table])
        contract = pa.schema(delta_schema(self.table).to_arrow())
        named = [contract.field(name) for name in self.columns if name not in in_folders]
        return pa.schema([field.remove_metadata() for field in named])


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """Tables that some recipients may read.

    Parameters
    ----------
    name
        Name of the share.
    tables
        What is shared.
    recipients
        Who may read it by token.
    """

    name: str
    tables: tuple[SharedTable, ...]
    recipients: frozenset[str]

    def __post_init__(self) -> None:
        """Refuse two tables under one name: recipients could not tell them apart."""
        paths = [table.path for table in self.tables]
        doubled = sorted({path for path in paths if paths.count(path) > 1})
        if doubled:
            raise SharingError(f"Share {self.name} names {', '.join(doubled)} twice.")

    def table(self, schema: str, name: str) -> SharedTable | None:
        """Return the table that recipients call so, whatever the case of the letters."""
        wanted = f"{schema}.{name}".lower()
        return next((table for table in self.tables if table.path == wanted), None)


class Shares:
    """All shares, by recipient.

    Parameters
    ----------
    shares
        The shares of the policy.
    """

    def __init__(self, shares: Iterable[Share]) -> None:
        self.all = tuple(sorted(shares, key=lambda share: share.name.lower()))

    def of(self, recipient: str) -> tuple[Share, ...]:
        """Return the shares that a recipient may read, by name."""
        return tuple(share for share in self.all if recipient in share.recipients)

    @property
    def recipients(self) -> frozenset[str]:
        """Everybody whom any share names."""
        return frozenset().union(*(share.recipients for share in self.all))
