"""Names of principals as the policy spells them: Databricks does not tell their cases apart.

What is read is spelled so before it is compared: comparison is exact.
"""

from collections.abc import Mapping
from dataclasses import replace

from stocks_ai_assets.governance.policy import Policy
from stocks_ai_assets.governance.privileges import EVERYBODY
from stocks_ai_assets.governance.securables import Securable


def spellings(policy: Policy) -> dict[str, str]:
    """Return the names of the policy by what they have in common with other spellings."""
    people = policy.principals
    return {name.casefold(): name for name in (*EVERYBODY, *people.elsewhere, *people.names)}


def spelled(thing: Securable, names: Mapping[str, str]) -> Securable:
    """Return a securable with owner and grants by the names of the policy."""
    grants: dict[str, frozenset[str]] = {}
    for principal, privileges in thing.grants.items():
        name = names.get(principal.casefold(), principal)
        grants[name] = grants.get(name, frozenset()) | privileges
    owner = thing.owner and names.get(thing.owner.casefold(), thing.owner)
    return replace(thing, owner=owner, grants=grants)
