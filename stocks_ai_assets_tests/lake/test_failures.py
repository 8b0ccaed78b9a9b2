"""What a user sees when the disk, the lake's version or its files are not as they should be."""

import os
import resource
import signal

import polars as pl
import pytest

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.errors import LakeVersionError, StorageError
from stocks_ai_assets.lake import Lake

ESG = "signals.esg"
NOBODY = 65534


def without_room(_):
    """Let no file grow beyond 20 kB: what a full disk looks like to a writer."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def without_rights(root):
    """Take away the right to write, and be a user for whom rights count."""
    for folder in [root, *root.rglob("*")]:
        folder.chmod(0o555 if folder.is_dir() else 0o444)
    if os.geteuid() == 0:
        os.setuid(NOBODY)


def write_in_trouble(root, frame, stamps, trouble, answer):
    """Write under a limit of the operating system and send what the error says."""
    nyse()
    day, lake = frame["session"][0], Lake(root)
    lake.read(ESG)
    trouble(root)
    try:
        lake.write(ESG, frame, first=day, last=day, slice=None, stamps=stamps)
    except StorageError as error:
        answer.send(str(error))
    else:
        answer.send("no error")


@pytest.fixture
def said(lake, rows, processes):
    """Message of a write of 20,000 rows under `trouble`."""

    def run(day, trouble):
        symbols = [f"S{i}" for i in range(20_000)]
        risk = pl.Series([i / 1e5 for i in range(20_000)])
        frame = rows.esg([day], symbols=symbols).with_columns(total_risk=risk)
        here, there = processes.Pipe()
        writer = processes.Process(
            target=write_in_trouble, args=(lake.root, frame, rows.stamps(9), trouble, there)
        )
        writer.start()
        assert here.poll(60)
        message = here.recv()
        writer.join()
        return message

    return run


def test_a_disk_without_room_is_named_and_leaves_the_table_as_it_was(
    lake, sessions, write_esg, said
):
    write_esg(sessions[:2])
    before = lake.fingerprint(ESG)
    message = said(sessions[1], without_room)
    assert "signals.esg for" in message
    assert "a file grew beyond the allowed size" in message
    assert "run again" in message
    assert message.count("\n") <= 1
    assert Lake(lake.root).fingerprint(ESG) == before
    assert write_esg(sessions[1:2], 30.0, n=1).changed


def test_a_folder_that_may_not_be_written_is_named_and_nothing_changes(
    lake, sessions, write_esg, tmp_path, said
):
    for folder in [*tmp_path.parents][:2]:
        folder.chmod(0o755)
    tmp_path.chmod(0o755)
    write_esg(sessions[:2])
    before = lake.fingerprint(ESG)
    message = said(sessions[1], without_rights)
    assert "may not be written" in message
    assert "Give this user access" in message
    assert Lake(lake.root).fingerprint(ESG) == before
    assert lake.materialized(ESG, None) == [(sessions[0], sessions[1])]


def test_a_lost_file_is_a_storage_error_that_names_the_version(lake, sessions, write_esg):
    write_esg(sessions[:1])
    for file in lake.root.rglob("*.parquet"):
        file.unlink()
    with pytest.raises(StorageError, match=r"signals\.esg version 1: storage failed"):
        Lake(lake.root).read(ESG)


def test_a_lake_of_a_newer_format_is_refused_with_the_remedy(lake, rows, sessions, write_esg):
    write_esg(sessions[:1])
    marker = lake.root / "format.json"
    assert marker.read_text() == '{"format": 1}\n'
    marker.write_text('{"format": 2}')
    with pytest.raises(LakeVersionError, match=r"has format 2.*Upgrade stocks_ai_assets"):
        Lake(lake.root).read(ESG)
    with pytest.raises(LakeVersionError):
        Lake(lake.root).materialized(ESG, None)
    marker.write_text("{}")
    with pytest.raises(StorageError, match="damaged"):
        Lake(lake.root).version(ESG)
