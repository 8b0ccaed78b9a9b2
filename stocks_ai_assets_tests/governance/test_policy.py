"""A policy is judged whole, before any server is asked."""

import tomllib
from importlib.resources import files

import pytest

from stocks_ai_assets.errors import PolicyError
from stocks_ai_assets.governance.policy import load_policy

PACKAGED = files("stocks_ai_assets.governance").joinpath("policy.toml").read_text(encoding="utf-8")


@pytest.fixture
def refused(tmp_path):
    """Change the packaged policy's text and return what the refusal says."""

    def refuse(old, new, *, count=1):
        assert old in PACKAGED
        file = tmp_path / "policy.toml"
        file.write_text(PACKAGED.replace(old, new, count), encoding="utf-8")
        with pytest.raises(PolicyError) as caught:
            load_policy(file)
        message = str(caught.value)
        assert str(file) in message
        return message

    return refuse


def test_the_packaged_policy_is_accepted_and_gives_auditors_two_columns_and_one_group():
    policy = load_policy()
    assert policy.auditor.group == "regulatory_auditors"
    assert policy.views[policy.auditor.view].columns == ("symbol", "predicted_return")


def test_a_share_opens_history_only_where_the_policy_says_so(tmp_path):
    file = tmp_path / "policy.toml"
    file.write_text(PACKAGED.replace("history = true\n", ""), encoding="utf-8")
    assert load_policy().shares["stocks_predictions"].history
    assert not load_policy(file).shares["stocks_predictions"].history


def test_masks_and_the_row_filter_are_off_unless_asked_for():
    policy = load_policy()
    assert not policy.desks.enabled
    assert not any(mask.enabled for mask in policy.masks.values())


def test_the_same_policy_serves_another_catalog():
    assert load_policy(catalog="stocks_ai_dev").catalog == "stocks_ai_dev"


@pytest.mark.parametrize(
    ("old", "new", "place", "hint"),
    [
        (
            'on = "table agents.predictions"',
            'on = "table agents.prediction"',
            "grants[6]",
            "agents",
        ),
        ('tables = ["meta.synth', 'tables = ["meta.zynth', "shares.stocks_predictions", "meta.syn"),
        ('"market.*" = {', '"markets.*" = {', "tags.tables", "market.*"),
        (
            'predictions.reasoning_chain"',
            'predictions.reasoning"',
            "tags.columns",
            "reasoning_chain",
        ),
        ('["symbol", "predicted_return"]', '["symbols"]', "views.audit", "`symbol`"),
        ('["technical", "risk"', '["technicals", "risk"', "desks.stocks_ai", "`technical`"),
        ('["USE CATALOG", "BROWSE"]', '["USE CATALOGUE"]', "grants[1]", "USE CATALOG"),
        ('visible_to = ["stocks_ai_eng', 'visible_to = ["stocks_eng', "masks.reasons", "stocks_ai"),
        ('recipients = ["research_p', 'recipients = ["research_q', "shares", "research_partner"),
        ('[views."audit.', '[views."audits.', "schemas", "[schemas.audits]"),
        ('schema = "agents"', 'schema = "model"', "schemas", "[schemas.model]"),
    ],
)
def test_an_unknown_name_is_refused_with_its_place_and_the_name_it_may_mean(
    refused, old, new, place, hint
):
    message = refused(old, new)
    assert place in message
    assert hint in message


