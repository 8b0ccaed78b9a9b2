"""Copies hold the shared columns and nothing of the others, and are made once."""

import os
from multiprocessing.pool import ThreadPool

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stocks_ai_assets.sharing.copies import Copies

HIDDEN = "strictly-private-text"


@pytest.fixture
def source(tmp_path):
    file = tmp_path / "source.parquet"
    rows = pa.table({"symbol": ["AA", "BB"], "hidden": [HIDDEN, HIDDEN], "n": [1, None]})
    pq.write_table(rows, file)
    return file


@pytest.fixture
def copies(tmp_path):
    return Copies(tmp_path / "copies", 2**20)


def made(tmp_path):
    return [file for file in (tmp_path / "copies").rglob("*") if file.is_file()]


def test_no_byte_of_a_hidden_column_is_in_the_copy(copies, source):
    copy = copies.shared(source, "id", "p", ("n", "symbol"))
    content = copy.read_bytes()
    assert HIDDEN.encode() in source.read_bytes()
    assert HIDDEN.encode() not in content
    assert b"hidden" not in content
    assert pq.read_table(copy).to_pydict() == {"n": [1, None], "symbol": ["AA", "BB"]}


def test_a_plain_file_shared_whole_is_given_as_it_is(copies, source, tmp_path):
    assert copies.shared(source, "id", "p", None) == source
    assert made(tmp_path) == []


def test_a_file_in_types_that_only_new_readers_know_is_copied_in_others(copies, tmp_path):
    file, kind = tmp_path / "new.parquet", pa.list_(pa.string_view())
    pq.write_table(
        pa.table({"texts": pa.array([["a", ""], [], None], pa.list_(pa.string())).cast(kind)}), file
    )
    assert "view" in str(pq.read_schema(file).field("texts").type)
    copy = copies.shared(file, "id", "new", None)
    assert pq.read_table(copy).to_pydict() == {"texts": [["a", ""], [], None]}
    assert "view" not in str(pq.read_schema(copy).field("texts").type)


def test_a_copy_is_made_once_whoever_asks_at_the_same_time(copies, source, tmp_path, monkeypatch):
    writes = []
    real = pq.write_table
    monkeypatch.setattr(pq, "write_table", lambda *a, **k: (writes.append(a), real(*a, **k)))
    with ThreadPool(8) as pool:
        found = set(pool.map(lambda _: copies.shared(source, "id", "p", ("n",)), range(16)))
    assert len(found) == len(writes) == len(made(tmp_path)) == 1


def test_other_columns_another_file_or_another_table_is_another_copy(copies, source):
    asked = [
        ("id", "p", ("n",)),
        ("id", "p", ("symbol",)),
        ("id", "q", ("n",)),
        ("other", "p", ("n",)),
    ]
    assert len({copies.shared(source, *each) for each in asked}) == len(asked)


def test_what_was_removed_from_the_lake_is_not_given_from_a_copy(copies, source):
    copies.shared(source, "id", "p", ("n",))
    source.unlink()
    with pytest.raises(FileNotFoundError):
        copies.shared(source, "id", "p", ("n",))


def test_a_process_killed_while_it_copied_leaves_nothing_that_is_given(
    copies, source, tmp_path, monkeypatch
):
    monkeypatch.setattr(pq, "write_table", lambda rows, draft, **_: draft.write_bytes(b"half"))
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        copies.shared(source, "id", "p", ("n",))
    monkeypatch.undo()
    assert pq.read_table(copies.shared(source, "id", "p", ("n",))).num_rows == 2


def test_copies_beyond_the_limit_go_the_longest_unused_first(source, tmp_path):
    unlimited = Copies(tmp_path / "copies", 2**20)
    old, used, new = (unlimited.shared(source, "id", path, ("n",)) for path in "abc")
    for age, file in ((300, old), (200, used), (100, new)):
        moment = file.stat().st_mtime - age
        os.utime(file, (moment, moment))
    unlimited.shared(source, "id", "b", ("n",))
    Copies(tmp_path / "copies", 2 * old.stat().st_size).shrink()
    assert sorted(made(tmp_path)) == sorted([used, new])
    assert unlimited.shared(source, "id", "a", ("n",)) == old
