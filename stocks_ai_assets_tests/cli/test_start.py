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
def test_wrong_use_exits_with_2_and_says_what_is_wrong_in_a_line_or_two(arguments, tmp_path):
    finished = run_cli(arguments, tmp_path)
    assert finished.returncode == 2, finished.stderr
    assert "Traceback" not in finished.stderr
    if "Error:" in finished.stderr:
        assert len(finished.stderr.strip().splitlines()) <= 2, finished.stderr


def test_a_broken_setting_names_its_variable(tmp_path):
    finished = run_cli(["status"], tmp_path, STOCKS_AI_HORIZON="0")
    assert finished.returncode == 1
    assert "STOCKS_AI_HORIZON" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_missing_source_folder_is_named_with_the_remedy(tmp_path):
    finished = run_cli(
        ["status"],
        tmp_path,
        STOCKS_AI_SOURCE="folder",
        STOCKS_AI_SOURCE_FOLDER=str(tmp_path / "absent"),
    )
    assert finished.returncode == 1
    assert "absent" in finished.stderr
    assert "STOCKS_AI_SOURCE_FOLDER" in finished.stderr


def test_an_empty_lake_says_how_to_fill_it(tmp_path):
    finished = run_cli(["show", "2021-02-01"], tmp_path)
    assert finished.returncode == 1
    assert "stocks-ai backfill" in finished.stderr


def run_cli(arguments, home, **settings):
    """Run `stocks-ai` in a home of its own, without the settings of this machine."""
    environment = {
        "PATH": str(CLI.parent),
        "STOCKS_AI_HOME": str(home / "home"),
        "STOCKS_AI_SAMPLE_SYMBOLS": "25",
        **settings,
    }
    return subprocess.run(
        [CLI, *arguments], capture_output=True, text=True, env=environment, cwd=home, check=False
    )
