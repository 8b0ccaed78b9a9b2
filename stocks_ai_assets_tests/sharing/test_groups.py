"""Files of a view come in few groups: every file once, slices apart, earlier groups kept."""

import json
from datetime import timedelta

import polars as pl
import pyarrow.parquet as pq
import pytest

from stocks_ai_assets.lake import Lake
from stocks_ai_assets.sharing import groups
from stocks_ai_assets.sharing.groups import groups_of, together
from stocks_ai_assets.sharing.links import FileNames
from stocks_ai_assets.sharing.recipients import Recipients
from stocks_ai_assets.sharing.service import SharingService
from stocks_ai_assets.sharing.shares import Share, Shares
from stocks_ai_assets.sharing.signing import Signer
from stocks_ai_assets_tests.lake.conftest import SESSIONS, predictions, stamps
from stocks_ai_assets_tests.sharing.conftest import BASE, NOW, PREDICTIONS, lines, parts, shared


def files(*rows):
    """Files of a version: (path, agent, rows, time)."""
    columns = ("path", "partition.agent", "num_records", "modification_time")
    return pl.DataFrame(rows, schema=columns, orient="row")


def paths(found):
    return [tuple(row["path"] for row in group) for group in found]


def test_files_are_grouped_in_the_order_of_their_writing_and_by_slice_where_it_is_shown(
    monkeypatch,
):
    monkeypatch.setattr(groups, "ROWS", 10)
    there = files(("z", "risk", 6, 1), ("y", "esg", 6, 2), ("x", "risk", 6, 3), ("w", "risk", 6, 4))
    assert paths(groups_of(there, ["agent"])) == [("z", "x"), ("y",), ("w",)]
    assert paths(groups_of(there, [])) == [("z", "y"), ("x", "w")]
    assert paths(groups_of(there.sample(fraction=1.0, shuffle=True, seed=1), [])) == paths(
        groups_of(there, [])
    )
    assert groups_of(there.head(0), []) == []


def test_a_new_file_changes_only_the_last_group_of_its_slice(monkeypatch):
    monkeypatch.setattr(groups, "ROWS", 10)
    there = files(*((f"{n}", "risk", 6, n) for n in range(5)))
    more = pl.concat([there, files(("0-new", "risk", 6, 9))])
    before, after = paths(groups_of(there, [])), paths(groups_of(more, []))
    assert before == [("0", "1"), ("2", "3"), ("4",)]
    assert after == [("0", "1"), ("2", "3"), ("4", "0-new")]


def test_a_file_that_is_gone_changes_the_groups_after_it_and_none_before(monkeypatch):
    monkeypatch.setattr(groups, "ROWS", 10)
    there = files(*((f"{n}", "risk", 6, n) for n in range(6)))
    after = paths(groups_of(there.filter(pl.col("path") != "2"), []))
    assert after == [("0", "1"), ("3", "4"), ("5",)]


def test_a_group_is_named_by_its_version_its_table_and_its_files(tmp_path):
    names = FileNames(Signer(b"k" * 32))
    name = names.of_group(5, "table", ["a", "b"])
    others = [(6, "table", ["a", "b"]), (5, "other", ["a", "b"]), (5, "table", ["a"])]
    assert name not in {names.of_group(*each) for each in others}
    assert name == names.of_group(5, "table", ["a", "b"])
    assert names.version(name) == 5


def test_a_file_that_does_not_tell_its_rows_ends_its_group(monkeypatch):
    monkeypatch.setattr(groups, "ROWS", 10)
    there = files(("a", None, None, 1), ("b", None, 1, 2), ("c", None, 1, 3))
    assert paths(groups_of(there, [])) == [("a",), ("b", "c")]


def test_what_is_known_of_a_group_is_what_all_its_files_tell():
    first = {"path": "a", "partition.agent": "risk", "num_records": 2, "size_bytes": 5}
    first |= {"min.x": 1.0, "max.x": 3.0, "null_count.x": 1, "min.y": "a"}
    second = {**first, "path": "b", "min.x": 0.5, "max.x": 2.0, "null_count.x": 0, "min.y": None}
    found = together([first, second])
    assert (found["min.x"], found["max.x"], found["null_count.x"]) == (0.5, 3.0, 1)
    assert (found["num_records"], found["partition.agent"]) == (4, "risk")
    assert found["min.y"] is None


@pytest.fixture
def view(tmp_path, monkeypatch):
    """A lake of one commit a day, and what a recipient of a view of it gets."""
    monkeypatch.setattr(groups, "ROWS", 3)
    lake, folder = Lake(tmp_path / "lake"), tmp_path / "sharing"
    table = shared(PREDICTIONS, path="agents.slim", columns=("symbol", "prediction_date"))
    shares = Shares([Share(name="s", recipients=frozenset({"fund"}), tables=(table,))])
    recipients = Recipients(folder)
    service = SharingService(
        lake,
        lambda: shares,
        recipients,
        folder,
        link_lifetime=timedelta(hours=1),
        cache_bytes=2**30,
    )
    token, _ = recipients.issue("fund", now=NOW, lifetime=timedelta(days=1))

    def write(first, last):
        for day in SESSIONS[first:last]:
            rows = predictions([day], "risk")
            lake.write(PREDICTIONS, rows, first=day, last=day, slice="risk", stamps=stamps(1))

    def query():
        known = service.directory.authenticate(f"Bearer {token}", NOW)
        found = service.directory.find(known, "s", "agents", "slim", BASE)
        return [each["file"] for each in lines(service.query(found, {}, "parquet", NOW))[2:]]

    def days(file):
        with service.open_file(*parts(file["url"]), NOW)[2] as stream:
            return pq.read_table(stream)["prediction_date"].to_pylist()

    return write, query, days


def test_a_link_gives_the_rows_of_its_version_also_after_the_next_commit(view):
    write, query, days = view
    write(0, 4)
    before = query()
    assert len(before) == 2
    write(4, 5)
    after = query()
    assert [days(file) for file in before] == [[*SESSIONS[:3]], [SESSIONS[3]]]
    assert [days(file) for file in after] == [[*SESSIONS[:3]], [*SESSIONS[3:5]]]
    assert [json.loads(file["stats"])["numRecords"] for file in after] == [3, 2]
    assert before[0]["id"] == after[0]["id"]
    assert before[1]["id"] != after[1]["id"]


def test_rows_of_files_from_before_every_column_of_a_view_are_given_all_the_same(view, tmp_path):
    write, query, days = view
    write(0, 4)
    for file in (tmp_path / "lake").rglob("*.parquet"):
        with pq.ParquetFile(file) as stored:
            rows = stored.read()
        pq.write_table(rows.drop_columns(["symbol", "prediction_date"]), file)
    assert [days(file) for file in query()] == [[None] * 3, [None]]
