"""What is due: exactly what was computed from something that has changed since."""

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime

import dagster as dg
import polars as pl
import pytest

from stocks_ai_assets.assets.registry import registry
from stocks_ai_assets.backfill import code_versions, plan, run, sessions_window
from stocks_ai_assets.deployment import IDENTITY, open_deployment
from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.graph import transforms
from stocks_ai_assets.engines import local
from stocks_ai_assets.engines.inputs import load
from stocks_ai_assets.errors import LookbackMissingError
from stocks_ai_assets.lake import Lake, Stamps
from stocks_ai_assets.partitions import window_of
from stocks_ai_assets.planning import due, history
from stocks_ai_assets.proofs.comparison import compare
from stocks_ai_assets.proofs.graph import Graph, materialize, write_node
from stocks_ai_assets_tests.conftest import END, FIRST, LAST, START, vendor_settings

EVE, QUARTER = date(2021, 3, 31), date(2021, 4, 1)
SESSIONS = nyse().between(START, END)
CORRECTED = {"fundamentals", "valuation"}
"""Agents that read filings."""


def graph(opened):
    return Graph(source=opened.source, parameters=opened.parameters)


@pytest.fixture
def deployment(computed, vendor, tmp_path, environment):
    """Open a copy of the computed lake, with other settings or another folder."""
    # Corrected files stand in another folder than those that the lake was built with.
    ignore = shutil.ignore_patterns(IDENTITY)
    shutil.copytree(computed / "lake", tmp_path / "home" / "lake", ignore=ignore)

    def reopen(folder=vendor, **changed):
        return open_deployment(vendor_settings(tmp_path / "home", folder, **changed))

    return reopen


@pytest.fixture
def execute():
    """Run steps on an instance of their own."""

    def execute(opened, steps):
        with dg.DagsterInstance.ephemeral() as instance:
            return run(opened, START, END, instance=instance, steps=steps)

    return execute


def stale(opened):
    """Partitions that are not fresh, by asset; assets without any are left out."""
    nodes, versions = opened.registry.nodes, code_versions(opened)
    window = sessions_window(opened, START, END)
    found = {
        name: [
            day
            for day, state in due(opened.lake, nodes, name, window, versions[name]).items()
            if state != "fresh"
        ]
        for name in nodes
    }
    return {name: days for name, days in found.items() if days}


def moments(opened):
    """When each partition of each asset was last computed."""
    window, found = sessions_window(opened, START, END), {}
    for name, node in opened.registry.nodes.items():
        days = window_of(node.table.partitioned_by, window).partitions
        computed = history(opened.lake, node, days).computed_at
        found |= {(name, day): moment for day, moment in zip(days, computed, strict=True)}
    return found


def test_nothing_is_due_after_a_backfill(deployed):
    opened = open_deployment(deployed)
    assert plan(opened, FIRST, LAST) == ()
    # A later session is due, and only for that session and what it has not got.
    following = nyse().offset(LAST, 1)
    steps = plan(opened, FIRST, following)
    assert {(step.first, step.last) for step in steps} == {(following, following)}
    assert sum(step.missing for step in steps) == sum(len(step.names) for step in steps)


def corrected(vendor, folder):
    """The vendor's folder with one more filing, which becomes known on the eve of the quarter."""
    shutil.copytree(vendor, folder)
    file = folder / "fundamentals_pit.parquet"
    filings = pl.read_parquet(file)
    newest = (
        filings.filter(pl.col("item") == "net_income", pl.col("filed") < date(2021, 3, 1))
        .sort("filed", "symbol")
        .tail(1)
    )
    amended = newest.with_columns(
        pl.col("value") * 3.0,
        filed=pl.lit(nyse().offset(EVE, -1)),
        accession=pl.lit("0000000000-21-000001"),
    )
    pl.concat([filings, amended]).write_parquet(file)
    return folder


