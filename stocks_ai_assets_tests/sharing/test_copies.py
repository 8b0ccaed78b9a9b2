"""Copies hold the shared columns and nothing of the others, and are made once."""

import os
from contextlib import nullcontext
from multiprocessing.pool import ThreadPool

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stocks_ai_assets.sharing.copies import Copies

HIDDEN = "strictly-private-text"


def columns(**kinds):
    return pa.schema(kinds)


N, SYMBOL = columns(n=pa.int64()), columns(symbol=pa.string())


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
    copy = copies.shared([source], "id", ["p"], columns(n=pa.int64(), symbol=pa.string()))
    content = copy.read_bytes()
    assert HIDDEN.encode() in source.read_bytes()
    assert HIDDEN.encode() not in content
    assert b"hidden" not in content
    assert pq.read_table(copy).to_pydict() == {"n": [1, None], "symbol": ["AA", "BB"]}


def test_a_plain_file_shared_whole_is_given_as_it_is(copies, source, tmp_path):
    assert copies.shared([source], "id", ["p"], None) == source
    assert made(tmp_path) == []


def test_a_file_in_types_that_only_new_readers_know_is_copied_in_others(copies, tmp_path):
    file, kind = tmp_path / "new.parquet", pa.list_(pa.string_view())
    pq.write_table(
        pa.table({"texts": pa.array([["a", ""], [], None], pa.list_(pa.string())).cast(kind)}), file
    )
    assert "view" in str(pq.read_schema(file).field("texts").type)
    copy = copies.shared([file], "id", ["new"], None)
    assert pq.read_table(copy).to_pydict() == {"texts": [["a", ""], [], None]}
    assert "view" not in str(pq.read_schema(copy).field("texts").type)


def test_a_copy_is_made_once_whoever_asks_at_the_same_time(copies, source, tmp_path, monkeypatch):
    writes = []
    real = pq.ParquetWriter
    monkeypatch.setattr(pq, "ParquetWriter", lambda *a, **k: (writes.append(a), real(*a, **k))[1])
    with ThreadPool(8) as pool:
        found = set(pool.map(lambda _: copies.shared([source], "id", ["p"], N), range(16)))
    assert len(found) == len(writes) == len(made(tmp_path)) == 1


def test_other_columns_another_file_or_another_table_is_another_copy(copies, source):
    asked = [
        ("id", ["p"], N),
        ("id", ["p"], SYMBOL),
        ("id", ["p"], columns(n=pa.float64())),
        ("id", ["q"], N),
        ("other", ["p"], N),
    ]
    assert len({copies.shared([source], *each) for each in asked}) == len(asked)


def test_what_was_removed_from_the_lake_is_not_given_from_a_copy(copies, source):
    copies.shared([source], "id", ["p"], N)
    source.unlink()
    with pytest.raises(FileNotFoundError):
        copies.shared([source], "id", ["p"], N)


def test_a_process_killed_while_it_copied_leaves_nothing_that_is_given(
    copies, source, tmp_path, monkeypatch
):
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        copies.shared([source], "id", ["p"], N)
    monkeypatch.undo()
    assert pq.read_table(copies.shared([source], "id", ["p"], N)).num_rows == 2


def test_copies_beyond_the_limit_go_the_longest_unused_first(source, tmp_path):
    unlimited = Copies(tmp_path / "copies", 2**20)
    old, used, new = (unlimited.shared([source], "id", [path], N) for path in "abc")
    for age, file in ((300, old), (200, used), (100, new)):
        moment = file.stat().st_mtime - age
        os.utime(file, (moment, moment))
    unlimited.shared([source], "id", ["b"], N)
    Copies(tmp_path / "copies", 2 * old.stat().st_size).shrink()
    assert sorted(made(tmp_path)) == sorted([used, new])
    assert unlimited.shared([source], "id", ["a"], N) == old


def test_files_that_become_one_keep_their_rows_with_nulls_for_what_they_lack(copies, tmp_path):
    older, newer = tmp_path / "older.parquet", tmp_path / "newer.parquet"
    pq.write_table(pa.table({"symbol": ["A"], "hidden": [HIDDEN]}), older)
    rows = pa.table({"n": [1.5, None], "symbol": pa.array(["B", "C"], pa.string_view())})
    pq.write_table(rows, newer)
    wanted = columns(n=pa.float64(), symbol=pa.string(), absent=pa.date32())
    copy = copies.shared([older, newer], "id", ["o", "n"], wanted)
    assert pq.read_table(copy).to_pydict() == {
        "n": [None, 1.5, None],
        "symbol": ["A", "B", "C"],
        "absent": [None, None, None],
    }
    assert pq.read_schema(copy).field("absent").type == pa.date32()
    assert HIDDEN.encode() not in copy.read_bytes()


