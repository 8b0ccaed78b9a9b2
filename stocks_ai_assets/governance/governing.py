"""Policy, server and plan put together: what commands and other packages call."""

from urllib.parse import urlsplit
from urllib.request import url2pathname

from stocks_ai_assets.errors import SettingsError
from stocks_ai_assets.governance.calls import Dialect
from stocks_ai_assets.governance.desired import desired_state
from stocks_ai_assets.governance.people import require_principals
from stocks_ai_assets.governance.planning import Plan, make_plan
from stocks_ai_assets.governance.policy import Policy
from stocks_ai_assets.governance.privileges import EVERYBODY
from stocks_ai_assets.governance.reading import actual_state
from stocks_ai_assets.governance.server import Server, open_server
from stocks_ai_assets.governance.spelling import spellings
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.settings import Settings
from stocks_ai_assets.workspace_client import open_client


def server_of(settings: Settings, dialect: Dialect | None = None) -> Server:
    """Return the server that the settings name; its dialect is found out unless given."""
    client = open_client(settings.databricks)
    return open_server(client, dialect=dialect, warehouse=settings.databricks.warehouse_id)


def lake_location(settings: Settings) -> str:
    """Return where the lake's tables lie, as a URL."""
    lake = settings.lake
    return lake if isinstance(lake, str) else lake.as_uri()


def lake_of(policy: Policy, settings: Settings) -> Lake:
    """Return the lake whose tables the policy registers.

    Parameters
    ----------
    policy
        Checked policy; its storage root is a folder or a URL, also a file:// one.
    settings
        What names the lake where the policy has no root.

    Raises
    ------
    SettingsError
        No lake can lie there; the message names the root that is to be corrected.
    """
    if not policy.storage_root:
        return Lake(settings.lake)
    try:
        root = _without_scheme(policy.storage_root)
        return Lake(settings.model_copy(update={"lake_root": root}).lake)
    except SettingsError as error:
        said = str(error).replace("STOCKS_AI_LAKE_ROOT", "`storage_root`")
        raise SettingsError(f"`storage_root` of the policy: {said}") from None


def _without_scheme(root: str) -> str:
    """Return the path that a file:// URL names, and anything else as it is."""
    parts = urlsplit(root)
    if parts.scheme != "file":
        return root
    if parts.netloc not in {"", "localhost"}:
        raise SettingsError(
            f"{root} names a folder of the machine `{parts.netloc}`. Write three slashes for one "
            "of this machine: file:///folder."
        )
    return url2pathname(parts.path)


def plan_for(policy: Policy, server: Server, location: str, *, prune: bool = False) -> Plan:
    """Compare a policy with a server.

    Parameters
    ----------
    policy
        Checked policy.
    server
        Where.
    location
        URL of the lake, used where the policy names no storage root.
    prune
        Drop and revoke what the policy does not know.

    Raises
    ------
    GovernanceError
        A principal does not exist.
    WorkspaceError
        The server cannot be asked.
    """
    require_principals(server, policy)
    desired = desired_state(policy, location)
    # The open-source server tells the cases of its users apart.
    names = spellings(policy) if server.dialect == "databricks" else {}
    elsewhere = policy.principals.elsewhere
    return make_plan(
        policy.catalog,
        desired,
        actual_state(server, policy.catalog, desired, names),
        dialect=server.dialect,
        users=frozenset(policy.principals.users),
        elsewhere=frozenset(names.get(each.casefold(), each) for each in elsewhere),
        restricted=EVERYBODY | {policy.auditor.group} if policy.auditor else frozenset(),
        prune=prune,
    )


def script(policy: Policy, location: str) -> Plan:
    """Return the plan of a policy for an empty Databricks server, without asking any."""
    return make_plan(policy.catalog, desired_state(policy, location), {}, dialect="databricks")
