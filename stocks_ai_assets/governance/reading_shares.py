"""Shares and recipients of a metastore, as far as they open something of a catalog.

A share that was taken out of the policy stays open until somebody drops it: so those are read too.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from stocks_ai_assets.governance.calls import BASE, path_of
from stocks_ai_assets.governance.securables import Securable, Shared, State
from stocks_ai_assets.governance.server import AT_ONCE, Server


def shares_of(server: Server, catalog: str, desired: State) -> Iterator[Securable]:
    """Yield the shares of the policy, and others that hold something of the catalog."""
    from databricks.sdk.errors import PermissionDenied

    wanted = {name for kind, name in desired if kind == "share"}
    names = wanted | {each["name"] for each in server.pages(f"{BASE}/shares", "shares")}

    def read(name: str) -> Securable | None:
        try:
            answer = server.get(path_of("share", name), include_shared_data="true")
        except PermissionDenied:
            return Securable(kind="share", name=name, hidden=True)
        return _share(name, answer) if answer else None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for share in pool.map(read, sorted(names)):
            if share and (
                share.name in wanted or any(each.catalog == catalog for each in share.shared)
            ):
                yield share


def recipients_of(
    server: Server, catalog: str, desired: State, shares: Iterable[Securable]
) -> Iterator[Securable]:
    """Yield the recipients of the policy, and others who read nothing but this catalog."""
    from databricks.sdk.errors import PermissionDenied

    wanted = [name for kind, name in desired if kind == "recipient"]
    found = tuple(shares)
    for name in wanted:
        try:
            if answer := server.get(path_of("recipient", name)):
                yield _recipient(name, answer)
        except PermissionDenied:
            yield Securable(kind="recipient", name=name, hidden=True)
    ours = {
        each.name
        for each in found
        if not each.hidden and all(held.catalog == catalog for held in each.shared)
    }
    for name in sorted({reader for each in found for reader in each.grants} - {*wanted}):
        answer = server.get_visible(path_of("recipient", name))
        if answer is None:
            continue
        path = f"{path_of('recipient', name)}/share-permissions"
        if {each["share_name"] for each in server.pages(path, "permissions_out")} <= ours:
            yield _recipient(name, answer)


def _share(name: str, answer: dict[str, Any]) -> Securable:
    return Securable(
        kind="share",
        name=name,
        comment=answer.get("comment") or "",
        owner=answer.get("owner"),
        shared=tuple(_shared(each) for each in answer.get("objects") or ()),
    )


def _recipient(name: str, answer: dict[str, Any]) -> Securable:
    return Securable(
        kind="recipient",
        name=name,
        comment=answer.get("comment") or "",
        owner=answer.get("owner"),
        authentication=answer.get("authentication_type") or "",
        metastore=answer.get("data_recipient_global_metastore_id"),
    )


def _shared(answer: dict[str, Any]) -> Shared:
    name = answer["name"]
    return Shared(
        kind=str(answer.get("data_object_type") or "TABLE").lower(),
        name=name,
        history=answer.get("history_data_sharing_status") == "ENABLED",
        alias=answer.get("shared_as") or name.partition(".")[2],
    )
