"""The night: every session that is due runs once, hours before it can be traded."""

import json
import shutil
from datetime import date, datetime, timedelta

import dagster as dg
import polars as pl
import pytest
from dagster._utils.schedules import cron_string_iterator

from stocks_ai_assets.backfill import due_sessions, plan, run
from stocks_ai_assets.definitions import build_definitions
from stocks_ai_assets.deployment import open_deployment
from stocks_ai_assets.domain.calendar import NEW_YORK
from stocks_ai_assets.instance import open_instance
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.partitions import PARTITION, sessions_definition
from stocks_ai_assets.proofs.comparison import compare
from stocks_ai_assets.proofs.graph import Graph, materialize
from stocks_ai_assets.schedules import nightly_schedule
from stocks_ai_assets.settings import Settings
from stocks_ai_assets_tests.conftest import variables

EVE, FIRST_OF_QUARTER, MONDAY = date(2021, 3, 31), date(2021, 4, 1), date(2021, 4, 5)


@pytest.fixture
def deliver(vendor, tmp_path):
    """Let the vendor's prices end on a session."""
    folder = tmp_path / "delivered"
    shutil.copytree(vendor, folder)

    def until(day):
        prices = pl.read_parquet(vendor / "prices_daily.parquet").filter(pl.col("date") <= day)
        prices.write_parquet(folder / "prices_daily.parquet")

    until(FIRST_OF_QUARTER)
    return until


@pytest.fixture
def settings(deliver, tmp_path, environment):
    return Settings(
        home=tmp_path / "home",
        source="folder",
        source_folder=tmp_path / "delivered",
        first_session=EVE,
        horizon=2,
    )


def night(settings):
    """Run the nightly job on the deployment's instance; return the runs that it launched."""
    job = build_definitions(settings).resolve_job_def("nightly")
    with open_instance(settings) as instance:
        before = {run.run_id for run in instance.get_runs()}
        result = job.execute_in_process(instance=instance)
        assert result.success
        runs = [run for run in instance.get_runs() if run.run_id not in before]
        said = [entry.user_message for entry in instance.all_logs(result.run_id)]
    return [run for run in runs if run.job_name != "nightly"], "\n".join(said)


def test_day_by_day_runs_exactly_what_is_due_and_ends_with_the_bits_of_one_range(
    settings, deliver, stocks_ai, tmp_path
):
    deliver(EVE)
    # The first night ends before the quarter is evaluated; the next one finishes it.
    opened = open_deployment(settings)
    *most, evaluation = plan(opened, EVE, EVE)
    with dg.DagsterInstance.ephemeral() as instance:
        run(opened, EVE, EVE, instance=instance, steps=most)
    assert plan(opened, *due_sessions(opened)) == (evaluation,)
    runs, said = night(settings)
    assert f"Materializing {EVE}..{EVE}." in said
    assert [run.job_name for run in runs] == [evaluation.stage.name]

    runs, said = night(settings)
    assert "Nothing is due" in said
    assert runs == []

    # A new quarter begins, with a model of its own; this time by hand.
    deliver(FIRST_OF_QUARTER)
    predicted = stocks_ai("predict", "--json", **variables(settings))
    assert predicted.code == 0, predicted.err
    assert json.loads(predicted.out)["session"] == FIRST_OF_QUARTER.isoformat()
    nothing = stocks_ai("predict", "--json", **variables(settings))
    assert json.loads(nothing.out)["session"] is None
    assert stocks_ai("predict", **variables(settings)).out.startswith("Nothing is due: 2021-04-01")

    # Good Friday and the weekend bring nothing new, Monday does.
    deliver(MONDAY)
    runs, said = night(settings)
    assert f"Materializing {MONDAY}..{MONDAY}." in said
    assert {run.tags.get(PARTITION) for run in runs} == {MONDAY.isoformat()}
    lake = open_deployment(settings).lake
    assert lake.materialized("portfolio.risk") == [(EVE, MONDAY)]

    once = Lake(tmp_path / "once")
    source = open_deployment(settings).source
    materialize(Graph(source=source, parameters=settings.parameters), once, EVE, MONDAY)
    assert [each.table for each in compare(once, lake) if not each.equal] == []


@pytest.mark.parametrize(
    ("asked", "ticks", "newest"),
    [
        ((2021, 3, 30, 12), (2021, 3, 31, 0, 30), "2021-03-30"),
        ((2021, 4, 2, 12), (2021, 4, 3, 0, 30), "2021-04-01"),  # Good Friday brings nothing
        ((2021, 4, 3, 12), (2021, 4, 6, 0, 30), "2021-04-05"),  # the weekend is over
        ((2021, 3, 13, 0, 31), (2021, 3, 16, 0, 30), "2021-03-15"),  # clocks go forward
    ],
    ids=["weekday", "holiday", "weekend", "daylight saving"],
)
def test_the_night_comes_half_an_hour_after_a_weekday_is_over_when_its_session_is_a_partition(
    asked, ticks, newest
):
    schedule = nightly_schedule()
    moment = datetime(*asked, tzinfo=NEW_YORK).timestamp()
    zone = schedule.execution_timezone
    tick = next(cron_string_iterator(moment, schedule.cron_schedule, zone))
    assert tick == datetime(*ticks, tzinfo=NEW_YORK)
    keys = sessions_definition(date(2021, 1, 4)).get_partition_keys(current_time=tick)
    assert keys[-1] == newest


def test_a_session_is_no_partition_a_minute_before_its_day_is_over():
    definition = sessions_definition(date(2021, 1, 4))
    midnight = datetime(2021, 4, 6, tzinfo=NEW_YORK)
    before = definition.get_partition_keys(current_time=midnight - timedelta(minutes=1))
    assert before[-1] == "2021-04-01"
    assert definition.get_partition_keys(current_time=midnight)[-1] == "2021-04-05"


def test_a_tick_asks_for_one_run_of_the_nightly_job():
    context = dg.build_schedule_context(
        scheduled_execution_time=datetime(2021, 4, 6, 0, 30, tzinfo=NEW_YORK)
    )
    data = nightly_schedule().evaluate_tick(context)
    assert len(data.run_requests) == 1
    assert nightly_schedule().job_name == "nightly"
