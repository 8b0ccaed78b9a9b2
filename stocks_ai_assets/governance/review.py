"""What a policy names must exist: tables, columns, agents, privileges, principals. No calls."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from stocks_ai_assets.domain.agents.registry import AGENTS
from stocks_ai_assets.governance.contracts import columns_of
from stocks_ai_assets.governance.policy import Policy
from stocks_ai_assets.governance.privileges import (
    EVERYBODY,
    GRANTABLE,
    HARMLESS,
    canonical,
    same_group,
    spaced,
)
from stocks_ai_assets.tables import TABLES


def findings(policy: Policy) -> list[str]:
    """Return what is wrong with a policy: each line names the place, the finding, the remedy."""
    return [
        *_schemas(policy),
        *_principals(policy),
        *_grants(policy),
        *_tags(policy),
        *_views(policy),
        *_auditor(policy),
        *_masks(policy),
        *_desks(policy),
        *_shares(policy),
    ]


def _schemas(policy: Policy) -> Iterator[str]:
    needed = {
        **{name.split(".")[0]: f"table {name}" for name in TABLES},
        **{name.split(".")[0]: f"volume {name}" for name in policy.volumes},
        **{name.split(".")[0]: f"view {name}" for name in policy.views},
    }
    if policy.models:
        needed[policy.models.schema_name] = "the registered models"
    if any(mask.enabled for mask in policy.masks.values()) or _filtered(policy):
        needed[policy.function_schema] = "masks and row filters"
    for schema, reason in needed.items():
        if schema not in policy.schemas:
            yield f"schemas: no `{schema}`, which {reason} needs. Add [schemas.{schema}]."


def _principals(policy: Policy) -> Iterator[str]:
    known = {*policy.principals.names, *EVERYBODY}
    named: list[tuple[str, str | None]] = [("owner", policy.owner)]
    named += [(f"schemas.{name}.owner", schema.owner) for name, schema in policy.schemas.items()]
    named += [(f"grants[{place}]", each.principal) for place, each in enumerate(policy.grants)]
    if policy.auditor:
        named.append(("auditor.group", policy.auditor.group))
    for place, name in named:
        if name is not None and name not in known:
            yield _unknown(place, "principal", name, known, "add it to [principals]")
    yield from _members(policy)


def _members(policy: Policy) -> Iterator[str]:
    """Masks and row filters ask for the reader's groups: users would never match."""
    known = {*policy.principals.groups, *EVERYBODY}
    named = [
        (f"masks.{name}", group) for name, mask in policy.masks.items() for group in mask.visible_to
    ]
    if policy.desks:
        named += [("desks", group) for group in (*policy.desks.desks, *policy.desks.unrestricted)]
    for place, name in named:
        if name not in known:
            yield _unknown(place, "group", name, known, "add it to groups of [principals]")


def _grants(policy: Policy) -> Iterator[str]:
    for place, grant in enumerate(policy.grants):
        kind, _, name = grant.on.partition(" ")
        at = f"grants[{place}]"
        for privilege in grant.privileges:
            allowed = {spaced(each) for each in GRANTABLE[kind]}  # type: ignore[index]
            if canonical(privilege) not in GRANTABLE[kind]:  # type: ignore[index]
                yield _unknown(at, f"privilege of a {kind}", privilege, allowed, "correct it")
        known: Iterable[str] = {
            "catalog": (),
            "schema": policy.schemas,
            "table": (*TABLES, *{f"{name.split('.')[0]}.*" for name in TABLES}),
            "view": policy.views,
            "volume": policy.volumes,
            "model": model_names(policy),
        }[kind]
        if kind != "catalog" and name not in known:
            yield _unknown(at, kind, name, known, "correct it")


def model_names(policy: Policy) -> tuple[str, ...]:
    """Registered models as `schema.model`: the agents, their volatility model, the supervisor."""
    if policy.models is None:
        return ()
    names = (*(agent.name for agent in AGENTS), "volatility", "supervisor")
    return tuple(f"{policy.models.schema_name}.{name}" for name in names)


def _tags(policy: Policy) -> Iterator[str]:
    known = (*TABLES, *{f"{name.split('.')[0]}.*" for name in TABLES})
    for name in policy.tags.tables:
        if name not in known:
            yield _unknown("tags.tables", "table", name, known, "correct it")
    for name in policy.tags.columns:
        yield from _column("tags.columns", name)


def _column(place: str, name: str) -> Iterator[str]:
    table, _, column = name.rpartition(".")
    if table not in TABLES:
        yield _unknown(place, "table", table, TABLES, "write columns as schema.table.column")
    elif column not in (known := [each.name for each in columns_of(table)]):
        yield _unknown(place, f"column of {table}", column, known, "correct it")


def _views(policy: Policy) -> Iterator[str]:
    for name, view in policy.views.items():
        if name in TABLES:
            yield f"views.{name}: a table has this name. Choose another."
        for column in view.columns:
            yield from _column(f"views.{name}", f"{view.table}.{column}")


