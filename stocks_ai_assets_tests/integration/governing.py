"""A governed server for tests: a local workspace, a lake of real Delta tables, people."""

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from stocks_ai_assets.governance.applying import apply_plan
from stocks_ai_assets.governance.governing import plan_for
from stocks_ai_assets.governance.policy import Policy, load_policy
from stocks_ai_assets.governance.server import open_server

GROUPS = ("stocks_ai_engineers", "stocks_ai_analysts", "regulatory_auditors")
TABLES = ("agents.predictions", "meta.synthesized_predictions")
"""Tables that exist in the lake; the others are registered before their first write."""


@dataclass
class Governed:
    """A running server with the people of a policy, and the tokens of one member per group."""

    running: object
    lake: Path
    tokens: dict[str, str]

    @property
    def location(self):
        return self.lake.as_uri()

    def server(self, token=None):
        return open_server(self.running.client(token))

    def plan(self, policy=None, *, prune=False, server=None):
        return plan_for(
            policy or load_policy(), server or self.server(), self.location, prune=prune
        )

    def apply(self, policy=None, *, prune=False):
        server = self.server()
        return apply_plan(self.plan(policy, prune=prune, server=server), server)

    def rows(self, group, statement):
        return self.server(self.tokens[group]).query(statement)


@contextmanager
def governed(folder: Path, *, dialect: str = "databricks", authorization: bool = True):
    """Start a server; nothing is governed yet."""
    from stocks_ai_assets_tests.workspace.server import start

    lake = folder / "lake"
    fill(lake)
    with start(folder / "workspace", dialect=dialect, authorization=authorization) as running:
        tokens = {}
        for group in GROUPS:
            groups = () if dialect == "oss" else (group,)
            tokens[group] = running.workspace.add_user(f"{group}@example.com", groups=groups)
        if dialect == "databricks":
            _external_location(running, lake)
        yield Governed(running, lake, tokens)


def _external_location(running, lake):
    client = running.client()
    role = {"role_arn": "arn:aws:iam::1:role/lake"}
    body = {"name": "lake", "aws_iam_role": role}
    client.api_client.do("POST", "/api/2.1/unity-catalog/storage-credentials", body=body)
    client.external_locations.create("lake", url=lake.as_uri(), credential_name="lake")


def fill(lake: Path) -> None:
    """Write two predictions of each kind."""
    import pyarrow as pa
    from deltalake import DeltaTable, write_deltalake

    from stocks_ai_assets.lake.layout import PROPERTIES, delta_schema, partition_columns
    from stocks_ai_assets.tables import TABLES as CONTRACTS

    for name in TABLES:
        place = lake.joinpath(*name.split("."))
        place.mkdir(parents=True)
        table = DeltaTable.create(
            place,
            schema=delta_schema(name),
            partition_by=partition_columns(CONTRACTS[name]),
            configuration=PROPERTIES,
        )
        schema = pa.schema(delta_schema(name).to_arrow())
        rows = [_row(schema, symbol) for symbol in ("AAA", "BBB")]
        write_deltalake(table, pa.Table.from_pylist(rows, schema=schema), mode="append")


def _row(schema, symbol):
    import pyarrow as pa

    known = {"symbol": symbol, "agent": "risk" if symbol == "AAA" else "macro", "_year": 2024}
    kinds = (
        (pa.types.is_date, date(2024, 1, 2)),
        (pa.types.is_timestamp, datetime(2024, 1, 2, 21, tzinfo=UTC)),
        (pa.types.is_floating, 0.25),
        (pa.types.is_integer, 21),
        (pa.types.is_nested, []),
        (lambda _: True, "text"),
    )

    def value(field):
        return next(default for of, default in kinds if of(field.type))

    return {field.name: known.get(field.name, value(field)) for field in schema}


def brief(**changed) -> Policy:
    """The packaged policy without the 250 tags of units: quicker to apply from nothing."""
    policy = load_policy()
    tags = policy.tags.model_copy(update={"unit": None})
    return policy.model_copy(update={"tags": tags, **changed})


def users_only(policy: Policy | None = None) -> Policy:
    """The policy for a server without groups: members instead of their groups."""
    found = policy or load_policy()

    def person(name):
        return f"{name}@example.com"

    grants = tuple(
        each.model_copy(update={"principal": person(each.principal)}) for each in found.grants
    )
    people = found.principals.model_copy(
        update={"groups": (), "users": tuple(person(each) for each in GROUPS)}
    )
    auditor = found.auditor.model_copy(update={"group": person(found.auditor.group)})
    return found.model_copy(update={"principals": people, "grants": grants, "auditor": auditor})
