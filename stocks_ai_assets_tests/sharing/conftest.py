"""A small lake with a history, shared as a policy would share it, and a clock that stands still."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import polars as pl
import pytest

from stocks_ai_assets.lake import Lake
from stocks_ai_assets.sharing.recipients import Recipients
from stocks_ai_assets.sharing.service import SharingService
from stocks_ai_assets.sharing.shares import Share, SharedTable, Shares
from stocks_ai_assets_tests.lake.conftest import SESSIONS, predictions, stamps, synthesized, trials

NOW = datetime(2030, 1, 1, tzinfo=UTC)
BASE = "https://share.test/delta-sharing"
SYNTHESIZED, PREDICTIONS = "meta.synthesized_predictions", "agents.predictions"
DAYS = SESSIONS[:20]
VIEW = ("symbol", "predicted_return")


def fill(lake: Lake) -> None:
    """Two tables with a correction each, the first by MERGE, and one without partitions."""
    first = synthesized(DAYS)
    corrected = first.with_columns(
        predicted_alpha=pl.when(pl.col("prediction_date") == DAYS[3]).then(0.05).otherwise(0.01)
    )
    span = {"first": DAYS[0], "last": DAYS[-1]}
    lake.write(SYNTHESIZED, first, **span, slice=None, stamps=stamps(1))
    lake.write(SYNTHESIZED, corrected, **span, slice=None, stamps=stamps(2))
    for agent in ("risk", "esg"):
        lake.write(PREDICTIONS, predictions(DAYS, agent), **span, slice=agent, stamps=stamps(1))
    lake.write(
        PREDICTIONS,
        predictions(DAYS[5:8], "risk").with_columns(score=pl.lit(0.25)),
        first=DAYS[5],
        last=DAYS[7],
        slice="risk",
        stamps=stamps(3),
    )
    lake.write(
        "evaluation.trials", trials("a", "b"), first=None, last=None, slice=None, stamps=stamps(1)
    )


def shared(table, **changes):
    """A shared table under its own name, or under another."""
    schema, name = changes.pop("path", table).split(".")
    return SharedTable(schema=schema, name=name, table=table, **changes)


SHARES = Shares(
    [
        Share(
            name="Predictions",
            recipients=frozenset({"fund", "partner"}),
            tables=(
                shared(SYNTHESIZED, history=True),
                shared(SYNTHESIZED, path="meta.audit", columns=VIEW, history=True),
                shared(PREDICTIONS),
                shared(PREDICTIONS, path="agents.slim", columns=("symbol", "agent")),
                shared("signals.esg"),
            ),
        ),
        Share(
            name="internal",
            recipients=frozenset({"desk"}),
            tables=(shared("evaluation.trials"), shared(PREDICTIONS, history=True)),
        ),
    ]
)


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("shared") / "lake")
    fill(lake)
    return lake


@pytest.fixture
def sharing(lake, tmp_path) -> SimpleNamespace:
    """The service, the tokens of `fund` and `desk`, and short forms of what clients do."""
    folder = tmp_path / "sharing"
    recipients = Recipients(folder)
    current = SimpleNamespace(shares=SHARES)
    service = SharingService(
        lake,
        lambda: current.shares,
        recipients,
        folder,
        link_lifetime=timedelta(hours=1),
        cache_bytes=2**30,
    )
    tokens, records = {}, {}
    for recipient in ("fund", "desk"):
        tokens[recipient], records[recipient] = recipients.issue(
            recipient, now=NOW, lifetime=timedelta(days=30)
        )

    def find(path, recipient="fund", share="predictions"):
        token = service.directory.authenticate(f"Bearer {tokens[recipient]}", NOW)
        return service.directory.find(token, share, *path.split("."), BASE)

    def query(path, body=None, form="parquet", **who):
        return lines(service.query(find(path, **who), body or {}, form, NOW))

    return SimpleNamespace(
        lake=lake,
        folder=folder,
        service=service,
        recipients=recipients,
        tokens=tokens,
        records=records,
        current=current,
        find=find,
        query=query,
    )


def lines(answer):
    """Objects of an answer, one a line."""
    return [json.loads(line) for line in answer.body.splitlines()]


def parts(url):
    """Text and signature of a file URL, as the server receives them."""
    path, query = url.split("?")
    signature = query.split("sig=")[1]
    return path.rsplit("/", 1)[1].removesuffix(".parquet"), signature
