"""Users of the open-source server (SCIM of its control API); Databricks' are in `identity.py`."""

from stocks_ai_assets_tests.workspace.calls import route
from stocks_ai_assets_tests.workspace.errors import Refused, denied
from stocks_ai_assets_tests.workspace.unity.catalog import unity_of

PATH = "/api/1.0/unity-control/scim2"


class People:
    """Handlers of the open-source server's users."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.unity = unity_of(workspace)
        self.identities = workspace.identities

    def shown(self, document):
        name = document["userName"]
        return {
            "id": document["id"],
            "displayName": document.get("displayName", name),
            "userName": name,
            "emails": [{"value": name, "primary": True}],
            "active": True,
        }

    def admins_only(self, call):
        if self.unity.enforced and not call.principal.admin:
            raise denied("Access denied.")

    def listing(self, call):
        self.admins_only(call)
        found = [self.shown(one) for one in self.identities.documents("Users").values()]
        return {"totalResults": len(found), "Resources": found}

    def create(self, call):
        self.admins_only(call)
        emails = call.body.get("emails") or [{}]
        name = emails[0].get("value")
        if not name:
            raise self.unity.bad("emails is required")
        if self.identities._named("Users", name):
            raise Refused(409, "ALREADY_EXISTS", f"User already exists: {name}")
        return self.shown(
            self.identities.add("Users", name, displayName=call.body.get("displayName", name))
        )

    def get(self, call):
        self.admins_only(call)
        found = self.identities.documents("Users").get(call.path["key"])
        if found is None:
            raise Refused(404, "NOT_FOUND", f"User not found: {call.path['key']}")
        return self.shown(found)

    def me(self, call):
        return self.shown(self.identities._named("Users", call.principal.name))


def routes(workspace):
    """Routes of users, in the open-source dialect only."""
    here = People(workspace)
    return [
        route(workspace, "GET", f"{PATH}/Me", here.me),
        route(workspace, "GET", f"{PATH}/Users", here.listing),
        route(workspace, "POST", f"{PATH}/Users", here.create),
        route(workspace, "GET", f"{PATH}/Users/{{key}}", here.get),
    ]
