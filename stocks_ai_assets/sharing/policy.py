"""The shares of the governance policy, read anew when its file is another one."""

import threading
from importlib.resources import files
from pathlib import Path

from stocks_ai_assets.errors import SharingError
from stocks_ai_assets.governance.policy import DEFAULT, Policy, SharePolicy, load_policy
from stocks_ai_assets.sharing.shares import Share, SharedTable, Shares


class PolicyShares:
    """What the policy shares now.

    Parameters
    ----------
    file
        The policy; None: the packaged one.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._mutex = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._shares = Shares(())

    def __call__(self) -> Shares:
        """Return the shares.

        Raises
        ------
        PolicyError
            The policy is missing, malformed, or names what does not exist.
        SharingError
            It shares what a local server cannot.
        """
        path = self._file or Path(str(files("stocks_ai_assets.governance").joinpath(DEFAULT)))
        with self._mutex:
            try:
                status = path.stat()
                stamp = (status.st_ino, status.st_mtime_ns)
            except OSError:
                stamp = None
            if stamp is None or stamp != self._stamp:
                self._shares = shares_of(load_policy(self._file))
                self._stamp = stamp
            return self._shares


def shares_of(policy: Policy) -> Shares:
    """Return the shares of a policy; recipients that read by token alone."""
    return Shares(_share(policy, name, body) for name, body in policy.shares.items())


def _share(policy: Policy, name: str, body: SharePolicy) -> Share:
    tables = [_named(table, table=table, history=body.history) for table in body.tables]
    tables += [_view(policy, name, view, history=body.history) for view in body.views]
    by_token = {
        recipient
        for recipient in body.recipients
        if policy.recipients[recipient].authentication == "TOKEN"
    }
    return Share(name=name, tables=tuple(tables), recipients=frozenset(by_token))


def _view(policy: Policy, share: str, name: str, *, history: bool) -> SharedTable:
    view = policy.views[name]
    if view.condition:
        raise SharingError(
            f"Share {share}: the view {name} has a condition, which only Databricks applies to a "
            "share. Take the view out of the share, or its condition away."
        )
    return _named(
        name, table=view.table, history=history, columns=view.columns, comment=view.comment
    )


def _named(
    path: str,
    *,
    table: str,
    history: bool,
    columns: tuple[str, ...] | None = None,
    comment: str = "",
) -> SharedTable:
    schema, name = path.split(".")
    return SharedTable(
        schema=schema, name=name, table=table, history=history, columns=columns, comment=comment
    )