def test_every_finding_is_told_at_once(tmp_path):
    file = tmp_path / "policy.toml"
    broken = PACKAGED.replace("agents.predictions", "agents.nothing").replace('"risk"', '"risky"')
    file.write_text(broken, encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        load_policy(file)
    assert "no table `agents.nothing`" in str(caught.value)
    assert "no agent `risky`" in str(caught.value)


def test_auditors_get_no_grant_beside_their_view(refused):
    message = refused(
        'principal = "stocks_ai_analysts"\non = "schema meta"',
        'principal = "regulatory_auditors"\non = "schema meta"',
    )
    assert "audit.synthesized_predictions and nothing else" in message


@pytest.mark.parametrize(
    ("on", "privileges"),
    [
        ("catalog", ["SELECT"]),
        ("catalog", ["all privileges"]),
        ("schema meta", ["USE SCHEMA", "SELECT"]),
        ("table meta.synthesized_predictions", ["SELECT"]),
        ("table market.*", ["SELECT"]),
        ("view meta.recent_predictions", ["SELECT"]),
        ("volume ops.staging", ["READ VOLUME"]),
        ("view audit.synthesized_predictions", ["MANAGE"]),
    ],
)
def test_a_grant_to_everybody_reaches_the_auditors_and_is_refused(tmp_path, on, privileges):
    file = tmp_path / "policy.toml"

    def load(group, target=on, given=privileges):
        grant = f'\n[[grants]]\nprincipal = "{group}"\non = "{target}"\nprivileges = {given}\n'
        file.write_text(PACKAGED + grant, encoding="utf-8")
        return load_policy(file)

    assert load("stocks_ai_analysts")
    for everybody in ("account users", "Account Users"):
        with pytest.raises(PolicyError, match=f"`{everybody}` has the auditors in it"):
            load(everybody)
    assert load("account users", "catalog", ["USE CATALOG", "BROWSE"])
    assert load("account users", "view audit.synthesized_predictions", ["SELECT"])


@pytest.mark.parametrize("group", ["regulatory_auditors", "account users"])
@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('# owner = "stocks_ai_engineers"', 'owner = "GROUP"', "owner"),
        ("meta = { comment", 'meta = { owner = "GROUP", comment', "schemas.meta.owner"),
        ("elsewhere = []", 'elsewhere = ["GROUP"]', "principals.elsewhere"),
    ],
)
def test_auditors_own_nothing_and_their_grants_are_always_drift(refused, group, old, new, place):
    assert f"{place}: `{group}` has the auditors" in refused(old, new.replace("GROUP", group))


def test_the_auditors_view_lies_in_a_schema_without_tables(refused):
    message = refused('view = "audit.synthesized_predictions"', 'view = "meta.recent_predictions"')
    assert "schema `meta` also holds tables" in message


def test_a_shared_table_cannot_be_masked(refused):
    message = refused("enabled = false", "enabled = true")
    assert "meta.synthesized_predictions is in share stocks_predictions" in message


def test_a_masked_column_cannot_be_shared_through_a_view(tmp_path):
    view = """
[views."meta.why"]
comment = "Why."
table = "meta.synthesized_predictions"
columns = ["symbol", "investment_hypothesis"]
"""
    shared = PACKAGED.replace(
        'tables = ["meta.synthesized_predictions"]\nhistory', 'views = ["meta.why"]\nhistory'
    )
    file = tmp_path / "policy.toml"
    file.write_text(shared + view, encoding="utf-8")
    assert load_policy(file).shares
    file.write_text(shared.replace("enabled = false", "enabled = true", 1) + view, encoding="utf-8")
    with pytest.raises(PolicyError, match=r"view meta\.why in share stocks_predictions shows meta"):
        load_policy(file)


def test_columns_of_one_mask_have_one_type(refused):
    message = refused(
        'columns = ["meta.synthesized_predictions.investment_hypothesis"]',
        'columns = ["meta.synthesized_predictions.symbol", "meta.synthesized_predictions.score"]',
    )
    assert "double, string" in message


def test_an_unknown_key_and_a_bad_name_are_refused(refused):
    assert "catalogs" in refused('catalog = "stocks_ai"', 'catalogs = "x"\ncatalog = "stocks_ai"')
    assert "catalog" in refused('catalog = "stocks_ai"', 'catalog = "stocks ai; DROP"')


def test_a_principal_cannot_break_out_of_its_quotes(refused):
    assert "principals" in refused('"regulatory_auditors"]', '"auditors` TO `all"]')


def test_a_file_that_is_missing_or_no_toml_is_named(tmp_path):
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("catalog = ", encoding="utf-8")
    with pytest.raises(PolicyError, match="not valid TOML"):
        load_policy(broken)


def test_the_packaged_policy_is_plain_toml():
    assert tomllib.loads(PACKAGED)["catalog"] == "stocks_ai"
