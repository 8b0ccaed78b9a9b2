"""Ctrl-C and kill: one message at most, whole tables, and the same command goes on."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stocks_ai_assets.deployment import open_deployment
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.proofs.comparison import compare
from stocks_ai_assets_tests.conftest import variables, vendor_settings

CLI = Path(sys.executable).with_name("stocks-ai")


@pytest.fixture
def started(vendor, tmp_path):
    """Start a backfill, and send it a signal when it has written some assets."""

    given = variables(vendor_settings(tmp_path / "home", vendor))

    def until(n, number):
        process = subprocess.Popen(
            [CLI, "backfill"],
            cwd=tmp_path,
            env={
                "PATH": str(CLI.parent),
                **{f"STOCKS_AI_{k.upper()}": v for k, v in given.items()},
            },
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        lines = [process.stderr.readline() for _ in range(n)]
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, lines, err.splitlines()

    return until


def test_a_backfill_that_is_interrupted_and_killed_goes_on_and_ends_with_the_same_bits(
    started, stocks_ai, computed, vendor, tmp_path
):
    code, out, lines, rest = started(7, signal.SIGINT)
    assert code == 1
    assert out == ""
    assert rest[-1] == "Interrupted. What was written is whole; run the same command to go on."
    assert all(" rows " in line for line in [*lines, *rest[:-1]]), (lines, rest)

    interrupted = names(lines, rest[:-1])
    assert readable(tmp_path) >= {name.replace("/", ".") for name in interrupted}

    code, _, lines, rest = started(9, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert interrupted.isdisjoint(names(lines, rest)), "what is written is not run again"
    readable(tmp_path)

    given = variables(vendor_settings(tmp_path / "home", vendor))
    ended = stocks_ai("backfill", "--json", **given)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["assets"] <= 46 - len(interrupted) - len(names(lines, rest))
    assert json.loads(stocks_ai("backfill", "--dry-run", "--json", **given).out)["runs"] == []
    undisturbed = open_deployment(vendor_settings(computed, vendor)).lake
    lake = Lake(tmp_path / "home" / "lake")
    assert [each.table for each in compare(undisturbed, lake) if not each.equal] == []


def names(*parts):
    return {line.split()[0] for lines in parts for line in lines if " rows " in line}


def readable(folder):
    """Names of the tables there are; each can be read whole."""
    lake = Lake(folder / "home" / "lake")
    for table in lake.tables():
        lake.fingerprint(table)
    return {name for name in lake.tables() if lake.materialized(name)}
