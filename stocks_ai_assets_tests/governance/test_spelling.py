"""Principals that a server spells in another case are those of the policy."""

from stocks_ai_assets.governance.policy import load_policy
from stocks_ai_assets.governance.securables import Securable
from stocks_ai_assets.governance.spelling import spelled, spellings

READ, WRITE = frozenset({"SELECT"}), frozenset({"MODIFY"})


def names(**people):
    policy = load_policy()
    principals = policy.principals.model_copy(update=people)
    return spellings(policy.model_copy(update={"principals": principals}))


def test_owner_and_grants_are_spelled_as_in_the_policy_and_others_as_they_are():
    known = names(groups=("Analysts",), users=("ann@x.org",), elsewhere=("Runner",))
    grants = {
        "ANALYSTS": READ,
        "analysts": WRITE,
        "runner": READ,
        "Account Users": READ,
        "Eve": READ,
    }
    found = spelled(Securable(kind="schema", name="c.s", owner="Ann@X.org", grants=grants), known)
    assert found.owner == "ann@x.org"
    assert found.grants == {
        "Analysts": READ | WRITE,
        "Runner": READ,
        "account users": READ,
        "Eve": READ,
    }


def test_an_owner_that_nobody_told_stays_unknown():
    assert spelled(Securable(kind="schema", name="c.s"), names()).owner is None