def test_a_corrected_fact_makes_stale_what_reads_it_from_its_session_on_and_only_that(
    deployment, execute, vendor, tmp_path
):
    opened = deployment(corrected(vendor, tmp_path / "corrected"))
    assert stale(opened) == {}
    facts = [name for name in opened.registry.nodes if name.startswith("market/")]
    execute(opened, plan(opened, EVE, EVE, facts, refresh=True))

    known = list(SESSIONS[SESSIONS.index(EVE) :])
    assert stale(opened)["signals/fundamentals"] == known
    assert set(stale(opened)) == {"signals/fundamentals"}, "the others read what is not changed yet"

    before = moments(opened)
    steps = plan(opened, START, END)
    ran = [name for step in steps for name in step.names]
    agents = [name for name in ran if name.startswith(("signals/", "agents/"))]
    assert {name.split("/")[-1] for name in agents} == CORRECTED
    for step in steps:
        expected = (EVE, END) if step.stage.kind == "session" else (QUARTER, QUARTER)
        assert (step.first, step.last) == expected, step
    result = execute(opened, steps)
    assert [report.name for report in result.reports] != []
    assert stale(opened) == {}
    for (name, day), moment in moments(opened).items():
        touched = name in ran and day >= EVE
        assert (moment > before[name, day]) == touched, (name, day)

    whole = Lake(tmp_path / "whole")
    materialize(graph(opened), whole, START, END)
    assert [each.table for each in compare(whole, opened.lake) if not each.equal] == []


@pytest.fixture
def amended(deployment, vendor, tmp_path):
    """Open the deployment, and give what writes the filings of the eve: amended or not."""
    opened = deployment()
    sources = {
        True: deployment(corrected(vendor, tmp_path / "corrected")).source,
        False: opened.source,
    }
    window = sessions_window(opened, EVE, EVE)

    def file_(*, again):
        one = Graph(source=sources[again], parameters=opened.parameters)
        node = opened.registry.nodes["market/company_facts"]
        assert write_node(one, opened.lake, node, window).changed

    return opened, file_


def signals(opened, created):
    """Compute the signals that read filings, from the eve on."""
    transform = opened.registry.nodes["signals/fundamentals"].transform
    window = sessions_window(opened, EVE, END)
    return local.materialize(opened.lake, transform, window, run_id="again", created=created)


PAST, FUTURE = datetime(1999, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)


def test_what_was_read_before_a_correction_and_written_after_it_is_stale(amended):
    opened, file_ = amended
    transform = opened.registry.nodes["signals/fundamentals"].transform
    window = sessions_window(opened, EVE, END)
    loaded = load(opened.lake, transform, window)
    file_(again=True)
    opened.lake.write(
        transform.table,
        local.run(transform, loaded.frames, window),
        first=window.first,
        last=window.last,
        slice=None,
        stamps=Stamps(
            run_id="slow",
            code_version=local.code_version(transform, window.parameters),
            input_versions=loaded.versions,
            created=FUTURE,
        ),
    )
    assert stale(opened)["signals/fundamentals"] == list(window.partitions)


def test_a_clock_that_goes_backwards_hides_no_correction_and_leaves_nothing_stale(amended):
    opened, file_ = amended
    signals(opened, FUTURE)
    file_(again=True)
    assert "signals/fundamentals" in stale(opened)
    assert signals(opened, PAST).changed
    assert "signals/fundamentals" not in stale(opened)


def test_a_recomputation_that_changes_nothing_is_fresh_and_makes_no_reader_stale(amended):
    opened, file_ = amended
    file_(again=True)
    file_(again=False)
    assert set(stale(opened)) == {"signals/fundamentals"}
    assert not signals(opened, FUTURE).changed
    assert stale(opened) == {}


def test_what_was_computed_from_a_table_that_was_made_anew_since_is_stale(deployment):
    opened = deployment()
    shutil.rmtree(opened.lake.root / "market" / "esg_ratings")
    node = opened.registry.nodes["market/esg_ratings"]
    write_node(graph(opened), opened.lake, node, sessions_window(opened, START, END))
    assert set(stale(opened)) == {"signals/esg"}


