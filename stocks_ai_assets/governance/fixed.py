"""Differences that no server can change in place, each with the way out. Pure."""

from collections.abc import Iterator

from stocks_ai_assets.governance.calls import Dialect
from stocks_ai_assets.governance.securables import Securable


def fixed(want: Securable, have: Securable, dialect: Dialect) -> Iterator[str]:
    """Yield what differs for good: what is there, what is wanted, what people can do.

    Parameters
    ----------
    want, have
        The same securable, as wanted and as found.
    dialect
        Which server: the open-source one may not tell where a catalog's data lies.
    """
    match want.kind:
        case "table":
            yield from _table(want, have)
        case "volume":
            yield from _volume(want, have)
        case "catalog":
            told = bool(have.location) or dialect == "databricks"
            if want.location and told and not _same_place(want, have):
                yield (
                    f"managed location {have.location or 'of the metastore'} there, policy: "
                    f"{want.location}. It is set once, when a catalog is made: correct the policy, "
                    "or make a catalog of another name"
                )
        case "recipient":
            yield from _recipient(want, have)


def _table(want: Securable, have: Securable) -> Iterator[str]:
    if have.managed:
        yield (
            "not an external table there, as the contracts want. Dropping it may delete its data: "
            "copy what is needed, drop it there and plan again"
        )
    elif want.location and not _same_place(want, have):
        yield (
            f"registered at {have.location}, policy: {want.location}. Drop it there, the data "
            "stays, and plan again"
        )


def _volume(want: Securable, have: Securable) -> Iterator[str]:
    if have.managed and not want.managed:
        yield (
            f"managed there, policy: external at {want.location}. Dropping it deletes its files: "
            "copy them, drop it there and plan again"
        )
    elif want.managed and not have.managed:
        yield (
            f"external at {have.location} there, policy: managed. Drop it there, the files stay, "
            "and plan again; or name the location in the policy"
        )
    elif not want.managed and not _same_place(want, have):
        yield (
            f"at {have.location} there, policy: {want.location}. Drop it there, the files stay, "
            "and plan again"
        )


def _recipient(want: Securable, have: Securable) -> Iterator[str]:
    for what, wanted, there in (
        ("authenticates by", want.authentication, have.authentication),
        ("reads from metastore", want.metastore, have.metastore),
    ):
        if wanted != there:
            yield (
                f"{what} {there or 'none'} there, policy: {wanted or 'none'}. It cannot be "
                "changed: correct the policy, or drop the recipient there and plan again"
            )


def _same_place(want: Securable, have: Securable) -> bool:
    return plain_location(want.location or "") == plain_location(have.location or "")


def plain_location(location: str) -> str:
    """Return a location in the form in which locations are compared."""
    text = location.rstrip("/")
    if text.startswith("file:"):
        text = "/" + text.removeprefix("file:").lstrip("/")
    for alias in ("s3a://", "s3n://"):
        if text.startswith(alias):
            text = "s3://" + text.removeprefix(alias)
    return text
