"""A backfill that stops anywhere goes on where it stopped; what is selected is what runs."""

from datetime import date

import dagster as dg
import pytest

from stocks_ai_assets.backfill import due_sessions, plan, run, select
from stocks_ai_assets.deployment import open_deployment
from stocks_ai_assets.errors import CalendarEndError, NotASessionError, UsageError
from stocks_ai_assets_tests.conftest import END, FIRST, LAST, START, vendor_settings

SELECTED = '+key:"agents/predictions/risk"'
STOPS_AFTER = "signals/technical"
"""In the middle of a stage."""


def test_a_run_that_breaks_off_goes_on_with_the_first_asset_that_is_due(
    computed, vendor, tmp_path, environment
):
    opened = open_deployment(vendor_settings(tmp_path / "home", vendor))
    chosen = select(opened, SELECTED)
    steps = plan(opened, START, END, chosen)
    written = []

    def stop(report):
        written.append(report.name)
        if report.name == STOPS_AFTER:
            message = "power cut"
            raise RuntimeError(message)

    with dg.DagsterInstance.ephemeral() as instance:
        with pytest.raises(RuntimeError, match="power cut"):
            run(opened, START, END, instance=instance, steps=steps, on_written=stop)
        assert written[-1] == STOPS_AFTER

        left = plan(opened, START, END, chosen)
        names = {name for step in left for name in step.names}
        assert names == set(chosen) - set(written), "what was written is not run again"
        again = open_deployment(vendor_settings(tmp_path / "home", vendor))
        resumed = run(again, START, END, instance=instance, steps=left)
    assert "source" not in vars(again), "facts are there: no market is held in memory"
    assert {report.name for report in resumed.reports} == names
    undisturbed = open_deployment(vendor_settings(computed, vendor)).lake
    for table in ("market.prices", "signals.technical", "signals.risk", "evaluation.outcomes"):
        assert opened.lake.fingerprint(table) == undisturbed.fingerprint(table)
    ours, theirs = (
        lake.read("agents.predictions", slices=["risk"]) for lake in (opened.lake, undisturbed)
    )
    assert ours.equals(theirs)
    assert ours.height > 0


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("group:signals", {"signals/esg", "signals/events", "signals/fundamentals"}),
        ('key:"agents/predictions/*"', {"agents/predictions/esg", "agents/predictions/risk"}),
        ('+key:"meta/synthesized_predictions"', {"agents/models/volatility", "market/prices"}),
        ("signals/risk", {"signals/risk"}),
        ('key:"signals/risk" or key:"signals/esg"', {"signals/risk", "signals/esg"}),
        ("kind:delta and not group:signals", {"market/prices", "portfolio/risk"}),
    ],
)
def test_assets_are_selected_in_dagsters_syntax_without_a_warning(
    deployed, selection, expected, recwarn
):
    opened = open_deployment(deployed)
    found = set(select(opened, selection))
    assert expected <= found
    assert len(found) < len(opened.registry.nodes)
    assert list(recwarn) == []
    assert select(opened, None) is None


@pytest.mark.parametrize("selection", ["group:(", "color:red", 'key:"a" and', "", "group:signls"])
def test_a_selection_that_says_nothing_is_wrong_use(deployed, selection):
    with pytest.raises(UsageError, match=r"--select"):
        select(open_deployment(deployed), selection)


@pytest.mark.parametrize(
    ("first", "last", "error", "named"),
    [
        (date(2021, 4, 1), date(2021, 4, 2), NotASessionError, "2021-04-01 and 2021-04-05"),
        (LAST, FIRST, UsageError, "Swap"),
        (date(2020, 12, 31), LAST, UsageError, "STOCKS_AI_FIRST_SESSION"),
        (FIRST, date(2031, 1, 2), CalendarEndError, "2031-01-02"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused_before_anything_runs(
    deployed, first, last, error, named
):
    with pytest.raises(error, match=named):
        plan(open_deployment(deployed), first, last)


def test_what_is_due_begins_with_the_first_session_that_some_asset_lacks(deployed):
    opened = open_deployment(deployed)
    assert due_sessions(opened) == (date(2021, 4, 12), opened.source.last_session())
