"""What recipients get: what their share names, at the versions it shares, and nothing else."""

import base64
import json
import os
import shutil
from datetime import timedelta
from itertools import pairwise
from types import SimpleNamespace
from urllib.parse import urlsplit

import polars as pl
import pyarrow.parquet as pq
import pytest

from stocks_ai_assets.errors import RefusedError, SharingError
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.lake.layout import YEAR
from stocks_ai_assets.sharing.service import SharingService
from stocks_ai_assets.sharing.shares import Share, Shares
from stocks_ai_assets.sharing.versions import Versions
from stocks_ai_assets.tables.spec import STAMPS
from stocks_ai_assets_tests.lake.conftest import SESSIONS, predictions, stamps
from stocks_ai_assets_tests.sharing.conftest import (
    BASE,
    DAYS,
    NOW,
    PREDICTIONS,
    SHARES,
    SYNTHESIZED,
    VIEW,
    lines,
    parts,
    shared,
)

HOUR = timedelta(hours=1)


def refusal(status, call, *arguments, **named):
    with pytest.raises(RefusedError) as caught:
        call(*arguments, **named)
    assert caught.value.status == status, caught.value
    return str(caught.value)


def files(objects, *kinds):
    kinds = kinds or ("file",)
    return [body for each in objects for kind, body in each.items() if kind in kinds]


def opened(sharing, url, now=NOW):
    return sharing.service.open_file(*parts(url), now)[2]


def rows(sharing, objects):
    """Rows as a client puts them together: the files' columns, then the partition values."""
    frames = []
    for file in files(objects):
        with opened(sharing, file["url"]) as stream:
            assert os.fstat(stream.fileno()).st_size == file["size"]
            frame = pl.DataFrame(pq.ParquetFile(stream).read())
        values = {name: pl.lit(value) for name, value in file["partitionValues"].items()}
        frames.append(frame.with_columns(**values))
    return pl.concat(frames)


def schema(objects):
    return json.loads(objects[1]["metaData"]["schemaString"])["fields"]


def test_a_table_shared_whole_gives_exactly_the_rows_of_the_lake(sharing):
    for path, key in (
        (SYNTHESIZED, ["symbol", "prediction_date"]),
        (PREDICTIONS, ["agent", "prediction_date"]),
    ):
        objects = sharing.query(path)
        stored = sharing.lake.read(path, with_stamps=True)
        assert [field["name"] for field in schema(objects)] == stored.columns
        found = rows(sharing, objects).select(stored.columns).cast(stored.schema)
        assert found.sort(key).equals(stored.sort(key))


def test_a_view_gives_its_columns_alone_and_no_trace_of_others(sharing):
    objects = sharing.query("meta.audit")
    assert [field["name"] for field in schema(objects)] == list(VIEW)
    assert objects[1]["metaData"]["partitionColumns"] == []
    found, stored = rows(sharing, objects), sharing.lake.read(SYNTHESIZED, columns=VIEW)
    assert found.sort("symbol").equals(stored.sort("symbol"))
    for file in files(objects):
        stats = json.loads(file["stats"])
        assert {
            name for kind in ("minValues", "maxValues", "nullCount") for name in stats[kind]
        } <= set(VIEW)
        content = opened(sharing, file["url"]).read()
        assert b"rises, slightly" not in content
        assert b"predicted_alpha" not in content


def test_the_hidden_year_is_hidden_and_a_slice_is_a_partition(sharing):
    whole, view = sharing.query(PREDICTIONS), sharing.query("agents.slim")
    for objects in (whole, view):
        assert YEAR not in json.dumps([{**each, "url": ""} for each in schema(objects)])
        assert objects[1]["metaData"]["partitionColumns"] == ["agent"]
        assert {tuple(file["partitionValues"].items()) for file in files(objects)} == {
            (("agent", "risk"),),
            (("agent", "esg"),),
        }
    assert [field["name"] for field in schema(view)] == ["symbol", "agent"]
    assert [field["name"] for field in schema(whole)][-4:] == list(STAMPS)


def test_what_a_share_does_not_name_is_answered_like_what_does_not_exist(sharing):
    wanted = [
        ("evaluation.trials", {}),
        ("evaluation.nothing", {}),
        ("nowhere.trials", {}),
        ("/etc.passwd", {}),
        ("evaluation.trials", {"share": "internal"}),
        ("evaluation.trials", {"share": "no_such_share"}),
        (PREDICTIONS, {"recipient": "desk"}),
    ]
    (said,) = {refusal(404, sharing.find, path, **who) for path, who in wanted}
    assert said.endswith("List what is shared with you, or ask the provider.")
    assert sharing.find("evaluation.trials", "desk", "internal").table.table == "evaluation.trials"


