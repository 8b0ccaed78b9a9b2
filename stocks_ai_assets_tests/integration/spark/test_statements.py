"""Locks of a commit by Spark are held until Java has ended it, whatever happens to Python."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

from stocks_ai_assets.errors import StorageError
from stocks_ai_assets.lake import locks
from stocks_ai_assets.lake.locks import exclusively, java_file

pytestmark = pytest.mark.spark

WRITER = """
import sys, time
from pathlib import Path
from stocks_ai_assets.engines.spark.session import SparkOptions, open_session
from stocks_ai_assets.engines.spark.statements import run_to_its_end
from stocks_ai_assets.lake.locks import exclusively

session, (lock, target) = open_session(SparkOptions(cores=1, memory="512m")), sys.argv[1:]
print(session._jvm.java.lang.ProcessHandle.current().pid(), flush=True)
with exclusively(Path(lock), "the table"):
    run_to_its_end(session, f"INSERT OVERWRITE DIRECTORY '{target}' USING parquet "
        "SELECT reflect('java.lang.Thread', 'sleep', 60000L)", [Path(lock)])
"""


def is_held(file):
    """Whether Java holds its lock beside `file`."""
    return not locks._free_of_java(file)


def eventually(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def slow(target, seconds):
    return (
        f"INSERT OVERWRITE DIRECTORY '{target}' USING parquet "
        f"SELECT reflect('java.lang.Thread', 'sleep', {seconds * 1000}L)"
    )


def test_an_interrupt_is_raised_when_the_statement_has_ended_and_not_before(engine, tmp_path):
    from stocks_ai_assets.engines.spark.statements import run_to_its_end

    lock, tracker = tmp_path / "table.commit", engine.session.sparkContext.statusTracker()

    def interrupt():
        eventually(lambda: tracker.getActiveJobsIds() and is_held(lock))
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run_to_its_end(engine.session, slow(tmp_path / "out", 60), [lock])
    assert not tracker.getActiveJobsIds()
    assert not is_held(lock)
    assert not (tmp_path / "out" / "_SUCCESS").exists(), "it was cancelled"
    thread.join(60)


def test_an_error_of_the_statement_is_raised_and_frees_the_locks(engine, tmp_path):
    from pyspark.errors import AnalysisException

    from stocks_ai_assets.engines.spark.statements import run_to_its_end

    lock = tmp_path / "table.commit"
    with pytest.raises(AnalysisException):
        run_to_its_end(engine.session, "INSERT INTO nowhere SELECT 1", [lock])
    assert java_file(lock).exists()
    assert not is_held(lock)


def test_java_keeps_the_locks_of_a_python_that_was_killed(tmp_path):
    lock = tmp_path / "table.commit"
    words = [sys.executable, "-c", WRITER, str(lock), str(tmp_path / "out")]
    (here := tmp_path / "here").mkdir()
    writer = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=here)
    java = int(writer.stdout.readline())
    try:
        eventually(lambda: is_held(lock))
        os.kill(java, signal.SIGSTOP)  # it takes its time to notice
        writer.kill()
        writer.wait()
        with (
            pytest.raises(StorageError, match="another process"),
            exclusively(lock, "the table", patience=0.5),
        ):
            pass
        os.kill(java, signal.SIGCONT)
        with exclusively(lock, "the table", patience=60.0):
            pass
        assert not list(here.iterdir()), "Spark leaves nothing where it is started"
    finally:
        for end in (lambda: os.kill(java, signal.SIGKILL), writer.kill):
            with suppress(ProcessLookupError):
                end()