@pytest.mark.parametrize("files", [1, 2])
def test_files_that_have_none_of_the_columns_keep_their_rows(copies, source, files):
    kinds = columns(texts=pa.list_(pa.string_view()), absent=pa.date32())
    copy = copies.shared([source] * files, "id", ["p"] * files, kinds)
    nulls = [None, None] * files
    assert pq.read_table(copy).to_pydict() == {"texts": nulls, "absent": nulls}
    assert "view" not in str(pq.read_schema(copy).field("texts").type)


def test_rows_of_many_small_files_share_row_groups(copies, tmp_path):
    small = []
    for n in range(40):
        small.append(tmp_path / f"{n}.parquet")
        pq.write_table(pa.table({"n": [n, n]}), small[-1])
    copy = copies.shared(small, "id", [file.name for file in small], N)
    assert pq.ParquetFile(copy).metadata.num_row_groups == 1
    assert pq.read_table(copy)["n"].to_pylist() == [n for n in range(40) for _ in range(2)]


def test_a_copy_that_is_removed_while_it_is_opened_is_made_again(copies, source, monkeypatch):
    real, removed = copies.shared, []

    def vanishing(*arguments):
        file = real(*arguments)
        if len(removed) < 3:
            removed.append(file)
            file.unlink()
        return file

    monkeypatch.setattr(copies, "shared", vanishing)
    with copies.opened([source], "id", ["p"], N) as stream:
        removed[0].unlink()
        assert pq.read_table(stream).to_pydict() == {"n": [1, None]}
    assert len(removed) == 3


def test_whoever_reads_while_copies_are_removed_gets_whole_files(source, tmp_path):
    size = Copies(tmp_path / "one", 2**20).shared([source], "id", ["a"], N).stat().st_size
    tight = Copies(tmp_path / "copies", 2 * size)

    def read(turn):
        with tight.opened([source], "id", [f"{turn % 4}"], N) as stream:
            tight.shrink()
            return pq.read_table(stream).to_pydict()

    with ThreadPool(4) as pool:
        assert all(found == {"n": [1, None]} for found in pool.map(read, range(200)))
    tight.shrink()
    assert sum(file.stat().st_size for file in made(tmp_path)) <= 2 * size


def test_what_is_used_or_written_while_the_copies_are_looked_through_stays(source, tmp_path):
    copies = Copies(tmp_path / "copies", 2**20)
    file = copies.shared([source], "id", ["a"], N)
    os.utime(file, (1, 1))
    draft = file.with_name(f".{file.stem}.ab")
    draft.write_bytes(b"half")
    real = os.scandir

    def used_meanwhile(folder):
        found = list(real(folder))
        for entry in found:
            entry.stat()
        os.utime(file)
        return nullcontext(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "scandir", used_meanwhile)
        Copies(tmp_path / "copies", 0).shrink()
    assert file.exists()
    assert draft.exists()
    os.utime(draft, (1, 1))
    Copies(tmp_path / "copies", 0).shrink()
    assert not file.exists()
    assert not draft.exists()


def test_a_copy_has_moments_in_the_one_form_that_all_readers_know(copies, tmp_path):
    moment = [1_704_067_200_000_001]
    old, new = tmp_path / "old.parquet", tmp_path / "new.parquet"
    nanoseconds = pa.array([1000 * each for each in moment], pa.timestamp("ns"))
    pq.write_table(pa.table({"at": nanoseconds}), old, use_deprecated_int96_timestamps=True)
    pq.write_table(pa.table({"at": pa.array(moment, pa.timestamp("us", "UTC"))}), new)
    assert "ns" in str(pq.read_schema(old).field("at").type)
    for sources in ([old], [old, new], [new, old]):
        copy = copies.shared(
            sources, "id", [each.name for each in sources], columns(at=pa.timestamp("us", "UTC"))
        )
        rows = pq.read_table(copy)
        assert rows.schema.field("at").type == pa.timestamp("us", "UTC")
        assert rows["at"].cast(pa.int64()).to_pylist() == moment * len(sources)