def test_names_are_found_whatever_the_case_of_their_letters(sharing):
    assert sharing.find("META.Audit", share="PREDICTIONS") == sharing.find("meta.audit")


def test_lists_hold_what_is_shared_with_the_caller(sharing):
    directory = sharing.service.directory
    fund, desk = (
        directory.authenticate(f"bearer {sharing.tokens[who]}", NOW) for who in ("fund", "desk")
    )

    def items(answer):
        return [each["name"] for each in json.loads(answer.body)["items"]]

    assert items(directory.list_shares(fund, {})) == ["Predictions"]
    assert items(directory.list_shares(desk, {})) == ["internal"]
    assert items(directory.list_schemas(fund, "predictions", {})) == ["agents", "meta", "signals"]
    assert items(directory.list_tables(fund, "predictions", "META", {})) == [
        "audit",
        "synthesized_predictions",
    ]
    assert len(items(directory.list_tables(fund, "predictions", None, {}))) == 5
    refusal(404, directory.list_tables, fund, "predictions", "evaluation", {})
    refusal(404, directory.list_tables, fund, "internal", None, {})
    first = json.loads(directory.list_tables(fund, "predictions", None, {"maxResults": "2"}).body)
    other = {"pageToken": first["nextPageToken"]}
    assert items(directory.list_tables(fund, "predictions", None, other)) == [
        "audit",
        "synthesized_predictions",
        "esg",
    ]
    refusal(400, directory.list_tables, fund, "predictions", "meta", other)
    refusal(400, directory.list_shares, desk, other)


def test_earlier_versions_are_given_where_history_is_shared(sharing):
    alpha = {
        version: rows(sharing, sharing.query(SYNTHESIZED, {"version": version}))[
            "predicted_alpha"
        ].max()
        for version in (1, 2)
    }
    assert alpha == {1: 0.01, 2: 0.05}
    assert files(sharing.query(SYNTHESIZED, {"version": 0})) == []
    assert sharing.query(SYNTHESIZED, {"version": 1})[1]["metaData"]["version"] == 1
    assert (
        refusal(400, sharing.query, SYNTHESIZED, {"version": 3})
        == "There is no version 3: versions are 0..2."
    )


def test_a_moment_gives_the_version_that_was_newest_then(sharing):
    commits = sorted((c.version, c.timestamp) for c in sharing.lake.history(SYNTHESIZED))
    for (version, at), (_, following) in pairwise(commits):
        for moment in (at, following - timedelta(milliseconds=1)):
            body = {"timestamp": moment.isoformat()}
            found = sharing.service.query(sharing.find(SYNTHESIZED), body, "parquet", NOW)
            assert found.version == version
            since = sharing.service.version(
                sharing.find(SYNTHESIZED), {"startingTimestamp": moment.isoformat()}
            )
            assert since.version == (version if moment == at else version + 1)
    before = {"timestamp": (commits[0][1] - timedelta(milliseconds=1)).isoformat()}
    assert "before the oldest version, 0" in refusal(400, sharing.query, SYNTHESIZED, before)
    after = {"timestamp": (commits[-1][1] + timedelta(milliseconds=1)).isoformat()}
    assert "after the newest version, 2" in refusal(400, sharing.query, SYNTHESIZED, after)


def test_without_history_only_the_newest_version_is_there(sharing):
    for body in (
        {"version": 1},
        {"version": 4},
        {"timestamp": "2029-01-01T00:00:00Z"},
        {"startingVersion": 0},
    ):
        assert "without history" in refusal(400, sharing.query, PREDICTIONS, body)
    found = sharing.find(PREDICTIONS)
    assert "without history" in refusal(
        400, sharing.service.changes, found, {"startingVersion": "0"}, "parquet", NOW
    )
    assert "without history" in refusal(
        400, sharing.service.version, found, {"startingTimestamp": "2020-01-01T00:00:00Z"}
    )
    assert sharing.service.version(found, {}).version == sharing.lake.version(PREDICTIONS)
    assert sharing.find(PREDICTIONS, "desk", "internal").table.history


def test_parameters_that_contradict_each_other_are_refused(sharing):
    both = {"version": 1, "timestamp": "2029-01-01T00:00:00Z"}
    assert "only one of version, timestamp" in refusal(400, sharing.query, SYNTHESIZED, both)
    for values in (
        {},
        {"startingVersion": "2", "endingVersion": "1"},
        {"startingVersion": "0", "endingVersion": "9"},
        {"startingVersion": "0", "startingTimestamp": "2029-01-01T00:00:00Z"},
        {"startingVersion": "x"},
    ):
        refusal(400, sharing.service.changes, sharing.find(SYNTHESIZED), values, "parquet", NOW)


def changes(sharing, path, **values):
    return lines(sharing.service.changes(sharing.find(path), values, "parquet", NOW))