def _auditor(policy: Policy) -> Iterator[str]:
    auditor = policy.auditor
    if auditor is None:
        return
    if auditor.view not in policy.views:
        yield _unknown("auditor.view", "view", auditor.view, policy.views, "add it to [views]")
    schema = auditor.view.split(".")[0]
    if any(name.split(".")[0] == schema for name in (*TABLES, *policy.volumes)):
        yield (
            f"auditor.view: schema `{schema}` also holds tables or volumes. Give the view a schema "
            "of its own."
        )
    for place, grant in enumerate(policy.grants):
        if same_group(grant.principal, {auditor.group}):
            yield (
                f"grants[{place}]: {auditor.group} are the auditors, who see {auditor.view} and "
                "nothing else; that grant follows from [auditor]. Remove this one."
            )
    yield from _reaching(policy, {auditor.group, *EVERYBODY})


def _reaching(policy: Policy, groups: set[str]) -> Iterator[str]:
    """Find other ways by which the auditors, or everybody and so they, would see more."""
    auditor = policy.auditor
    seen = auditor.view if auditor else ""
    for place, grant in enumerate(policy.grants):
        opened = sorted({*map(canonical, grant.privileges)} - HARMLESS)
        theirs = grant.on == f"view {seen}" and opened == ["SELECT"]
        if same_group(grant.principal, EVERYBODY) and opened and not theirs:
            yield (
                f"grants[{place}]: `{grant.principal}` has the auditors in it, who see {seen} and "
                f"nothing else; found {', '.join(map(spaced, opened))} on {grant.on}. Grant it to "
                "a group without them."
            )
    owners = {"owner": policy.owner}
    owners |= {f"schemas.{name}.owner": each.owner for name, each in policy.schemas.items()}
    for at, owner in owners.items():
        if owner and same_group(owner, groups):
            yield (
                f"{at}: `{owner}` has the auditors in it, and owners see everything. Name another."
            )
    for each in policy.principals.elsewhere:
        if same_group(each, groups):
            yield (
                f"principals.elsewhere: `{each}` has the auditors in it, and grants to it would "
                "be no drift. Remove it."
            )


def _masks(policy: Policy) -> Iterator[str]:
    for name, mask in policy.masks.items():
        place, wrong = f"masks.{name}", False
        for column in mask.columns:
            for line in _column(place, column):
                wrong = True
                yield line
        if wrong:
            continue
        kinds = {_type(column) for column in mask.columns}
        if len(kinds) > 1:
            yield (
                f"{place}: columns of one mask have one type, found {', '.join(sorted(kinds))}. "
                "Make a mask of each type."
            )
        if mask.enabled:
            yield from _not_shared(policy, place, {c.rpartition(".")[0] for c in mask.columns})
            yield from _not_viewed(policy, place, set(mask.columns))


def _type(name: str) -> str:
    table, _, column = name.rpartition(".")
    return next(each.type_text for each in columns_of(table) if each.name == column)


def _filtered(policy: Policy) -> bool:
    return policy.desks is not None and policy.desks.enabled


def _desks(policy: Policy) -> Iterator[str]:
    desks = policy.desks
    if desks is None:
        return
    yield from _column("desks", f"{desks.table}.{desks.column}")
    agents = [agent.name for agent in AGENTS]
    for desk, names in desks.desks.items():
        for name in names:
            if name not in agents:
                yield _unknown(f"desks.{desk}", "agent", name, agents, "correct it")
    if desks.enabled:
        yield from _not_shared(policy, "desks", {desks.table})
        every = {f"{desks.table}.{column}" for column in TABLES[desks.table].columns}
        yield from _not_viewed(policy, "desks", every)


def _not_shared(policy: Policy, place: str, tables: set[str]) -> Iterator[str]:
    for name, share in policy.shares.items():
        for table in sorted(tables & set(share.tables)):
            yield (
                f"{place}: {table} is in share {name}, and Delta Sharing refuses tables with masks "
                "or row filters. Share a view instead, or disable it."
            )


def _not_viewed(policy: Policy, place: str, columns: set[str]) -> Iterator[str]:
    """Find shared views of masked or filtered columns: recipients are in no group of ours."""
    for name, share in policy.shares.items():
        for view in sorted(set(share.views) & policy.views.keys()):
            each = policy.views[view]
            seen = columns & {f"{each.table}.{column}" for column in each.columns}
            if seen:
                yield (
                    f"{place}: view {view} in share {name} shows {', '.join(sorted(seen))} without "
                    "the mask or row filter. Take it out of the share, or disable it."
                )


def _shares(policy: Policy) -> Iterator[str]:
    for name, share in policy.shares.items():
        place = f"shares.{name}"
        for table in share.tables:
            if table not in TABLES:
                yield _unknown(place, "table", table, TABLES, "correct it")
        for view in share.views:
            if view not in policy.views:
                yield _unknown(place, "view", view, policy.views, "add it to [views]")
        for recipient in share.recipients:
            if recipient not in policy.recipients:
                yield _unknown(
                    place, "recipient", recipient, policy.recipients, "add it to [recipients]"
                )
    for name, each in policy.recipients.items():
        if (each.authentication == "DATABRICKS") != bool(each.metastore):
            yield (
                f"recipients.{name}: `metastore` is for authentication DATABRICKS, found "
                f"{each.authentication}. Give both or neither."
            )


def _unknown(place: str, kind: str, name: str, known: Iterable[str], remedy: str) -> str:
    near = get_close_matches(name, sorted(known), 1)
    hint = f"did you mean `{near[0]}`? Or {remedy}" if near else remedy[0].upper() + remedy[1:]
    return f"{place}: no {kind} `{name}`. {hint[0].upper() + hint[1:]}."
