"""Every request leaves one whole line; old lines go file by file."""

import json
from multiprocessing.pool import ThreadPool

import pytest

from stocks_ai_assets.errors import StorageError
from stocks_ai_assets.lake import locks
from stocks_ai_assets.sharing import audit
from stocks_ai_assets.sharing.audit import AuditLog, Entry
from stocks_ai_assets_tests.sharing.conftest import NOW


def entry(n=0, **changes):
    return Entry(**{"at": NOW, "action": "query", "status": 200, "rows": n, **changes})


def test_lines_come_back_in_order_and_say_only_what_is_known(tmp_path):
    log = AuditLog(tmp_path / "audit")
    assert log.entries() == []
    for n in range(3):
        log.write(entry(n, recipient="fund"))
    assert log.entries(2) == [
        {
            "at": "2030-01-01T00:00:00.000+00:00",
            "action": "query",
            "status": 200,
            "rows": n,
            "recipient": "fund",
        }
        for n in (1, 2)
    ]
    assert (tmp_path / "audit" / "audit.jsonl").stat().st_mode & 0o077 == 0


def test_a_name_with_line_ends_does_not_forge_a_line(tmp_path):
    log = AuditLog(tmp_path)
    log.write(entry(table='x\n{"status": 200}'))
    assert len(log.entries()) == 1


def test_files_are_begun_anew_when_full_and_the_oldest_go(tmp_path, monkeypatch):
    monkeypatch.setattr(audit, "FILE_BYTES", 500)
    monkeypatch.setattr(audit, "FILES", 3)
    logs = [AuditLog(tmp_path), AuditLog(tmp_path)]
    for n in range(60):
        logs[n % 2].write(entry(n))
    found = [each["rows"] for each in logs[0].entries()]
    assert found == list(range(60 - len(found), 60))
    assert 10 < len(found) < 40
    assert len(list(tmp_path.glob("audit-*.jsonl"))) == 3


def test_many_writers_lose_and_tear_nothing_while_files_are_begun(tmp_path, monkeypatch):
    monkeypatch.setattr(audit, "FILE_BYTES", 2_000)
    monkeypatch.setattr(audit, "FILES", 1_000)
    with ThreadPool(8) as pool:
        pool.map(lambda n: AuditLog(tmp_path).write(entry(n)), range(400))
    assert sorted(each["rows"] for each in AuditLog(tmp_path).entries()) == list(range(400))


def test_a_file_that_another_process_does_not_let_be_begun_is_not_waited_for_long(
    tmp_path, monkeypatch
):
    assert audit.PATIENCE < locks.PATIENCE / 60
    monkeypatch.setattr(audit, "FILE_BYTES", 0)
    monkeypatch.setattr(audit, "PATIENCE", 0.1)
    monkeypatch.setattr(locks, "PATIENCE", 1.0)
    with (
        locks.exclusively(tmp_path / "audit.lock", "The audit log"),
        pytest.raises(StorageError, match=r"The audit log: .* more than 0 s"),
    ):
        AuditLog(tmp_path).write(entry())


def test_a_line_torn_by_a_crash_hides_no_other(tmp_path):
    log = AuditLog(tmp_path)
    log.write(entry(1))
    with (tmp_path / "audit.jsonl").open("a") as file:
        file.write('{"at": "20\n')
    log.write(entry(2))
    assert [each["rows"] for each in log.entries()] == [1, 2]
    assert json.loads((tmp_path / "audit.jsonl").read_text().splitlines()[0])
