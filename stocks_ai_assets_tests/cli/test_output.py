"""What commands print: JSON alone on standard output, simulated results always named so."""

import json
from datetime import date

import polars as pl
import pytest

from stocks_ai_assets.cli.printing import print_table
from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.lake import Lake, Stamps
from stocks_ai_assets.tables import TABLES
from stocks_ai_assets_tests.conftest import FIRST, LAST, variables, vendor_settings

ALL = (
    ["status"],
    ["show", LAST],
    ["explain", "SIM001", LAST],
    ["fingerprint"],
    ["backfill", "--to", LAST],
    ["backfill", "--to", LAST, "--dry-run"],
    ["backfill", "--to", "2021-04-12", "--dry-run"],
    ["predict", "--session", LAST],
)


def strictly(text):
    """Parse JSON as the standard has it: no NaN, nothing before or after."""

    def refuse(constant):
        message = f"{constant} is no JSON"
        raise ValueError(message)

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("arguments", ALL, ids=lambda a: " ".join(map(str, a)))
def test_json_is_all_there_is_on_standard_output(stocks_ai, deployed, arguments):
    finished = stocks_ai(*arguments, "--json", home=deployed.home)
    assert finished.code == 0, finished.err
    assert strictly(finished.out) is not None
    assert finished.err == ""


@pytest.mark.parametrize("arguments", ALL, ids=lambda a: " ".join(map(str, a)))
def test_what_people_read_has_no_noise_of_libraries_in_it(stocks_ai, deployed, arguments):
    finished = stocks_ai(*arguments, home=deployed.home)
    assert finished.code == 0, finished.err
    assert finished.err == ""
    for noise in ("DEBUG", "Warning", "telemetry", "Traceback"):
        assert noise not in finished.out


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["show", LAST], ["explain", "SIM001", LAST], ["predict", "--session", LAST]],
)
def test_simulated_results_say_so_to_people_and_to_programs(stocks_ai, deployed, arguments):
    assert "[SIMULATED]" in stocks_ai(*arguments, home=deployed.home).out
    assert strictly(stocks_ai(*arguments, "--json", home=deployed.home).out)["simulated"] is True


def test_results_of_a_folder_are_not_called_simulated(stocks_ai, computed, vendor):
    given = variables(vendor_settings(computed, vendor))
    for arguments in (["status"], ["show", "2021-04-06"]):
        finished = stocks_ai(*arguments, **given)
        assert finished.code == 0, finished.err
        assert "SIMULATED" not in finished.out
        again = stocks_ai(*arguments, "--json", **given)
        assert strictly(again.out)["simulated"] is False


def test_show_ranks_the_whole_universe_best_first(stocks_ai, deployed):
    ranking = strictly(stocks_ai("show", LAST, "--json", home=deployed.home).out)["ranking"]
    stored = Lake(deployed.lake).read("meta.synthesized_predictions", LAST, LAST)
    assert len(ranking) == stored.height > 20
    assert [row["rank"] for row in ranking] == list(range(1, len(ranking) + 1))
    scores = [row["score"] for row in ranking]
    assert scores == sorted(scores, reverse=True)
    shown = stocks_ai("show", LAST, "--top", "2", home=deployed.home).out
    assert [row["symbol"] in shown for row in ranking].count(True) == 4
    for row in (*ranking[:2], *ranking[-2:]):
        assert row["symbol"] in shown


def test_a_session_in_which_the_supervisor_abstained_is_told_from_one_that_is_not_there(
    stocks_ai, tmp_path
):
    Lake(tmp_path / "home" / "lake").write(
        "meta.synthesized_predictions",
        pl.DataFrame(schema=TABLES["meta.synthesized_predictions"].schema),
        first=FIRST,
        last=FIRST,
        slice=None,
        stamps=Stamps(
            run_id="1", code_version="1", input_versions={}, created=nyse().cutoff(FIRST)
        ),
    )
    finished = stocks_ai("show", FIRST)
    assert finished.code == 0
    assert "abstained" in finished.out
    assert strictly(stocks_ai("show", FIRST, "--json").out)["ranking"] == []
    absent = stocks_ai("show", LAST, "--json")
    assert (absent.code, absent.out) == (1, "")
    assert "stocks-ai backfill" in absent.err


def test_a_fingerprint_is_a_line_a_table_and_is_the_lakes(stocks_ai, deployed):
    lake = Lake(deployed.lake)
    lines = stocks_ai("fingerprint", home=deployed.home).out.splitlines()
    assert [line.split()[0] for line in lines] == list(lake.tables())
    one = stocks_ai(
        "fingerprint",
        "signals.risk",
        "--from",
        "2021-04-01",
        "--to",
        "2021-04-05",
        home=deployed.home,
    )
    found = lake.fingerprint("signals.risk", date(2021, 4, 1), date(2021, 4, 5))
    assert one.out.split() == ["signals.risk", str(found.rows), found.content_hash]
    assert found.rows == sum(
        lake.fingerprint("signals.risk", day, day).rows
        for day in nyse().between(date(2021, 4, 1), date(2021, 4, 5))
    )


def test_a_range_of_fingerprints_leaves_tables_without_partitions_whole(stocks_ai, deployed):
    some = strictly(stocks_ai("fingerprint", "--to", FIRST, "--json", home=deployed.home).out)
    whole = {name for name, table in TABLES.items() if table.partitioned_by == "none"}
    found = {row["table"]: row["rows"] for row in some}
    assert all(found[name] == Lake(deployed.lake).read(name).height for name in whole)
    assert found["signals.risk"] == Lake(deployed.lake).read("signals.risk", FIRST, FIRST).height


def test_the_plan_of_a_dry_run_names_assets_and_partitions_and_runs_nothing(stocks_ai, deployed):
    versions = {name: Lake(deployed.lake).version(name) for name in TABLES}
    plan = strictly(
        stocks_ai("backfill", "--to", "2021-04-12", "--dry-run", "--json", home=deployed.home).out
    )
    assert {(run["first"], run["last"]) for run in plan["runs"]} == {("2021-04-12", "2021-04-12")}
    assert "signals/risk" in plan["runs"][0]["assets"]
    shown = stocks_ai("backfill", "--to", "2021-04-12", "--dry-run", home=deployed.home).out
    assert "What would run for 2021-01-04..2021-04-12" in shown
    assert {name: Lake(deployed.lake).version(name) for name in TABLES} == versions


def test_brackets_in_a_value_are_shown_and_not_taken_for_markup(capsys):
    print_table("[red]", [{"reason": "[bold] is [/wrong]"}], caption="[dim]")
    shown = capsys.readouterr().out
    for text in ("[red]", "[bold] is [/wrong]", "[dim]"):
        assert text in shown
