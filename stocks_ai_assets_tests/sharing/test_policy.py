"""The governance policy says what is shared; a change of it holds for the next request."""

from importlib.resources import files

import pytest

from stocks_ai_assets.errors import PolicyError, SharingError
from stocks_ai_assets.sharing.policy import PolicyShares

PACKAGED = files("stocks_ai_assets.governance").joinpath("policy.toml")


@pytest.fixture
def policy(tmp_path):
    """Write a policy that is the packaged one with some text replaced."""

    def write(*changes):
        text = PACKAGED.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        draft = tmp_path / "draft.toml"
        draft.write_text(text, encoding="utf-8")
        return draft.replace(tmp_path / "policy.toml")

    return write


def test_the_packaged_policy_shares_the_predictions_with_their_history():
    (share,) = PolicyShares(None)().of("research_partner")
    assert share.name == "stocks_predictions"
    assert [(t.path, t.columns, t.history) for t in share.tables] == [
        ("meta.synthesized_predictions", None, True)
    ]


def test_a_view_is_shared_under_its_name_with_its_columns(policy):
    file = policy(
        (
            'tables = ["meta.synthesized_predictions"]',
            'tables = []\nviews = ["audit.synthesized_predictions"]',
        )
    )
    (share,) = PolicyShares(file)().all
    (view,) = share.tables
    assert (view.path, view.table) == (
        "audit.synthesized_predictions",
        "meta.synthesized_predictions",
    )
    assert view.columns == ("symbol", "predicted_return")


def test_a_view_with_a_condition_cannot_be_shared_from_here(policy):
    file = policy(
        (
            'tables = ["meta.synthesized_predictions"]',
            'tables = []\nviews = ["meta.recent_predictions"]',
        )
    )
    with pytest.raises(SharingError, match=r"meta\.recent_predictions has a condition"):
        PolicyShares(file)()


def test_a_view_of_nothing_but_the_slice_cannot_be_shared_from_here(policy):
    view = """
[views."meta.agents"]
comment = "Who predicted."
table = "agents.predictions"
columns = ["agent"]
"""
    file = policy(('tables = ["meta.synthesized_predictions"]', 'views = ["meta.agents"]'))
    file.write_text(file.read_text() + view)
    with pytest.raises(SharingError, match=r"meta\.agents has only agent.* Add a column"):
        PolicyShares(file)()
    file.write_text(file.read_text().replace('["agent"]', '["agent", "symbol"]'))
    assert PolicyShares(file)().all


def test_taking_a_recipient_out_of_the_policy_holds_for_the_next_request(policy):
    shares = PolicyShares(policy())
    assert shares().of("research_partner")
    policy(('recipients = ["research_partner"]', "recipients = []"))
    assert not shares().of("research_partner")


def test_a_policy_that_breaks_while_the_server_runs_opens_nothing(policy):
    file = policy()
    shares = PolicyShares(file)
    assert shares().all
    file.write_text("shares = 3")
    with pytest.raises(PolicyError):
        shares()
    file.unlink()
    with pytest.raises(PolicyError):
        shares()


def test_recipients_on_databricks_get_no_token_from_here(policy):
    shares = PolicyShares(
        policy(
            (
                'authentication = "TOKEN"',
                'authentication = "DATABRICKS"\nmetastore = "aws:eu-west-1:0000"',
            )
        )
    )
    assert shares().recipients == frozenset()
