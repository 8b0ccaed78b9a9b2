"""Whether the principals of a policy exist. Asked before anything is changed."""

from collections.abc import Iterator

from stocks_ai_assets.errors import GovernanceError
from stocks_ai_assets.governance.policy import Policy
from stocks_ai_assets.governance.server import Server
from stocks_ai_assets.workspace_client import workspace_failures

OPEN_SOURCE_USERS = "/api/1.0/unity-control/scim2/Users"
DATABRICKS_PEOPLE = "/api/2.0/preview/scim/v2"


def require_principals(server: Server, policy: Policy) -> None:
    """Raise `GovernanceError` naming every principal of the policy that the server lacks.

    The open-source server has users only: its groups are reported by the plan.
    """
    with workspace_failures("Looking up the principals of the policy"):
        missing = list(
            _open_source(server, policy) if server.dialect == "oss" else _databricks(server, policy)
        )
    if missing:
        raise GovernanceError(
            f"The server does not know {', '.join(missing)}. Nothing was changed. Create them in "
            "the identity provider, or correct [principals] of the policy."
        )


def _open_source(server: Server, policy: Policy) -> Iterator[str]:
    if not policy.principals.users:
        return
    answer = server.get(OPEN_SOURCE_USERS) or {}
    known = {
        str(email.get("value"))
        for user in answer.get("Resources") or ()
        for email in user.get("emails") or ()
    }
    yield from (f"user {name}" for name in policy.principals.users if name not in known)


def _databricks(server: Server, policy: Policy) -> Iterator[str]:
    people = policy.principals
    for called, path, field, names in (
        ("group", "Groups", "displayName", people.groups),
        ("user", "Users", "userName", people.users),
        ("service principal", "ServicePrincipals", "applicationId", people.service_principals),
    ):
        for name in names:
            quoted = name.replace("\\", "\\\\").replace('"', '\\"')
            answer = server.get(f"{DATABRICKS_PEOPLE}/{path}", filter=f'{field} eq "{quoted}"')
            if not (answer or {}).get("Resources"):
                yield f"{called} {name}"
