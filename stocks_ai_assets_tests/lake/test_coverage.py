"""The ledger knows what was computed, by which code, and when content last changed."""

import os
import shutil
import signal
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from stocks_ai_assets.errors import StorageError
from stocks_ai_assets.lake import Lake, Segment, Stamps, coverage, replacing
from stocks_ai_assets.lake.coverage import Ledger
from stocks_ai_assets.lake.locks import exclusively

ESG = "signals.esg"
START = datetime(2024, 1, 1, tzinfo=UTC)


def parts(lake, table=ESG, slice_=None):
    """First and last partition, and the runs that computed and last changed each segment."""
    return [
        (s.first, s.last, s.computed_at.second, s.changed_at.second)
        for s in lake.coverage(table, slice_)
    ]


def test_partitions_without_rows_are_covered_once_they_were_computed(
    lake, rows, sessions, write_esg
):
    written = write_esg(sessions[:3], frame=rows.esg(sessions[:0]))
    assert lake.materialized(ESG, None) == [(sessions[0], sessions[2])]
    assert lake.read(ESG).is_empty()
    assert written.changed, "a partition that was not computed before is news"
    assert not write_esg(sessions[:3], n=1, frame=rows.esg(sessions[:0])).changed


def test_adjoining_sessions_are_one_range_over_weekends_and_holidays(lake, sessions, write_esg):
    for day in [*sessions[:12], *sessions[14:16]]:
        write_esg([day])
    assert lake.materialized(ESG, None) == [
        (sessions[0], sessions[11]),
        (sessions[14], sessions[15]),
    ]


def test_adjoining_quarters_are_one_range(lake, rows):
    quarters = [date(2020, 10, 1), date(2021, 1, 1), date(2021, 7, 1)]
    for day in quarters:
        lake.write(
            "meta.supervisor_models",
            rows.weights([day]),
            first=day,
            last=day,
            slice=None,
            stamps=rows.stamps(),
        )
    assert lake.materialized("meta.supervisor_models", None) == [
        (quarters[0], quarters[1]),
        (quarters[2], quarters[2]),
    ]


def test_ranges_without_bounds_reach_to_the_ends_of_time(lake, rows, sessions):
    lake.write(
        ESG, rows.esg(sessions[:2]), first=None, last=sessions[1], slice=None, stamps=rows.stamps()
    )
    assert lake.materialized(ESG, None) == [(date.min, sessions[1])]
    lake.write(
        "evaluation.trials",
        rows.trials("a"),
        first=None,
        last=None,
        slice=None,
        stamps=rows.stamps(),
    )
    assert lake.materialized("evaluation.trials", None) == [(date.min, date.max)]


def test_each_slice_has_its_own_coverage(lake, rows, sessions):
    day = sessions[0]
    lake.write(
        "agents.predictions",
        rows.predictions([day], "risk"),
        first=day,
        last=day,
        slice="risk",
        stamps=rows.stamps(),
    )
    assert lake.materialized("agents.predictions", "risk") == [(day, day)]
    assert lake.materialized("agents.predictions", "esg") == []


def test_nothing_of_a_table_that_was_moved_away_is_materialized(lake, sessions, write_esg):
    write_esg(sessions[:3])
    shutil.move(lake.root / "signals" / "esg", lake.root / "away")
    for opened in (lake, Lake(lake.root)):
        assert opened.materialized(ESG) == []
        assert opened.coverage(ESG) == ()


def test_a_table_that_is_made_anew_covers_only_what_was_written_since(
    lake, rows, sessions, write_esg
):
    def predict(agent, days):
        lake.write(
            "agents.predictions",
            rows.predictions(days, agent),
            first=days[0],
            last=days[-1],
            slice=agent,
            stamps=rows.stamps(),
        )

    write_esg(sessions[:3])
    predict("risk", sessions[:3])
    for folder in ("signals/esg", "agents/predictions"):
        shutil.rmtree(lake.root / folder)
    assert write_esg(sessions[1:2], n=1, frame=rows.esg(sessions[:0])).changed
    assert parts(lake) == [(sessions[1], sessions[1], 1, 1)]
    predict("esg", sessions[:1])
    assert lake.materialized("agents.predictions", "risk") == []
    assert lake.materialized("agents.predictions", "esg") == [(sessions[0], sessions[0])]


