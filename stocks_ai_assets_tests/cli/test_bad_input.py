"""What goes wrong is said in a line or two that name the thing and the remedy. Nothing is torn."""

import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from stocks_ai_assets.lake import Lake, locks
from stocks_ai_assets.lake.locks import exclusively
from stocks_ai_assets.lake.marker import MARKER
from stocks_ai_assets_tests.conftest import LAST, START, variables, vendor_settings

CLI = Path(sys.executable).with_name("stocks-ai")


def refused(finished, code, *named):
    """One message of a line or two on standard error, and nothing else."""
    assert finished.code == code, finished
    assert finished.out == ""
    lines = finished.err.strip().splitlines()
    messages = [line for line in lines if " rows " not in line]
    assert 1 <= len(messages) <= 2, finished.err
    assert "Traceback" not in finished.err
    for each in named:
        assert each in " ".join(messages), (each, finished.err)


@pytest.fixture
def broken(vendor, tmp_path):
    """Copy the vendor's folder, change one file; return how a command sees it."""

    def breaking(change, name="prices_daily"):
        folder = tmp_path / "broken"
        shutil.copytree(vendor, folder)
        file = folder / f"{name}.parquet"
        frame = change(pl.read_parquet(file)) if callable(change) else change
        file.unlink()
        if isinstance(frame, pl.DataFrame):
            frame.write_parquet(file)
        elif isinstance(frame, bytes):
            file.write_bytes(frame)
        return variables(vendor_settings(tmp_path / "home", folder))

    return breaking


@pytest.mark.parametrize(
    ("change", "name", "named"),
    [
        (None, "prices_daily", ["prices_daily.parquet", "Add it"]),
        (None, "benchmarks_daily", ["benchmarks_daily.parquet", "Add it"]),
        (b"no Parquet", "prices_daily", ["prices_daily.parquet", "Export it again"]),
        (lambda f: f.drop("close"), "prices_daily", ["lacks the columns close", "Add them"]),
        (
            lambda f: f.with_columns(pl.col("close").cast(pl.String)),
            "prices_daily",
            ["`close` is String", "expected a number", "Convert the column"],
        ),
        (
            lambda f: f.with_columns(pl.col("date").cast(pl.String)),
            "prices_daily",
            ["`date` is String", "expected a date"],
        ),
        (lambda f: f.clear(), "prices_daily", ["has no rows", "Export it again"]),
    ],
    ids=["no prices", "no benchmarks", "no parquet", "no column", "text", "text day", "empty"],
)
@pytest.mark.parametrize("command", ["status", "backfill"])
def test_a_source_that_cannot_be_read_is_named(
    stocks_ai, broken, tmp_path, command, change, name, named
):
    given = broken(change, name)
    refused(stocks_ai(command, **given), 1, "SourceError", *named)
    assert not (tmp_path / "home").exists(), "nothing was begun"


def test_a_folder_that_is_not_there_is_named(stocks_ai, tmp_path):
    given = variables(vendor_settings(tmp_path / "home", tmp_path / "absent"))
    refused(stocks_ai("backfill", **given), 1, str(tmp_path / "absent"), "STOCKS_AI_SOURCE_FOLDER")


def test_a_symbol_of_the_universe_without_prices_is_wrong_use(stocks_ai):
    finished = stocks_ai("backfill", universe="SIM001,SIM01")
    refused(finished, 2, "SIM01", "did you mean", "STOCKS_AI_UNIVERSE")


