"""Assets of a user load ours by name, for the partitions that Dagster maps to theirs."""

from datetime import date

import dagster as dg
import polars as pl
import pytest

from stocks_ai_assets.assets.io_manager import LakeIOManager, Rows
from stocks_ai_assets.deployment import open_deployment
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.partitions import (
    PARTITION,
    RANGE_END,
    RANGE_START,
    quarters_definition,
    sessions_definition,
)
from stocks_ai_assets.settings import Settings
from stocks_ai_assets_tests.conftest import FIRST, LAST

RISK = "agents/predictions/risk"


def take(deployed, upstream, partitions, mapping=None, **tags):
    """Rows that an asset of a user gets when it is run for `tags`."""
    taken = []

    @dg.asset(
        ins={
            "rows": dg.AssetIn(
                key=upstream.split("/"), partition_mapping=mapping, dagster_type=pl.DataFrame
            )
        },
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run() if partitions else None,
    )
    def mine(rows: pl.DataFrame) -> None:
        taken.append(rows)

    opened = open_deployment(deployed)
    result = dg.materialize(
        [*opened.registry.assets, mine],
        selection=[mine],
        tags=tags,
        resources={
            "io_manager": LakeIOManager(opened.lake, opened.registry.nodes),
            "lake": opened.lake,
            "source": None,
            "engine": opened.engine,
            "step_launcher": None,
        },
        raise_on_error=False,
    )
    if not result.success:
        (event,) = result.get_step_failure_events()
        raise AssertionError(event.step_failure_data.error.message)
    return taken[0]


def test_an_asset_for_one_session_gets_that_session(deployed):
    day = date(2021, 3, 31)
    rows = take(
        deployed, "market/prices", sessions_definition(FIRST), **{PARTITION: day.isoformat()}
    )
    assert rows.equals(Lake(deployed.lake).read("market.prices", day, day))
    assert rows.get_column("known_on").unique().to_list() == [day]


def test_an_asset_for_a_range_gets_the_range_of_one_agent(deployed):
    first, last = date(2021, 3, 30), date(2021, 4, 5)
    rows = take(
        deployed,
        RISK,
        sessions_definition(FIRST),
        **{RANGE_START: first.isoformat(), RANGE_END: last.isoformat()},
    )
    stored = Lake(deployed.lake).read("agents.predictions", first, last, slices=["risk"])
    assert rows.equals(stored)
    assert rows.get_column("prediction_date").n_unique() == 4
    assert rows.get_column("agent").unique().to_list() == ["risk"]


def test_an_asset_by_quarter_gets_the_model_of_its_quarter(deployed):
    rows = take(
        deployed,
        "agents/models/risk",
        quarters_definition(FIRST),
        **{PARTITION: "2021-04-01"},
    )
    assert rows.select("model", "quarter").rows() == [("risk", date(2021, 4, 1))]


def test_an_asset_without_partitions_gets_all_that_is_there(deployed):
    # Dagster maps it to every partition until today.
    rows = take(deployed, "portfolio/risk", None)
    assert rows.equals(Lake(deployed.lake).read("portfolio.risk", FIRST, LAST))
    assert take(deployed, "evaluation/trials", None).height > 0


@pytest.mark.parametrize(
    "output",
    [
        pl.DataFrame({"a": [1]}),
        Rows(frame=pl.DataFrame(), first=None, last=None, code_version="1"),
    ],
    ids=["a frame", "rows of no table"],
)
def test_an_asset_of_a_user_is_told_to_store_its_own_output_elsewhere(output, tmp_path):
    opened = open_deployment(Settings(home=tmp_path))

    @dg.asset(key=["mine"], io_manager_key="io_manager")
    def mine():
        return output

    result = dg.materialize(
        [mine],
        resources={"io_manager": LakeIOManager(opened.lake, opened.registry.nodes)},
        raise_on_error=False,
    )
    (event,) = result.get_step_failure_events()
    message = event.step_failure_data.user_failure_data.description
    assert "mine" in message
    assert "io_manager_key" in message
    assert opened.lake.tables() == ()
