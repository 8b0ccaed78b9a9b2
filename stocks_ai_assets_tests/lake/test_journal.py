"""Where no writer can be kept out, coverage never says more than what is stored."""

import json
import random
import shutil
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from stocks_ai_assets.errors import ConflictError, StorageError
from stocks_ai_assets.lake import Lake, Stamps, handles, journal, replacing
from stocks_ai_assets.lake.journal import SliceJournal
from stocks_ai_assets.lake.replacing import FrameContent
from stocks_ai_assets.lake.seen import touched_by
from stocks_ai_assets.lake.storage import Folder

ESG = "signals.esg"
START = datetime(2024, 1, 1, tzinfo=UTC)


class Shelf:
    """A folder that is used as an object store is: no locks, files made whole or not at all."""

    def __init__(self, root):
        self._folder = Folder(root)

    def __getattr__(self, name):
        return getattr(self._folder, name)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """Open the same lake again and again, as processes on many machines do."""
    monkeypatch.setattr("stocks_ai_assets.lake.lake.open_storage", Shelf)
    return lambda: Lake(tmp_path / "lake")


@pytest.fixture
def write(rows):
    """Write `risk` for some days, by the code of that name."""

    def write(lake, days, risk, first=None):
        return lake.write(
            ESG,
            rows.esg(days, float(risk)),
            first=first or days[0],
            last=days[-1],
            slice=None,
            stamps=Stamps(
                run_id=f"run-{risk}",
                code_version=str(risk),
                input_versions={},
                created=START + timedelta(seconds=int(risk)),
            ),
        )

    return write


def told(lake, days):
    """For each day the code that is said to have computed it; None: not covered."""
    codes = dict.fromkeys(days)
    for segment in lake.coverage(ESG):
        codes |= {d: segment.code_version for d in days if segment.first <= d <= segment.last}
    return codes


def require_true(lake, days):
    """What is covered is what is stored, and has been since the version that is named."""
    segments = lake.coverage(ESG)
    newest = lake.version(ESG)
    for segment in segments:
        inside = [d for d in days if segment.first <= d <= segment.last]
        for version in (segment.changed_version, newest):
            rows = lake.read(ESG, segment.first, segment.last, version=version)
            assert rows.height == 2 * len(inside), (segment, version)
            assert {*rows["total_risk"]} <= {float(segment.code_version)}, (segment, version)


@pytest.fixture
def interrupt(monkeypatch):
    """Let something happen once, just before a step of the next write."""

    def at(owner, step, happen):
        original, pending = getattr(owner, step), [happen]

        def interrupted(*arguments, **named):
            if pending:
                pending.pop()()
            return original(*arguments, **named)

        monkeypatch.setattr(owner, step, interrupted)

    return at


class Killed(BaseException):
    """The process ends here."""


def die():
    raise Killed


def test_writes_are_covered_and_other_processes_see_it(shelf, write, sessions):
    one, two = shelf(), shelf()
    write(one, sessions[:3], 1)
    write(two, sessions[2:5], 2)
    for lake in (one, two, shelf()):
        assert told(lake, sessions[:6]) == dict(
            zip(sessions[:6], ["1", "1", "2", "2", "2", None], strict=True)
        )
        require_true(lake, sessions)
    assert one.coverage(ESG) is one.coverage(ESG)


def test_the_last_to_commit_is_covered_even_if_it_was_not_the_last_to_record(
    shelf, write, sessions, interrupt
):
    days = sessions[:3]
    interrupt(SliceJournal, "covered", lambda: write(shelf(), days, 2))
    write(shelf(), days, 1)
    assert told(shelf(), days) == dict.fromkeys(days, "2")
    require_true(shelf(), sessions)


def test_a_writer_that_lost_compares_again_and_is_the_last(shelf, write, sessions, interrupt):
    days = sessions[:3]
    interrupt(FrameContent, "commit", lambda: write(shelf(), days, 2))
    written = write(shelf(), days, 1)
    assert written.version == 2
    assert told(shelf(), days) == dict.fromkeys(days, "1")
    require_true(shelf(), sessions)


def test_a_writer_that_died_after_its_commit_leaves_its_partitions_to_be_run_again(
    shelf, write, sessions, interrupt
):
    write(shelf(), sessions[:5], 1)
    interrupt(SliceJournal, "covered", die)
    with pytest.raises(Killed):
        write(shelf(), sessions[1:3], 2)
    expected = dict(zip(sessions[:5], ["1", None, None, "1", "1"], strict=True))
    assert told(shelf(), sessions[:5]) == expected
    again = write(shelf(), sessions[1:3], 2)
    assert (again.version, again.changed) == (2, True)
    assert told(shelf(), sessions[1:3]) == dict.fromkeys(sessions[1:3], "2")
    require_true(shelf(), sessions)


def test_a_writer_that_died_before_its_commit_changes_nothing(shelf, write, sessions, interrupt):
    write(shelf(), sessions[:5], 1)
    interrupt(FrameContent, "commit", die)
    with pytest.raises(Killed):
        write(shelf(), sessions[1:3], 2)
    assert told(shelf(), sessions[:5]) == dict.fromkeys(sessions[:5], "1")