def test_a_symbol_that_nobody_knows_is_wrong_use(stocks_ai, deployed):
    refused(stocks_ai("explain", "SIM999", LAST, home=deployed.home), 2, "SIM999", "SIM001")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["show", "2021-04-02"], ["2021-04-02 is not a trading session", "2021-04-01"]),
        (["explain", "SIM001", "2021-04-02"], ["2021-04-02", "2021-04-05"]),
        (["predict", "--session", "2021-04-03"], ["2021-04-03", "2021-04-05"]),
        (["backfill", "--from", "2021-04-01", "--to", "2021-04-02"], ["2021-04-02"]),
        (["backfill", "--from", "2021-04-05", "--to", "2021-04-01"], ["Swap them"]),
        (["backfill", "--select", "group:("], ["'group:signals'", "agents/predictions/*"]),
        (["backfill", "--select", "group:nothing"], ["selects no asset", "market/prices"]),
        (["fingerprint", "signals.rsk"], ["signals.rsk", "signals.risk"]),
        (["show", "1997-12-31"], ["1997-12-31"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_asked_is_answered_with_what_can(stocks_ai, tmp_path, arguments, named):
    finished = stocks_ai(*arguments)
    refused(finished, 1 if "1997-12-31" in arguments else 2, *named)
    assert not (tmp_path / "home").exists()


def test_a_lookback_that_is_not_there_is_answered_with_the_command_that_fills_it(
    stocks_ai, vendor, tmp_path
):
    given = variables(vendor_settings(tmp_path / "home", vendor))
    asked = ["backfill", "--from", "2021-04-05", "--to", "2021-04-06", "--select", "signals/esg"]
    refused(
        stocks_ai(*asked, **given),
        1,
        "LookbackMissingError",
        "stocks-ai backfill --select 'key:\"signals/technical\"' --from 2021-04-05 --to 2021-04-06",
    )


def test_a_session_that_the_source_has_not_is_answered_with_its_last_one(
    stocks_ai, vendor, tmp_path
):
    given = variables(vendor_settings(tmp_path / "home", vendor))
    refused(stocks_ai("backfill", "--to", "2021-04-08", **given), 1, "2021-04-08", "2021-04-07")


def test_a_lake_of_a_newer_version_is_left_alone(stocks_ai, tmp_path):
    marker = tmp_path / "home" / "lake" / MARKER
    marker.parent.mkdir(parents=True)
    marker.write_text(json.dumps({"format": 99}))
    for command in (["status"], ["show", LAST], ["backfill", "--to", LAST], ["fingerprint"]):
        finished = stocks_ai(*command)
        refused(finished, 1, "LakeVersionError", "format 99", "Upgrade stocks_ai_assets")
    assert list(marker.parent.rglob("*.parquet")) == []


def test_a_lake_that_somebody_else_is_writing_is_not_waited_for_without_end(
    stocks_ai, vendor, tmp_path, monkeypatch
):
    monkeypatch.setattr(locks, "PATIENCE", 0.1)
    lock = tmp_path / "home" / "lake" / "_materialized" / "market.prices.lock"
    given = variables(vendor_settings(tmp_path / "home", vendor))
    with exclusively(lock, "the test"):
        finished = stocks_ai("backfill", "--to", START, "--select", "market/prices", **given)
    refused(finished, 1, "StorageError", "market.prices", "another process", "Wait for it")
    assert Lake(tmp_path / "home" / "lake").version("market.prices") is None
    again = stocks_ai("backfill", "--to", START, "--select", "market/prices", **given)
    assert again.code == 0, again.err


@pytest.mark.parametrize("limit", [20_000, 250_000], ids=["at once", "on the way"])
def test_a_disk_that_is_full_leaves_whole_tables_and_the_same_command_goes_on(
    stocks_ai, vendor, tmp_path, limit
):
    given = variables(vendor_settings(tmp_path / "home", vendor))
    asked = ["backfill", "--to", START, "--select", "market/macro_observations"]

    def full():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    environment = {f"STOCKS_AI_{name.upper()}": value for name, value in given.items()}
    finished = subprocess.run(
        [CLI, *map(str, asked)],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        # Python would leave torn bytecode behind, for everybody.
        env={"PATH": str(CLI.parent), "PYTHONDONTWRITEBYTECODE": "1", **environment},
        preexec_fn=full,
        text=True,
    )
    assert finished.returncode == 1, finished.stderr
    assert finished.stderr.strip().splitlines()[-1].startswith("StorageError: "), finished.stderr
    assert "Free the disk" in finished.stderr
    assert "Traceback" not in finished.stderr
    again = stocks_ai(*asked, **given)
    assert again.code == 0, again.err
    assert Lake(tmp_path / "home" / "lake").read("market.macro_observations").height > 0


def test_a_folder_of_dagster_that_cannot_be_made_is_named(stocks_ai, vendor, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster").write_text("a file stands in the way")
    given = variables(vendor_settings(home, vendor))
    refused(stocks_ai("backfill", "--to", START, **given), 1, "StorageError", str(home / "dagster"))


def test_a_trace_is_shown_to_those_who_ask_for_it(stocks_ai):
    asked = ["backfill", "--from", "2021-04-02"]
    finished = stocks_ai("--traceback", *asked)
    assert finished.code == 2
    assert "Traceback (most recent call last)" in finished.err
    assert finished.err.strip().splitlines()[-1].startswith("NotASessionError: 2021-04-02")
    assert "Traceback" not in stocks_ai(*asked).err


def test_an_error_that_nobody_foresaw_is_a_message_too(stocks_ai, monkeypatch):
    def fails(*_):
        message = "no such thing\nand more"
        raise RuntimeError(message)

    monkeypatch.setattr("stocks_ai_assets.cli.inspect.deployment", fails)
    finished = stocks_ai("status")
    refused(finished, 1, "Unexpected RuntimeError: no such thing", "stocks-ai --traceback")
    assert "Traceback" in stocks_ai("--traceback", "status").err
