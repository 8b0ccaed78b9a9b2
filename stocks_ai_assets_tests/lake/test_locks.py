"""Commits go on together, or one alone; who waits to be alone is not passed by new ones."""

import threading
import time
from contextlib import contextmanager

import pytest

from stocks_ai_assets.errors import StorageError
from stocks_ai_assets.lake import locks
from stocks_ai_assets.lake.locks import in_turn

PATIENCE = 10


@pytest.fixture
def holding(tmp_path):
    """Hold the lock in a thread for as long as the block runs; tell when it has it."""
    file = tmp_path / "table.commit"

    @contextmanager
    def hold(*, alone):
        has, end = threading.Event(), threading.Event()
        has.end = end

        def work():
            with in_turn(file, "the table", alone=alone):
                has.set()
                end.wait(PATIENCE)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield has
        finally:
            end.set()
            thread.join(PATIENCE)

    return hold


def test_commits_that_share_go_on_together(holding):
    with holding(alone=False) as one, holding(alone=False) as other:
        assert one.wait(PATIENCE)
        assert other.wait(PATIENCE)


@pytest.mark.parametrize("alone", [True, False])
def test_one_that_is_alone_keeps_all_others_out(holding, alone):
    with holding(alone=True) as first:
        assert first.wait(PATIENCE)
        with holding(alone=alone) as second:
            assert not second.wait(0.2)
            first.end.set()
            assert second.wait(PATIENCE), "its turn came"


def test_new_ones_do_not_pass_one_that_waits_to_be_alone(holding):
    with holding(alone=False) as shared:
        assert shared.wait(PATIENCE)
        with holding(alone=True) as alone:
            time.sleep(0.1)
            with holding(alone=False) as late:
                assert not late.wait(0.2)
                assert not alone.is_set()


def test_who_waits_too_long_is_told_what_and_where(holding, tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE", 0.1)
    with holding(alone=True) as first:
        assert first.wait(PATIENCE)
        with (
            pytest.raises(StorageError, match=r"the table: another process .* 0 s .*table"),
            in_turn(tmp_path / "table.commit", "the table", alone=False),
        ):
            pass


def test_a_long_wait_is_told_once(holding, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(locks, "TOLD", 0.05)
    monkeypatch.setattr(locks, "PATIENCE", 0.3)
    with holding(alone=True) as first:
        assert first.wait(PATIENCE)
        with pytest.raises(StorageError), in_turn(tmp_path / "table.commit", "it", alone=False):
            pass
    assert [r.message.split(",")[0] for r in caplog.records] == [
        "it: another process is writing it"
    ]
