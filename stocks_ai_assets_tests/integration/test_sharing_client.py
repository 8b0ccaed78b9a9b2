"""The real Delta Sharing client, in its own environment, reads what `stocks-ai share` serves."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from stocks_ai_assets.lake import Lake
from stocks_ai_assets.lake.layout import MAP_STAMPS, map_columns
from stocks_ai_assets.sharing.recipients import Recipients
from stocks_ai_assets.tables import TABLES
from stocks_ai_assets_tests.lake.conftest import predictions, stamps
from stocks_ai_assets_tests.sharing.conftest import DAYS, PREDICTIONS, SYNTHESIZED, VIEW, fill

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / ".venv-sharing" / "bin" / "python"
CLI = Path(sys.executable).with_name("stocks-ai")
PARTNER, SHARE = "research_partner", "stocks_predictions"
AUDIT = "audit.synthesized_predictions"
FORMATS = pytest.mark.parametrize("delta", [False, True], ids=["parquet", "delta"])


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A lake of which the policy shares two tables and a view, served by the command."""
    if not CLIENT.exists():
        pytest.fail(
            f"{CLIENT.relative_to(ROOT)} is missing: run `python scripts/sharing_client.py` with "
            "the Python of .venv, which installs the client into an environment of its own."
        )
    home = tmp_path_factory.mktemp("served")
    fill(Lake(home / "lake"))
    text = files("stocks_ai_assets.governance").joinpath("policy.toml").read_text(encoding="utf-8")
    old = f'tables = ["{SYNTHESIZED}"]'
    assert old in text
    shared = f'tables = ["{SYNTHESIZED}", "{PREDICTIONS}"]\nviews = ["{AUDIT}"]'
    (home / "policy.toml").write_text(text.replace(old, shared))
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("STOCKS_AI_")},  # noqa: TID251
        "STOCKS_AI_HOME": str(home),
        "STOCKS_AI_POLICY": str(home / "policy.toml"),
    }
    server = subprocess.Popen(
        [CLI, "share", "serve", "--port", "0"], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        port = re.findall(r":(\d+)$", server.stdout.readline().strip())[0]
        yield _Served(home, environment, f"http://127.0.0.1:{port}/delta-sharing")
    finally:
        server.terminate()
        server.wait()


class _Served:
    def __init__(self, home, environment, endpoint):
        self.home, self.environment, self.endpoint = home, environment, endpoint
        self.lake = Lake(home / "lake")
        self.profile = self.granted("partner")

    def run(self, *arguments):
        return subprocess.run(
            [CLI, "share", *arguments],
            env=self.environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout

    def granted(self, name, *options):
        file = self.home / f"{name}.share"
        self.run("grant", PARTNER, "--output", file, "--endpoint", self.endpoint, *options)
        return file

    def ask(self, *tasks):
        """Results of the client, one for each task, in one process."""
        finished = subprocess.run(
            [CLIENT, Path(__file__).with_name("sharing_reader.py")],
            input=json.dumps(tasks),
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return [SimpleNamespace(**each) for each in json.loads(finished.stdout)]

    def load(self, table, profile=None, **options):
        url = f"{profile or self.profile}#{SHARE}.{table}"
        return {"call": "load_as_pandas", "url": url, **options}

    def changes(self, table, **options):
        url = f"{self.profile}#{SHARE}.{table}"
        return {"call": "load_table_changes_as_pandas", "url": url, **options}


def expected(frame, table):
    """Columns of rows of ours, in the form in which the client's are printed."""
    maps = {*map_columns(TABLES[table]), *MAP_STAMPS}

    def plain(value, *, is_map=False):  # noqa: PLR0911  # one for each type
        match value:
            case datetime():
                return value.isoformat(timespec="microseconds")
            case date():
                return value.isoformat()
            case float():
                return value.hex()
            case list() if is_map:
                return [[plain(each["key"]), plain(each["value"])] for each in value]
            case list():
                return [plain(each) for each in value]
            case dict():
                return {key: plain(each) for key, each in value.items()}
        return value

    return {
        name: [plain(value, is_map=name in maps) for value in frame[name].to_list()]
        for name in frame.columns
    }


def sorted_rows(columns):
    rows = [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


def same(found, frame, table):
    assert not hasattr(found, "error"), found.error
    assert list(found.columns) == frame.columns
    assert sorted_rows(found.columns) == sorted_rows(expected(frame, table))


def test_the_client_lists_what_is_shared(served):
    shares, tables = served.ask(
        {"call": "list_shares", "profile": str(served.profile)},
        {"call": "list_all_tables", "profile": str(served.profile)},
    )
    assert shares.found == [f"Share(name='{SHARE}')"]
    assert tables.found == [
        f"Table(name='predictions', share='{SHARE}', schema='agents')",
        f"Table(name='synthesized_predictions', share='{SHARE}', schema='audit')",
        f"Table(name='synthesized_predictions', share='{SHARE}', schema='meta')",
    ]


@FORMATS
def test_the_client_gets_every_bit_of_every_kind_of_column(served, delta):
    """Maps, lists, structs, dates, moments, texts, missing values, slices, and -0.0."""
    whole, sliced = served.ask(
        served.load(SYNTHESIZED, use_delta_format=delta),
        served.load(PREDICTIONS, use_delta_format=delta),
    )
    same(whole, served.lake.read(SYNTHESIZED, with_stamps=True), SYNTHESIZED)
    same(sliced, served.lake.read(PREDICTIONS, with_stamps=True), PREDICTIONS)
    assert whole.types["horizon"] == "int32"
    assert whole.types["created_timestamp"] == "datetime64[us, UTC]"
    assert (-0.0).hex() in whole.columns["equal_weight_score"]


@FORMATS
def test_the_client_gets_the_columns_of_a_view_alone(served, delta):
    (view,) = served.ask(served.load(AUDIT, use_delta_format=delta))
    same(view, served.lake.read(SYNTHESIZED, columns=VIEW), SYNTHESIZED)


@FORMATS
def test_the_client_travels_by_version_and_by_moment(served, delta):
    commits = {commit.version: commit.timestamp for commit in served.lake.history(SYNTHESIZED)}
    options = [{"version": 1}, {"version": 2}]
    options += [{"timestamp": commits[number].isoformat()} for number in (1, 2)]
    found = served.ask(
        *(served.load(SYNTHESIZED, use_delta_format=delta, **each) for each in options)
    )
    for number, result in zip((1, 2, 1, 2), found, strict=True):
        same(result, served.lake.read(SYNTHESIZED, version=number, with_stamps=True), SYNTHESIZED)
    (version,) = served.ask(
        {
            "call": "get_table_version",
            "url": f"{served.profile}#{SHARE}.{SYNTHESIZED}",
            "starting_timestamp": (commits[1] + timedelta(milliseconds=1)).isoformat(),
        }
    )
    assert version.found == "2"


def test_the_client_limits_and_prunes(served):
    hint = {
        "op": "equal",
        "children": [
            {"op": "column", "name": "agent", "valueType": "string"},
            {"op": "literal", "value": "esg", "valueType": "string"},
        ],
    }
    limited, none, pruned = served.ask(
        served.load(PREDICTIONS, limit=5),
        served.load(PREDICTIONS, limit=0),
        served.load(PREDICTIONS, jsonPredicateHints=json.dumps(hint)),
    )
    assert len(limited.columns["symbol"]) == 5
    assert list(none.columns) == list(limited.columns)
    assert none.columns["symbol"] == []
    same(pruned, served.lake.read(PREDICTIONS, slices=["esg"], with_stamps=True), PREDICTIONS)


@FORMATS
def test_the_client_gets_the_rows_that_changed(served, delta):
    (found,) = served.ask(
        served.changes(SYNTHESIZED, starting_version=0, ending_version=2, use_delta_format=delta)
    )
    stored = served.lake.changes(SYNTHESIZED, 0, 2)
    kept = {name: found.columns[name] for name in stored.columns}
    same(SimpleNamespace(columns=kept), stored, SYNTHESIZED)
    assert set(found.columns["_change_type"]) == {"insert", "update_preimage", "update_postimage"}


def test_the_client_gets_changes_by_moment_and_of_a_view(served):
    commits = {commit.version: commit.timestamp for commit in served.lake.history(SYNTHESIZED)}
    by_moment, view = served.ask(
        served.changes(SYNTHESIZED, starting_timestamp=commits[2].isoformat()),
        served.changes(AUDIT, starting_version=2),
    )
    assert set(by_moment.columns["_commit_version"]) == {2}
    milliseconds = round(commits[2].timestamp() * 1000)
    assert set(by_moment.columns["_commit_timestamp"]) == {milliseconds}
    assert list(view.columns) == [*VIEW, "_change_type", "_commit_version", "_commit_timestamp"]
    stored = served.lake.changes(SYNTHESIZED, 1, 2).select(*VIEW, "_change_type")
    kept = {name: view.columns[name] for name in stored.columns}
    same(SimpleNamespace(columns=kept), stored, SYNTHESIZED)


def test_what_is_not_shared_or_not_there_is_refused_with_a_clear_message(served):
    beyond, unknown, version, before, wrong = served.ask(
        served.load("evaluation.trials"),
        served.load("evaluation.nothing"),
        served.load(SYNTHESIZED, version=9),
        served.load(SYNTHESIZED, timestamp="2000-01-01T00:00:00Z"),
        served.changes(SYNTHESIZED, starting_version=5),
    )
    message = "or it is not shared with you. List what is shared with you, or ask the provider."
    for each in (beyond, unknown):
        assert "404" in each.error
        assert message in _joined(each.error)
    assert "There is no version 9: versions are 0..2" in _joined(version.error)
    assert "before the oldest version" in _joined(before.error)
    assert "Versions 5..2 are not all there" in _joined(wrong.error)


def _joined(text):
    """The client breaks the server's message into lines of quoted pieces."""
    return re.sub(r"['\"]\s*\n\s*['\"]", "", text)


def test_wrong_expired_and_revoked_tokens_are_refused_with_a_clear_message(served):
    profile = json.loads(served.profile.read_text())
    wrong = served.home / "wrong.share"
    wrong.write_text(json.dumps({**profile, "bearerToken": profile["bearerToken"] + "x"}))
    now = datetime.now(UTC)  # noqa: TID251  # tokens end by the clock
    recipients = Recipients(served.home / "sharing")
    files = {}
    for name, issued in (("expired", now - timedelta(days=2)), ("revoked", now)):
        text, token = recipients.issue(PARTNER, now=issued, lifetime=timedelta(days=1))
        files[name] = served.home / f"{name}.share"
        files[name].write_text(json.dumps({**profile, "bearerToken": text}))
    served.run("revoke", PARTNER, "--token", token.id)
    found = served.ask(*(served.load(AUDIT, profile=each) for each in (wrong, *files.values())))
    for result, word in zip(found, ("unknown", "expired since", "revoked"), strict=True):
        assert word in _joined(result.error)
        assert profile["bearerToken"] not in result.error


def test_the_servers_log_tells_who_read_what(served):
    served.ask(served.load(AUDIT, version=1))
    entries = json.loads(served.run("log", "--json", "--last", "500"))
    query = [entry for entry in entries if entry["action"] == "query"][-1]
    assert (query["recipient"], query["share"], query["table"]) == (PARTNER, SHARE, AUDIT)
    assert (query["version"], query["rows"], query["status"]) == (1, 2 * len(DAYS), 200)
    files = [entry for entry in entries if entry["action"] == "file" and entry["table"] == AUDIT]
    assert sum(entry["bytes"] for entry in files) > 0


def test_a_change_of_the_lake_is_there_for_the_next_query(served):
    before, after = DAYS[-1], DAYS[-1] + timedelta(days=1)
    served.lake.write(
        PREDICTIONS,
        predictions([after], "risk"),
        first=after,
        last=after,
        slice="risk",
        stamps=stamps(7),
    )
    (found,) = served.ask(served.load(PREDICTIONS))
    assert max(found.columns["prediction_date"]) == after.isoformat()
    stored = served.lake.read(PREDICTIONS, with_stamps=True)
    assert stored.filter(pl.col("prediction_date") > before).height == 1
    same(found, stored, PREDICTIONS)