def test_partitions_that_a_commit_left_alone_are_known_as_they_were_compared(
    shelf, write, rows, sessions, interrupt
):
    """The commit changes the old year alone, while another writer changes the new one."""
    old, new = sessions[0], sessions[-1]
    days = [old, *sessions[1:]]
    write(shelf(), days, 1)
    frame = rows.esg(days, 1.0).with_columns(
        total_risk=pl.when(session=old).then(9.0).otherwise("total_risk")
    )
    interrupt(FrameContent, "commit", lambda: write(shelf(), [new], 2))
    stamps = Stamps(run_id="r", code_version="3", input_versions={}, created=START)
    written = shelf().write(ESG, frame, first=old, last=new, slice=None, stamps=stamps)
    assert written.version == 3
    assert told(shelf(), [old, new]) == {old: "3", new: "2"}


def test_content_that_another_writer_changed_meanwhile_does_not_keep_its_old_version(
    shelf, write, sessions, interrupt
):
    """Both write the same rows: the second finds them stored, but only since the first's commit."""
    days = sessions[:2]
    write(shelf(), days, 1)
    slow = shelf()
    slow.coverage(ESG)
    interrupt(SliceJournal, "segments", lambda: write(shelf(), days, 2))
    write(slow, days, 2)
    assert {s.changed_version for s in shelf().coverage(ESG)} == {2}
    require_true(shelf(), sessions)


def test_a_merge_into_one_year_is_not_disturbed_by_one_into_another(
    shelf, rows, sessions, interrupt, monkeypatch
):
    name = "meta.synthesized_predictions"

    def merge(days, alpha):
        where = {"first": days[0], "last": days[-1], "slice": None}
        return shelf().write(name, rows.synthesized(days, alpha), **where, stamps=rows.stamps())

    old, new = sessions[:2], sessions[-2:]
    merge(sessions, 0.01)
    monkeypatch.setattr(replacing, "sleep", lambda _: pytest.fail("it had to try again"))
    interrupt(FrameContent, "commit", lambda: merge(new, 0.03))
    assert merge(old, 0.02).version == 3
    found = shelf().read(name, columns=("prediction_date", "predicted_alpha"))
    for days, alpha in ((old, 0.02), (new, 0.03)):
        assert {*found.filter(pl.col("prediction_date").is_in(days))["predicted_alpha"]} == {alpha}


def test_a_table_that_is_made_anew_covers_nothing(shelf, write, sessions, tmp_path):
    lake = shelf()
    write(lake, sessions[:3], 1)
    shutil.rmtree(tmp_path / "lake" / "signals")
    assert lake.coverage(ESG) == shelf().coverage(ESG) == ()
    write(shelf(), sessions[1:2], 2)
    assert told(lake, sessions[:3]) == dict(zip(sessions[:3], [None, "2", None], strict=True))


def test_two_processes_that_make_a_table_at_once_make_one(shelf, write, sessions, interrupt):
    interrupt(handles, "create_table", lambda: write(shelf(), sessions[:1], 2))
    slow = shelf()
    write(slow, sessions[1:2], 1)
    assert slow.identity(ESG) == shelf().identity(ESG)
    assert [c.operation for c in slow.history(ESG)] == ["WRITE", "WRITE", "CREATE TABLE"]
    assert told(slow, sessions[:2]) == dict(zip(sessions[:2], ["2", "1"], strict=True))


@pytest.mark.parametrize("step", ["create", "names", "delete"])
def test_records_are_merged_now_and_then_and_a_death_in_between_does_no_harm(
    shelf, write, sessions, monkeypatch, step, tmp_path
):
    monkeypatch.setattr(journal, "EVERY", 5)
    chance = random.Random(step)  # noqa: S311
    original = journal.Journal._compact

    def fatal(self):
        with monkeypatch.context() as dying:
            dying.setattr(Shelf, step, lambda *_: die(), raising=False)
            original(self)

    old = shelf()
    for risk in range(1, 31):
        day = chance.randrange(4)
        expected = {**told(old, sessions[:6])}
        monkeypatch.setattr(journal.Journal, "_compact", fatal if risk % 3 else original)
        with suppress(Killed):
            write(shelf(), sessions[day : day + 2], risk)
        expected |= dict.fromkeys(sessions[day : day + 2], str(risk))
        assert told(old, sessions[:6]) == told(shelf(), sessions[:6]) == expected
    require_true(old, sessions)
    left = [*(tmp_path / "lake" / "_materialized").rglob("*.json")]
    assert len(left) < 30, "old records are removed"


