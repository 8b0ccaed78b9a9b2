"""Shares and recipients of a workspace: as the policy wants them, others' left alone."""

from urllib.parse import quote

import pytest

from stocks_ai_assets_tests.governance.states import titles
from stocks_ai_assets_tests.integration.governing import brief, governed

pytestmark = pytest.mark.cluster

SYNTHESIS = "stocks_ai.meta.synthesized_predictions"
PREDICTIONS = "stocks_ai.agents.predictions"
SHARE = "stocks_predictions"
ANALYSTS = "stocks_ai_analysts"


@pytest.fixture
def empty(tmp_path):
    """A server without our catalog."""
    with governed(tmp_path) as found:
        yield found


def put(client, share, kind, name):
    """Put something into a share, as somebody does by hand."""
    change = {"action": "ADD", "data_object": {"name": name, "data_object_type": kind}}
    path = f"/api/2.1/unity-catalog/shares/{quote(share)}"
    client.api_client.do("PATCH", path, body={"updates": [change]})


def test_the_share_holds_the_table_with_history_for_its_recipient(empty):
    assert empty.apply(brief()).failed is None
    client = empty.running.client()
    share = client.shares.get("stocks_predictions", include_shared_data=True)
    (held,) = share.objects
    assert held.name == SYNTHESIS
    assert held.shared_as == "meta.synthesized_predictions"
    assert held.history_data_sharing_status.value == "ENABLED"
    (permission,) = client.shares.share_permissions("stocks_predictions").privilege_assignments
    assert permission.principal == "research_partner"


def test_a_share_and_a_recipient_taken_out_of_the_policy_are_drift_until_they_are_pruned(empty):
    assert empty.apply(brief()).failed is None
    client = empty.running.client()
    client.shares.create("sales#others")
    older = brief(shares={}, recipients={})
    found = empty.plan(older)
    assert not found.actions
    assert titles(found.drift) == [
        "drop share stocks_predictions",
        "drop recipient research_partner",
    ]
    assert f"opens table {SYNTHESIS} with history to research_partner" in found.drift[0].reason
    assert empty.apply(older, prune=True).failed is None
    assert not empty.plan(older).everything
    assert [each.name for each in client.shares.list()] == ["sales#others"]
    assert not list(client.recipients.list())


def test_what_others_put_into_shares_is_found_and_taken_out_by_prune(empty):
    from databricks.sdk.service.sharing import AuthenticationType

    assert empty.apply(brief()).failed is None
    admin, client = empty.server(), empty.running.client()
    client.shares.create("others#1")
    client.recipients.create("stranger", AuthenticationType.TOKEN)
    client.catalogs.create("sales")
    client.schemas.create("lines", "sales")
    for share, kind, name in (
        ("others#1", "TABLE", PREDICTIONS),
        ("others#1", "SCHEMA", "sales.lines"),
        ("stocks_predictions", "VOLUME", "stocks_ai.ops.staging"),
        ("stocks_predictions", "NOTEBOOK_FILE", "reports/weekly.py"),
    ):
        change = {"action": "ADD", "data_object": {"name": name, "data_object_type": kind}}
        path = f"/api/2.1/unity-catalog/shares/{quote(share)}"
        client.api_client.do("PATCH", path, body={"updates": [change]})
    admin.query("GRANT SELECT ON SHARE `others#1` TO RECIPIENT stranger")
    admin.query("GRANT SELECT ON SHARE stocks_predictions TO RECIPIENT stranger")
    found = empty.plan(brief())
    assert titles(found.drift) == [
        "revoke share stocks_predictions SELECT from stranger",
        "unshare share stocks_predictions volume stocks_ai.ops.staging",
        "unshare share stocks_predictions notebook_file reports/weekly.py",
        f"unshare share others#1 table {PREDICTIONS}",
    ]
    assert "to stranger" in found.drift[-1].reason
    assert empty.apply(brief(), prune=True).failed is None
    assert not empty.plan(brief()).everything
    (left,) = client.shares.get(quote("others#1"), include_shared_data=True).objects
    assert left.name == "sales.lines"


def test_what_others_put_into_our_share_stays_and_the_rest_is_pruned(empty):
    assert empty.apply(brief()).failed is None
    client = empty.running.client()
    client.catalogs.create("sales")
    client.schemas.create("lines", "sales")
    put(client, SHARE, "SCHEMA", "sales.lines")
    put(client, SHARE, "TABLE", PREDICTIONS)
    kept = f"keep share {SHARE}"
    assert titles(empty.plan(brief()).drift) == [f"unshare share {SHARE} table {PREDICTIONS}", kept]
    assert empty.apply(brief(), prune=True).failed is None
    assert titles(empty.plan(brief()).everything) == [kept]
    held = client.shares.get(SHARE, include_shared_data=True).objects
    assert {each.name for each in held} == {SYNTHESIS, "sales.lines"}


def test_a_share_and_a_recipient_that_the_login_may_not_see_are_told_and_not_made(empty):
    assert empty.apply(brief()).failed is None
    server = empty.server(empty.tokens[ANALYSTS])
    found = empty.plan(brief(catalog="stocks_ai_mine"), server=server)
    assert titles(found.drift) == ["keep recipient research_partner", f"keep share {SHARE}"]
    assert all("plan as a metastore admin" in each.reason for each in found.drift)
    assert not {"share", "recipient"} & {each.kind for each in found.actions}


def test_a_share_whose_recipients_the_login_may_not_see_is_told(empty):
    assert empty.apply(brief()).failed is None
    empty.server().query(f"GRANT USE SHARE ON METASTORE TO `{ANALYSTS}`")
    found = empty.plan(brief(), server=empty.server(empty.tokens[ANALYSTS]))
    told = [each for each in found.everything if each.kind == "share"]
    assert titles(told) == [f"keep share {SHARE} grants"]
