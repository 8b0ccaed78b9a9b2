"""Principals and logins of a workspace: unknown ones, those without rights, in any spelling."""

import pytest

from stocks_ai_assets.errors import GovernanceError, WorkspaceLoginError
from stocks_ai_assets.governance.applying import apply_plan
from stocks_ai_assets.governance.server import Server
from stocks_ai_assets_tests.integration.governing import brief, governed

pytestmark = pytest.mark.cluster

ANALYSTS, ENGINEERS = "stocks_ai_analysts", "stocks_ai_engineers"


@pytest.fixture
def empty(tmp_path):
    """A server without our catalog."""
    with governed(tmp_path) as found:
        yield found


def test_an_unknown_principal_is_found_before_anything_is_changed(empty):
    policy = brief()
    people = policy.principals.model_copy(
        update={"users": ("nobody@example.com",), "service_principals": ("0000-1111",)}
    )
    with pytest.raises(GovernanceError) as caught:
        empty.plan(policy.model_copy(update={"principals": people}))
    assert "user nobody@example.com, service principal 0000-1111" in str(caught.value)
    assert not [each for each in empty.running.client().catalogs.list() if each.name == "stocks_ai"]


def test_an_expired_and_an_unknown_token_are_a_matter_of_login_and_are_not_shown(empty):
    token = empty.running.workspace.add_user("late@example.com")
    client = empty.running.client(token)
    empty.running.workspace.expire(token)
    from stocks_ai_assets.governance.server import open_server

    for bad, named in (
        (client, token),
        (empty.running.client("dapi00000000ff"), "dapi00000000ff"),
    ):
        with pytest.raises(WorkspaceLoginError) as caught:
            open_server(bad)
        assert named not in str(caught.value)
        assert "log in again" in str(caught.value)


def test_an_identity_without_rights_changes_nothing_and_is_told_which_right_lacks(empty):
    policy = brief(catalog="stocks_ai_mine", shares={}, recipients={})
    server = empty.server(empty.tokens[ANALYSTS])
    applied = apply_plan(empty.plan(policy, server=server), server)
    assert not applied.done
    assert "CREATE CATALOG" in applied.error
    assert "administrator" in applied.error


class Shouting(Server):
    """A server that answers principals and owners in another case than they were given in."""

    def _ask(self, *arguments, **named):
        return shouted(super()._ask(*arguments, **named))


def shouted(answer):
    if isinstance(answer, list):
        return [shouted(each) for each in answer]
    if not isinstance(answer, dict):
        return answer
    return {
        key: value.replace("stocks_ai_", "Stocks_AI_")
        if key in {"principal", "owner"}
        else shouted(value)
        for key, value in answer.items()
    }


def test_a_server_that_spells_principals_in_another_case_needs_nothing_after_the_first_apply(empty):
    schemas = dict(brief().schemas)
    schemas["agents"] = schemas["agents"].model_copy(update={"owner": ENGINEERS})
    policy = brief(schemas=schemas)
    assert empty.apply(policy).failed is None
    admin = empty.server()
    admin.query(f"GRANT SELECT ON TABLE stocks_ai.agents.models TO `{ANALYSTS}`")
    shouting = Shouting(client=admin.client, dialect="databricks")
    (revoked,) = empty.plan(policy, server=shouting).everything
    assert revoked.title == f"revoke table stocks_ai.agents.models SELECT from {ANALYSTS}"
    people = policy.principals.model_copy(update={"elsewhere": (ANALYSTS.upper(),)})
    spared = policy.model_copy(update={"principals": people})
    assert not empty.plan(spared, server=shouting).everything