def test_a_record_made_after_a_long_sleep_under_a_number_of_the_past_is_made_again(
    shelf, write, sessions, monkeypatch
):
    monkeypatch.setattr(journal, "EVERY", 3)
    write(shelf(), sessions[:1], 1)
    asleep = []

    def create(self, name, data):
        if "whole" not in name and "_materialized" in name and not asleep:
            asleep.append(name)
            for risk in range(10, 20):
                write(shelf(), sessions[2:3], risk)
        return self._folder.create(name, data)

    monkeypatch.setattr(Shelf, "create", create, raising=False)
    write(shelf(), sessions[1:2], 2)
    expected = dict(zip(sessions[:3], ("1", "2", "19"), strict=True))
    assert told(shelf(), sessions[:3]) == expected


def test_a_record_that_was_lost_is_named_with_the_remedy(shelf, write, sessions, tmp_path):
    for risk in (1, 2, 3):
        write(shelf(), sessions[:1], risk)
    (tmp_path / "lake" / "_materialized").rglob("*2.json").__next__().unlink()
    with pytest.raises(StorageError, match=r"signals\.esg in .*lacks a record.*backfill"):
        shelf().coverage(ESG)


def test_a_writer_whose_numbers_are_all_taken_gives_up_and_its_rows_stay_uncovered(
    shelf, write, sessions, monkeypatch
):
    write(shelf(), sessions[:1], 1)
    monkeypatch.setattr(journal, "ATTEMPTS", 2)
    monkeypatch.setattr(journal, "sleep", lambda _: None)
    with monkeypatch.context() as busy:
        busy.setattr(Shelf, "create", lambda *_: False, raising=False)
        with pytest.raises(ConflictError, match=r"2 records of other writers came first"):
            write(shelf(), sessions[:1], 2)
    assert told(shelf(), sessions[:1]) == {sessions[0]: None}


class Baton:
    """Threads that each stand for a process; one runs at a time, from one step to the next."""

    STEPS = (
        (FrameContent, "compared"),
        (FrameContent, "commit"),
        (SliceJournal, "segments"),
        (SliceJournal, "covered"),
    )

    def __init__(self, monkeypatch, seed):
        self._chance = random.Random(seed)  # noqa: S311
        self._turns, self._waiting = {}, threading.Semaphore(0)
        for owner, step in self.STEPS:
            monkeypatch.setattr(owner, step, self._stopping(getattr(owner, step)))
        monkeypatch.setattr(replacing, "sleep", lambda _: None)

    def _stopping(self, original):
        def step(*arguments, **named):
            turn = self._turns.get(threading.get_ident())
            if turn is not None:
                self._waiting.release()
                turn.acquire()
                if self._chance.random() < 0.06:
                    die()
            return original(*arguments, **named)

        return step

    def run(self, works, check):
        """Run writers to their ends or deaths, looking after every step."""
        alive, failed = {}, []

        def life(number, work):
            self._turns[threading.get_ident()] = turn = threading.Semaphore(0)
            alive[number] = turn
            self._waiting.release()
            turn.acquire()
            try:
                work()
            except Killed:
                pass
            except Exception as error:  # noqa: BLE001  # told by the test
                failed.append(error)
            finally:
                del alive[number]
                self._waiting.release()

        threads = [
            threading.Thread(target=life, args=each, daemon=True) for each in enumerate(works)
        ]
        for thread in threads:
            thread.start()
            self._waiting.acquire()
        while alive:
            alive[self._chance.choice(sorted(alive))].release()
            self._waiting.acquire()
            check()
        for thread in threads:
            thread.join()
        assert failed == []


@pytest.mark.parametrize("seed", range(8))
def test_whatever_the_order_of_steps_and_deaths_what_is_covered_is_stored(
    shelf, write, sessions, monkeypatch, seed
):
    monkeypatch.setattr(journal, "EVERY", 4)
    chance = random.Random(seed)  # noqa: S311
    days = sessions[9:15]  # around the turn of the year
    write(shelf(), days, 1)
    looking = shelf()

    def writer(number):
        def work():
            lake = shelf()
            for turn in range(3):
                first = chance.randrange(5)
                last = chance.randrange(first, 6)
                # Two writers may compute the same content.
                write(lake, days[first : last + 1], 10 + turn + number // 2)

        return work

    Baton(monkeypatch, seed).run(
        [writer(number) for number in range(4)],
        lambda: require_true(chance.choice((looking, shelf())), days),
    )
    require_true(looking, days)
    assert looking.coverage(ESG) == shelf().coverage(ESG)
    write(shelf(), days, 99)
    assert told(looking, days) == dict.fromkeys(days, "99"), "nothing stays uncovered for ever"


def test_a_commit_that_only_lays_files_together_replaces_nothing():
    notes = {"run_id": "r", "slice": "", "first": "2024-01-02", "last": "2024-01-03"}
    info = json.dumps({"commitInfo": {"operation": "OPTIMIZE", "userMetadata": json.dumps(notes)}})
    add = '{"add":{"path":"a","dataChange":%s}}'
    assert touched_by(3, f"{info}\n{add % 'false'}\n".encode()) is None
    slice_, hole = touched_by(3, f"{info}\n{add % 'true'}\n".encode())
    assert (slice_, hole.first.isoformat(), hole.last.isoformat()) == (
        "",
        *list(notes.values())[2:],
    )
