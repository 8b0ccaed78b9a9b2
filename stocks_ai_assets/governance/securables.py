"""What a catalog holds, as wanted or as found: the same words for both, so that they compare."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stocks_ai_assets.governance.privileges import Kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column of a table or view.

    Parameters
    ----------
    name, comment, nullable
        As in the contract.
    type_text, type_name, type_json
        The type as SQL, as the API's name, and as the JSON of Spark's StructField.
    partition
        Place among the partition columns, from 0; None: none of them.
    tags
        Tags by key.
    mask
        Full name of the masking function; None: shown to all who may read the table.
    """

    name: str
    type_text: str
    type_name: str = ""
    type_json: str = ""
    nullable: bool = True
    comment: str = ""
    partition: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    mask: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RowFilter:
    """Function that decides which rows are seen, and the columns that it is given."""

    function: str
    columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shared:
    """An object in a share.

    Parameters
    ----------
    kind
        Table, view, or whatever else servers share: in lower case, as the API names it.
    name
        Full name.
    history
        Whether its history is shared too.
    alias
        Name under which recipients see it.
    """

    kind: str
    name: str
    history: bool
    alias: str

    @property
    def catalog(self) -> str | None:
        """Catalog in which it lies; None: in none, as a notebook."""
        return None if self.kind == "notebook_file" else self.name.partition(".")[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Securable:
    """One thing that can be owned and granted. Fields that a kind does not have stay empty.

    Parameters
    ----------
    kind, name
        Kind, and full name: `catalog`, `catalog.schema`, `catalog.schema.thing`, `share`.
    comment, owner
        Owner None: whoever it is, it stays.
    location
        Where the data of a table or volume lies; the managed location of a catalog.
    managed
        Whether dropping it deletes data.
    columns
        Of a table or view, in order.
    definition
        Query of a view, or expression of a function.
    signature
        Parameters and result of a function, as SQL.
    properties, tags
        By key.
    grants
        Privileges by principal.
    hidden, grants_hidden
        Whether it, or its grants, cannot be read with the rights of this login.
    row_filter
        Of a table.
    shared
        What a share holds.
    authentication, metastore
        Of a recipient.
    """

    kind: Kind
    name: str
    comment: str = ""
    owner: str | None = None
    location: str | None = None
    managed: bool = False
    columns: tuple[Column, ...] = ()
    definition: str = ""
    signature: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    grants: Mapping[str, frozenset[str]] = field(default_factory=dict)
    hidden: bool = False
    grants_hidden: bool = False
    row_filter: RowFilter | None = None
    shared: tuple[Shared, ...] = ()
    authentication: str = ""
    metastore: str | None = None

    @property
    def key(self) -> tuple[Kind, str]:
        """Kind and name; a view and a table of one name exclude each other."""
        return self.kind, self.name

    def column(self, name: str) -> Column | None:
        """Return a column, or None."""
        return next((each for each in self.columns if each.name == name), None)

    @property
    def schema(self) -> str | None:
        """Full name of the schema in which it lies; None: in none."""
        above, _, _ = self.name.rpartition(".")
        return above if "." in above else None


State = Mapping[tuple[Kind, str], Securable]
"""Securables by kind and name, parents before children."""