def test_changes_are_what_the_lake_says_changed(sharing):
    objects = changes(sharing, SYNTHESIZED, startingVersion="1")
    assert [(len(files([each], kind)), kind) for each in objects[2:] for kind in each] == [
        (1, "add"),
        (1, "add"),
        (1, "cdf"),
    ]
    added = [pq.read_table(opened(sharing, f["url"])).num_rows for f in files(objects, "add")]
    assert sum(added) == sharing.lake.changes(SYNTHESIZED, 0, 1).height
    (corrected,) = files(objects, "cdf")
    found = pl.DataFrame(pq.read_table(opened(sharing, corrected["url"])))
    stored = sharing.lake.changes(SYNTHESIZED, 1, 2)
    order = ["symbol", "_change_type"]
    assert (
        found.select("symbol", "_change_type", "predicted_alpha")
        .sort(order)
        .equals(stored.select("symbol", "_change_type", "predicted_alpha").sort(order))
    )
    commit = next(c for c in sharing.lake.history(SYNTHESIZED) if c.version == 2)
    assert (corrected["version"], corrected["timestamp"]) == (
        2,
        commit.timestamp.timestamp() * 1000,
    )


def test_changes_of_a_view_hold_its_columns_and_the_kind_of_change(sharing):
    (corrected,) = files(changes(sharing, "meta.audit", startingVersion="2"), "cdf")
    assert pq.read_table(opened(sharing, corrected["url"])).column_names == [*VIEW, "_change_type"]


def test_data_files_since_a_version_come_without_change_files(sharing):
    objects = sharing.query(SYNTHESIZED, {"startingVersion": 2})
    assert [kind for each in objects[2:] for kind in each] == ["add", "remove"]


def test_compaction_changes_nothing_for_readers_of_changes(tmp_path, sharing):
    shutil.copytree(sharing.lake.root, tmp_path / "lake")
    lake = Lake(tmp_path / "lake")
    before = lake.version(PREDICTIONS)
    for day in SESSIONS[20:22]:
        span = {"first": day, "last": day, "slice": "esg"}
        lake.write(PREDICTIONS, predictions([day], "esg"), **span, stamps=stamps(9))
    written = lake.version(PREDICTIONS)
    lake.compact()
    assert lake.version(PREDICTIONS) > written
    versions = Versions(lake)
    assert versions.actions(PREDICTIONS, before + 1, written, changes=True)
    assert versions.actions(PREDICTIONS, written + 1, lake.version(PREDICTIONS), changes=True) == []


def test_hints_leave_out_files_and_the_answer_says_how_many_rows_are_left(sharing):
    hint = {
        "op": "equal",
        "children": [
            {"op": "column", "name": "agent", "valueType": "string"},
            {"op": "literal", "value": "esg", "valueType": "string"},
        ],
    }
    found = sharing.find(PREDICTIONS)
    body = {
        "jsonPredicateHints": json.dumps(hint),
        "predicateHints": ["prediction_date > '2021-01-01'"],
    }
    answer = sharing.service.query(found, body, "parquet", NOW)
    assert (answer.files, answer.rows) == (
        1,
        sharing.lake.read(PREDICTIONS, first=DAYS[13], slices=["esg"]).height,
    )
    assert sharing.service.query(found, {"limitHint": 1}, "parquet", NOW).files == 1


def test_hints_about_columns_that_a_view_hides_change_nothing(sharing):
    def given(path, day):
        body = {"predicateHints": [f"prediction_date > '{day}'"]}
        answer = sharing.service.query(sharing.find(path), body, "parquet", NOW)
        return answer.files, answer.rows

    assert given(SYNTHESIZED, "2021-01-01")[0] == 1
    assert given(SYNTHESIZED, "2031-01-01") == (0, 0)
    assert given("meta.audit", "2021-01-01") == given("meta.audit", "2031-01-01") == (1, 40)


def test_the_same_file_keeps_its_id_and_a_view_has_others(sharing):
    first, again = (files(sharing.query(SYNTHESIZED, {"version": 2})) for _ in range(2))
    earlier, view = (
        files(sharing.query(SYNTHESIZED, {"version": 1})),
        files(sharing.query("meta.audit")),
    )
    ids = [{file["id"] for file in each} for each in (first, again, earlier, view)]
    assert ids[0] == ids[1]
    assert len(ids[0] & ids[2]) == 1
    assert not ids[0] & ids[3]


def test_the_delta_format_holds_the_same_files_as_actions_of_a_log(sharing):
    objects = sharing.query(PREDICTIONS, form="delta")
    assert objects[0]["protocol"]["deltaProtocol"]["minReaderVersion"] == 1
    assert objects[1]["metaData"]["deltaMetadata"]["partitionColumns"] == ["agent"]
    plain = {file["id"]: file for file in files(sharing.query(PREDICTIONS))}
    for file in files(objects):
        action = file["deltaSingleAction"]["add"]
        expected = plain[file["id"]]
        assert (action["size"], action["stats"]) == (expected["size"], expected["stats"])
        assert action["partitionValues"] == expected["partitionValues"]


