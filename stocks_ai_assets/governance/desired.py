"""What a catalog should hold: the policy joined with the contracts. No server is asked."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from stocks_ai_assets.governance.contracts import columns_of, properties_of, unit_of
from stocks_ai_assets.governance.policy import Policy, ViewPolicy
from stocks_ai_assets.governance.privileges import Kind, canonical
from stocks_ai_assets.governance.review import model_names
from stocks_ai_assets.governance.securables import Column, RowFilter, Securable, Shared, State
from stocks_ai_assets.governance.statements import identifier, literal
from stocks_ai_assets.tables import TABLES


def desired_state(policy: Policy, storage_root: str) -> State:
    """Return every securable of the policy, parents before children.

    Parameters
    ----------
    policy
        Checked policy.
    storage_root
        URL or folder of the lake, used where the policy names none.
    """
    root = (policy.storage_root or storage_root).rstrip("/")
    found = [
        Securable(
            kind="catalog",
            name=policy.catalog,
            comment=policy.comment,
            owner=policy.owner,
            location=policy.managed_location,
        ),
        *_schemas(policy),
        *_volumes(policy),
        *_models(policy),
        *_functions(policy),
        *(_table(policy, name, root) for name in TABLES),
        *(_view(policy, name, view) for name, view in policy.views.items()),
        *_recipients(policy),
        *_shares(policy),
    ]
    return {each.key: _granted(policy, each) for each in found}


def _schemas(policy: Policy) -> Iterator[Securable]:
    for name, schema in policy.schemas.items():
        yield Securable(
            kind="schema",
            name=f"{policy.catalog}.{name}",
            comment=schema.comment,
            owner=schema.owner,
        )


def _volumes(policy: Policy) -> Iterator[Securable]:
    for name, volume in policy.volumes.items():
        yield Securable(
            kind="volume",
            name=f"{policy.catalog}.{name}",
            comment=volume.comment,
            location=volume.location,
            managed=volume.location is None,
        )


def _models(policy: Policy) -> Iterator[Securable]:
    for name in model_names(policy):
        yield Securable(
            kind="model",
            name=f"{policy.catalog}.{name}",
            comment=f"Quarterly models of {name.split('.')[1]}.",
            managed=True,
        )


def mask_function(policy: Policy, mask: str) -> str:
    """Full name of the function of a mask."""
    return f"{policy.catalog}.{policy.function_schema}.mask_{mask}"


def desk_function(policy: Policy) -> str:
    """Full name of the function of the row filter."""
    return f"{policy.catalog}.{policy.function_schema}.agents_of_desk"


def _functions(policy: Policy) -> Iterator[Securable]:
    for name, mask in policy.masks.items():
        if not mask.enabled:
            continue
        table, _, column = mask.columns[0].rpartition(".")
        kind = next(each.type_text for each in columns_of(table) if each.name == column)
        yield Securable(
            kind="function",
            name=mask_function(policy, name),
            comment=f"Null except to {', '.join(mask.visible_to)}.",
            signature=f"(value {kind}) RETURNS {kind}",
            definition=f"CASE WHEN {_member(mask.visible_to)} THEN value ELSE NULL END",
        )
    if policy.desks and policy.desks.enabled:
        desks = policy.desks
        rules = [_member([group]) for group in desks.unrestricted]
        rules += [
            f"({_member([group])} AND agent IN ({', '.join(map(literal, agents))}))"
            for group, agents in desks.desks.items()
            if agents
        ]
        yield Securable(
            kind="function",
            name=desk_function(policy),
            comment="Whether a row of an agent is shown to the reader's desk.",
            signature="(agent string) RETURNS boolean",
            definition=" OR ".join(rules) or "FALSE",
        )


def _member(groups: Iterable[str]) -> str:
    return " OR ".join(f"is_account_group_member({literal(group)})" for group in groups)


def _table(policy: Policy, name: str, root: str) -> Securable:
    masks = {
        column: mask_function(policy, mask)
        for mask, each in policy.masks.items()
        if each.enabled
        for column in each.columns
    }
    desks = policy.desks
    filtered = desks is not None and desks.enabled and desks.table == name
    return Securable(
        kind="table",
        name=f"{policy.catalog}.{name}",
        comment=TABLES[name].description,
        location=f"{root}/{name.replace('.', '/')}",
        columns=tuple(_column(policy, name, each, masks) for each in columns_of(name)),
        properties=properties_of(name),
        tags=_table_tags(policy, name),
        row_filter=RowFilter(function=desk_function(policy), columns=(desks.column,))
        if desks is not None and filtered
        else None,
    )


def _table_tags(policy: Policy, name: str) -> dict[str, str]:
    tags = policy.tags.tables
    schema, _, _ = name.partition(".")
    return {**tags.get(f"{schema}.*", {}), **tags.get(name, {})}


def _column(policy: Policy, table: str, column: Column, masks: dict[str, str]) -> Column:
    full, unit = f"{table}.{column.name}", unit_of(table, column.name)
    tags = {policy.tags.unit: unit} if policy.tags.unit and unit else {}
    return Column(
        name=column.name,
        type_text=column.type_text,
        type_name=column.type_name,
        type_json=column.type_json,
        nullable=column.nullable,
        comment=column.comment,
        partition=column.partition,
        tags={**tags, **policy.tags.columns.get(full, {})},
        mask=masks.get(full),
    )


def _view(policy: Policy, name: str, view: ViewPolicy) -> Securable:
    table = f"{policy.catalog}.{view.table}"
    columns = ", ".join(map(identifier, view.columns))
    query = f"SELECT {columns} FROM {table}"  # noqa: S608  # names of contracts
    if view.condition:
        query += f" WHERE {view.condition.replace('{table}', table)}"
    known = {each.name: each for each in columns_of(view.table)}
    return Securable(
        kind="view",
        name=f"{policy.catalog}.{name}",
        comment=view.comment,
        columns=tuple(
            Column(name=each.name, type_text=each.type_text, comment=each.comment)
            for each in (known[name] for name in view.columns)
        ),
        definition=query,
    )


def _recipients(policy: Policy) -> Iterator[Securable]:
    for name, each in policy.recipients.items():
        yield Securable(
            kind="recipient",
            name=name,
            comment=each.comment,
            authentication=each.authentication,
            metastore=each.metastore,
        )


def _shares(policy: Policy) -> Iterator[Securable]:
    for name, share in policy.shares.items():
        named = [("table", table, share.history) for table in share.tables]
        named += [("view", view, False) for view in share.views]
        yield Securable(
            kind="share",
            name=name,
            comment=share.comment,
            shared=tuple(
                Shared(kind=kind, name=f"{policy.catalog}.{each}", history=history, alias=each)
                for kind, each, history in named
            ),
            grants={recipient: frozenset({"SELECT"}) for recipient in share.recipients},
        )


def _granted(policy: Policy, securable: Securable) -> Securable:
    found: dict[str, set[str]] = {}
    for grant in policy.grants:
        if securable.key in _targets(policy, grant.on):
            found.setdefault(grant.principal, set()).update(map(canonical, grant.privileges))
    for privilege, key in _auditor_grants(policy):
        if key == securable.key and policy.auditor:
            found.setdefault(policy.auditor.group, set()).add(privilege)
    if not found:
        return securable
    return replace(securable, grants={name: frozenset(each) for name, each in found.items()})


def _targets(policy: Policy, on: str) -> set[tuple[Kind, str]]:
    kind, _, name = on.partition(" ")
    if kind == "catalog":
        return {("catalog", policy.catalog)}
    if name.endswith(".*"):
        inside = [each for each in TABLES if each.startswith(name[:-1])]
        return {("table", f"{policy.catalog}.{each}") for each in inside}
    return {(kind, f"{policy.catalog}.{name}")}  # type: ignore[arg-type]  # checked by the policy


def _auditor_grants(policy: Policy) -> tuple[tuple[str, tuple[Kind, str]], ...]:
    if policy.auditor is None:
        return ()
    schema = policy.auditor.view.split(".")[0]
    return (
        ("USE_CATALOG", ("catalog", policy.catalog)),
        ("USE_SCHEMA", ("schema", f"{policy.catalog}.{schema}")),
        ("SELECT", ("view", f"{policy.catalog}.{policy.auditor.view}")),
    )
