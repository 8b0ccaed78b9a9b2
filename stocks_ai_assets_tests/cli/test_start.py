"""The command line answers at once and tells wrong use from failure."""

import subprocess
import sys
from pathlib import Path

import pytest

CLI = Path(sys.executable).with_name("stocks-ai")


def test_help_imports_nothing_heavy():
    code = (
        "import sys, stocks_ai_assets.cli.main;"
        "heavy = {'dagster', 'polars', 'deltalake', 'pandas', 'numpy', 'altair',"
        " 'exchange_calendars', 'pydantic'} & set(sys.modules);"
        "print(sorted(heavy))"
    )
    finished = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert finished.stdout.decode().strip() == "[]"


def test_help_names_every_command():
    finished = subprocess.run([CLI, "--help"], check=True, capture_output=True, text=True)
    for command in (
        "backfill",
        "predict",
        "status",
        "show",
        "explain",
        "report",
        "fingerprint",
        "prove",
        "ui",
        "demo",
    ):
        assert command in finished.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "2021-13-01"],
        ["show", "2021-07-04"],
        ["backfill", "--from", "2021-07-05", "--to", "2021-07-09"],
        ["backfill", "--from", "2021-02-02", "--to", "2021-02-01"],
        ["backfill", "--from", "2020-12-30", "--to", "2021-02-01"],
        ["fingerprint", "signals.nothing"],
        ["prove", "look-ahead", "--plant", "nothing"],
        ["explain"],
        ["nothing"],
    ],
    ids=" ".join,
)
def test_wrong_use_exits_with_2_and_says_what_is_wrong_in_a_line_or_two(arguments, stocks_ai):
    finished = stocks_ai(*arguments)
    assert finished.code == 2, finished.err
    assert "Traceback" not in finished.err
    if "Error:" in finished.err:
        assert len(finished.err.strip().splitlines()) <= 2, finished.err


def test_a_broken_setting_names_its_variable(stocks_ai):
    finished = stocks_ai("status", horizon="0")
    assert finished.code == 1
    assert "STOCKS_AI_HORIZON" in finished.err
    assert "Traceback" not in finished.err


def test_an_empty_lake_says_how_to_fill_it(stocks_ai):
    for command in (["show", "2021-02-01"], ["explain", "SIM001", "2021-02-01"]):
        finished = stocks_ai(*command)
        assert finished.code == 1
        assert "stocks-ai backfill --from 2021-01-04 --to 2021-02-01" in finished.err


def test_the_program_itself_answers_without_the_settings_of_this_machine(tmp_path):
    finished = subprocess.run(
        [CLI, "show", "2021-07-04"],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        env={"PATH": str(CLI.parent), "STOCKS_AI_HOME": str(tmp_path / "home")},
        text=True,
    )
    assert finished.returncode == 2
    assert finished.stderr.startswith("NotASessionError: 2021-07-04")