def test_a_url_ends_with_its_time_its_token_its_share_and_its_file(sharing, tmp_path):
    (url, *_) = (file["url"] for file in files(sharing.query("meta.audit")))
    assert url.startswith(f"{BASE}/files/")
    assert opened(sharing, url, NOW + HOUR - timedelta(seconds=1))
    assert "ended" in refusal(403, opened, sharing, url, NOW + HOUR)
    sharing.current.shares = Shares(
        [Share(name="Predictions", recipients=frozenset({"fund"}), tables=(shared(SYNTHESIZED),))]
    )
    refusal(404, opened, sharing, url)
    sharing.current.shares = Shares(
        [Share(name="Predictions", recipients=frozenset({"desk"}), tables=SHARES.all[1].tables)]
    )
    refusal(404, opened, sharing, url)
    sharing.current.shares = SHARES
    assert opened(sharing, url)
    sharing.recipients.revoke("fund", now=NOW)
    assert "revoked" in refusal(401, opened, sharing, url)


def test_urls_show_neither_folders_of_the_server_nor_its_key(sharing):
    (url, *_) = (file["url"] for file in files(sharing.query(PREDICTIONS)))
    body, _ = parts(url)
    shown = base64.urlsafe_b64decode(body + "==").decode()
    assert "agent" not in shown.replace("agents.", ""), "a hidden slice would be told"
    assert ".parquet" not in shown
    assert str(sharing.folder.parent) not in shown
    assert str(sharing.lake.root) not in shown
    assert urlsplit(url).query.startswith("sp=r&sig=")


def test_a_shared_table_that_was_never_written_says_so(sharing):
    assert "not written yet. Ask the provider" in refusal(404, sharing.query, "signals.esg")


def test_a_version_whose_files_were_vacuumed_is_refused_by_name(sharing, tmp_path):
    root = tmp_path / "lake"
    shutil.copytree(sharing.lake.root, root)
    versions = Versions(Lake(root))
    gone = set(versions.version(SYNTHESIZED, 1).files["path"]) - set(
        versions.version(SYNTHESIZED, 2).files["path"]
    )
    for path in gone:
        (root / "meta" / "synthesized_predictions" / path).unlink()
    moved = _other_lake(sharing, root)
    for path in (SYNTHESIZED, "meta.audit"):
        assert "vacuumed" in refusal(404, moved.query, path, {"version": 1})
        assert files(moved.query(path))
    Lake(root).compact()
    for number in (0, 1):
        (root / "meta" / "synthesized_predictions" / "_delta_log" / f"{number:020d}.json").unlink()
    fresh = _other_lake(sharing, root)
    values = {"startingVersion": "1", "endingVersion": "1"}
    assert "no longer there" in refusal(
        404, fresh.service.changes, fresh.find(SYNTHESIZED), values, "parquet", NOW
    )


def _other_lake(sharing, root):
    service = SharingService(
        Lake(root),
        lambda: SHARES,
        sharing.recipients,
        sharing.folder,
        link_lifetime=HOUR,
        cache_bytes=2**20,
    )
    token = service.directory.authenticate(f"Bearer {sharing.tokens['fund']}", NOW)

    def find(path):
        return service.directory.find(token, "predictions", *path.split("."), BASE)

    return SimpleNamespace(
        service=service,
        find=find,
        query=lambda path, body=None: lines(service.query(find(path), body or {}, "parquet", NOW)),
    )


def test_a_lake_in_an_object_store_is_refused_with_what_to_do(tmp_path):
    class Remote:
        root = "s3://bucket/lake"

    with pytest.raises(SharingError, match=r"s3://bucket/lake.*Databricks"):
        Versions(Remote())


def test_headers_without_a_token_are_refused(sharing):
    for header in (None, "", "Bearer", "Bearer ", "Basic abc", sharing.tokens["fund"]):
        refusal(401, sharing.service.directory.authenticate, header, NOW)


def test_a_share_that_names_what_the_lake_does_not_have_is_refused():
    with pytest.raises(SharingError, match=r"`meta\.nothing`, which is no table"):
        shared("meta.nothing")
    with pytest.raises(SharingError, match=r"columns that .* does not have: alpha"):
        shared(SYNTHESIZED, columns=("symbol", "alpha"))
    with pytest.raises(SharingError, match=r"names meta\.synthesized_predictions twice"):
        Share(name="s", recipients=frozenset(), tables=(shared(SYNTHESIZED), shared(SYNTHESIZED)))