def test_an_unchanged_write_moves_computed_at_and_the_code_but_not_changed_at(
    lake, sessions, write_esg
):
    write_esg(sessions[:4])
    write_esg(sessions[:4], n=7, code_version="0.1.0/2")
    assert parts(lake) == [(sessions[0], sessions[3], 7, 0)]
    assert lake.coverage(ESG)[0].code_version == "0.1.0/2"


def versions(lake):
    """Versions in which each segment of the scores changed, and of the prices it was read from."""
    prices = lake.identity("market.quarantine")
    return [(s.changed_version, s.input_versions.get(prices)) for s in lake.coverage(ESG)]


def test_each_segment_knows_the_version_that_changed_it_and_those_it_was_computed_from(
    lake, rows, sessions
):
    def write(days, read, risk=20.0):
        stamps = replace(
            rows.stamps(), input_versions={"market.quarantine": read, "market.prices": 1}
        )
        frame = rows.esg(days if risk else [], risk)
        where = {"first": days[0], "last": days[-1], "slice": None}
        lake.write(ESG, frame, **where, stamps=stamps)

    day = sessions[0]
    lake.write(
        "market.quarantine",
        rows.aside([day], "market.prices"),
        first=day,
        last=day,
        slice="market.prices",
        stamps=rows.stamps(),
    )
    write(sessions[:2], 1)
    write(sessions[1:2], 2, 30.0)
    assert versions(lake) == [(1, 1), (2, 2)]
    write(sessions[:1], 3)
    assert versions(lake) == [(1, 3), (2, 2)], "the content of the first one is what it was"
    write(sessions[2:4], 3, None)
    assert lake.version(ESG) == 2
    assert versions(lake) == [(1, 3), (2, 2), (2, 3)], "no rows and no commit, but covered since"


def test_only_the_partitions_whose_content_changed_are_marked_changed(
    lake, rows, sessions, write_esg
):
    write_esg(sessions[:8])
    frame = rows.esg(sessions[:8]).with_columns(
        total_risk=rows.esg(sessions[:8])["total_risk"].scatter([2, 3, 6], 9.0)
    )
    write_esg(sessions[:8], n=5, frame=frame)
    day = timedelta(days=1)
    assert parts(lake) == [
        (sessions[0], sessions[2] - day, 5, 0),
        (sessions[2], sessions[3], 5, 5),
        (sessions[3] + day, sessions[6] - day, 5, 0),
        (sessions[6], sessions[6], 5, 5),
        (sessions[6] + day, sessions[7], 5, 0),
    ]


def test_a_longer_range_keeps_the_past_and_marks_what_is_new(lake, sessions, write_esg):
    for n, day in enumerate(sessions[:5]):
        write_esg([day], n=n)
    write_esg(sessions[:7], n=9)
    assert [(computed, changed) for _, _, computed, changed in parts(lake)] == [
        *((9, n) for n in range(5)),
        (9, 9),
    ]
    assert lake.materialized(ESG, None) == [(sessions[0], sessions[6])]


def test_a_part_that_is_rewritten_splits_the_segment_around_it(lake, sessions, write_esg):
    write_esg(sessions[:5])
    write_esg(sessions[2:3], 30.0, n=3)
    day = timedelta(days=1)
    assert parts(lake) == [
        (sessions[0], sessions[2] - day, 0, 0),
        (sessions[2], sessions[2], 3, 3),
        (sessions[2] + day, sessions[4], 0, 0),
    ]