def test_a_fact_from_before_the_first_session_reaches_everything_that_reads_it(
    deployment, execute, vendor, tmp_path
):
    folder = tmp_path / "corrected"
    shutil.copytree(vendor, folder)
    file = folder / "prices_daily.parquet"
    prices = pl.read_parquet(file)
    wrong = (pl.col("symbol") == "SIM005") & (pl.col("date") == date(2021, 3, 10))
    prices.with_columns(
        volume=pl.when(wrong).then(pl.col("volume") + 1).otherwise("volume")
    ).write_parquet(file)
    opened = deployment(folder)
    execute(opened, plan(opened, START, START, ["market/prices"], refresh=True))
    found = stale(opened)
    assert found["signals/technical"] == list(SESSIONS)
    assert found["agents/models/volatility"] == [date(2021, 1, 1), QUARTER]


def test_other_costs_make_computed_tables_stale_but_no_fact_and_are_another_trial(
    deployment, execute
):
    opened = deployment(cost_bp=25)
    found = stale(opened)
    nodes = opened.registry.nodes
    assert set(found) == {name for name in nodes if nodes[name].table.kind == "computed"}
    assert found["portfolio/returns"] == list(SESSIONS)

    before = opened.lake.fingerprint("portfolio.returns")
    trials = opened.lake.read("evaluation.trials").height
    chosen = ["portfolio/returns", "portfolio/target_weights", "evaluation/trials"]
    result = execute(opened, plan(opened, START, END, chosen))
    changed = {report.name: report.changed for report in result.reports}
    assert changed == {
        "portfolio/target_weights": False,
        "portfolio/returns": True,
        "evaluation/trials": True,
    }
    assert opened.lake.fingerprint("portfolio.returns") != before
    assert opened.lake.read("evaluation.trials").height == 2 * trials
    assert set(chosen).isdisjoint(stale(opened))


def test_another_horizon_never_meets_models_or_predictions_of_the_old_one(
    deployment, execute, tmp_path
):
    opened = deployment(horizon=3)
    nodes = opened.registry.nodes
    assert set(stale(opened)) == {n for n in nodes if nodes[n].table.kind == "computed"}
    before = [opened.lake.fingerprint(name) for name in opened.lake.tables()]
    for name in ("agents/predictions/risk", "meta/synthesized_predictions", "portfolio/returns"):
        with pytest.raises(LookbackMissingError, match=r"with horizon 3, .* have horizon 2\."):
            execute(opened, plan(opened, EVE, END, [name]))
    with pytest.raises(LookbackMissingError, match=r"evaluation\.outcomes with horizon 3"):
        execute(opened, plan(opened, EVE, END, ["agents/models/risk"]))
    assert [opened.lake.fingerprint(name) for name in opened.lake.tables()] == before

    # What recomputes all of it in order gives what a new lake would hold.
    chain, new = replace(graph(opened), select=("agents/predictions/risk",)), Lake(tmp_path / "new")
    for lake in (opened.lake, new):
        materialize(chain, lake, START, END)
    ours, theirs = (lake.read("agents.predictions", slices=["risk"]) for lake in (opened.lake, new))
    assert ours.equals(theirs)
    assert ours.get_column("horizon").unique().to_list() == [3]


def test_another_version_of_a_transform_makes_it_and_its_readers_due(deployment):
    opened = deployment()
    declared = tuple(
        replace(each, code_version="2") if each.name == "signals/esg" else each
        for each in transforms(opened.parameters)
    )
    opened.__dict__["registry"] = registry(opened.parameters, declared)
    found = stale(opened)
    assert set(found) == {"signals/esg", "evaluation/trials"}
    assert found["signals/esg"] == list(SESSIONS)
    names = {name for step in plan(opened, START, END) for name in step.names}
    expected = {"signals/esg", "agents/models/esg", "agents/predictions/esg", "evaluation/trials"}
    assert expected <= names
    assert {"signals/risk", "agents/predictions/risk", "evaluation/outcomes"}.isdisjoint(names)


def test_refresh_runs_what_is_fresh_and_selection_keeps_to_what_is_selected(deployment):
    opened = deployment()
    steps = plan(opened, EVE, END, ["signals/esg"], refresh=True)
    assert [(step.names, step.first, step.last) for step in steps] == [(("signals/esg",), EVE, END)]
    assert plan(opened, EVE, END, ["signals/esg"]) == ()