def die_while_writing(root, rows, days, moment):
    """Write, and be killed just before or after the Delta commit."""
    commit = replacing.commit

    def killed(*arguments):
        if moment == "after the commit":
            commit(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    replacing.commit = killed
    stamps = Stamps(run_id="killed", code_version="1", input_versions={}, created=START)
    Lake(root).write(ESG, rows, first=days[0], last=days[-1], slice=None, stamps=stamps)


@pytest.mark.parametrize("moment", ["before the commit", "after the commit"])
def test_a_process_that_is_killed_leaves_its_range_to_be_run_again(
    lake, rows, sessions, write_esg, moment, processes
):
    write_esg(sessions[:6])
    days = sessions[2:4]
    victim = processes.Process(
        target=die_while_writing, args=(lake.root, rows.esg(days, 55.0), days, moment)
    )
    victim.start()
    victim.join(60)
    assert victim.exitcode == -signal.SIGKILL
    committed = moment == "after the commit"
    assert lake.version("signals.esg") == (2 if committed else 1)
    assert lake.materialized(ESG, None) == [(sessions[0], sessions[1]), (sessions[4], sessions[5])]

    again = write_esg(sessions[2:4], 55.0, n=8)
    assert again.changed
    assert lake.version("signals.esg") == 2
    assert lake.materialized(ESG, None) == [(sessions[0], sessions[5])]
    assert [changed for _, _, _, changed in parts(lake)] == [0, 8, 0]
    assert lake.read(ESG, with_stamps=True).height == 12


def segment(first, last, n=0):
    return Segment(
        first=first,
        last=last,
        code_version=str(n),
        input_versions={"market.prices@1a2b3c4d": n, "market.actions@5e6f7a8b": n},
        changed_version=n,
        computed_at=START,
        changed_at=START,
    )


def test_half_a_line_that_a_full_disk_left_is_ignored_and_cut_off(tmp_path, sessions):
    file = tmp_path / "ledger.jsonl"
    ledger = Ledger(file)
    ledger.covered([segment(sessions[0], sessions[0])])
    with file.open("ab") as torn:
        torn.write(b'{"first": "2020-12-')
    assert Ledger(file).segments() == ledger.segments()
    ledger.covered([segment(sessions[1], sessions[1])])
    assert [s.first for s in Ledger(file).segments()] == list(sessions[:2])


def test_two_ledgers_of_one_file_see_each_other_even_after_it_was_written_anew(tmp_path, sessions):
    file = tmp_path / "ledger.jsonl"
    one, two = Ledger(file), Ledger(file)
    for n in range(300):
        one.covered([segment(sessions[0], sessions[0], n)])
        assert two.segments() == one.segments()
    two.covered([segment(sessions[1], sessions[1])])
    assert len(one.segments()) == 2
    assert file.read_bytes().count(b"\n") < 300, "the file stays in proportion to its segments"


def test_thousands_of_daily_writes_stay_cheap(tmp_path, monkeypatch):
    file, read = tmp_path / "ledger.jsonl", []
    paint = coverage._paint
    monkeypatch.setattr(coverage, "_paint", lambda *line: (read.append(1), paint(*line)))
    ledger, written, before = Ledger(file), 0, (0, 0)
    days = [date(2015, 1, 1) + timedelta(days=i) for i in range(2500)]
    for n, day in enumerate(days):
        ledger.pending(day, day)
        ledger.covered([segment(day, day, n)])
        now = file.stat().st_ino, file.stat().st_size
        written += now[1] - before[1] if now[0] == before[0] else now[1]
        before = now
    assert written < 2 * file.stat().st_size, "what is there already is seldom written again"
    assert len(read) < 4 * len(days), "nor read again"
    assert len(Ledger(file).segments()) == 2500


def test_a_slice_that_stays_locked_is_reported(lake, rows, sessions, write_esg, monkeypatch):
    write_esg(sessions[:1])
    monkeypatch.setattr("stocks_ai_assets.lake.locks.PATIENCE", 0.05)
    other = Lake(lake.root)
    with (
        exclusively(other._ledger(ESG, None).lock, "test"),
        pytest.raises(StorageError, match=r"signals\.esg for .*: another process has been writing"),
    ):
        write_esg(sessions[:1], 30.0)
    assert write_esg(sessions[:1], 30.0).changed
