"""A statement that writes: nobody lets go of its locks before Spark has ended it."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from stocks_ai_assets.engines.spark.session import on_databricks
from stocks_ai_assets.lake.locks import java_file

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def run_to_its_end(session: "SparkSession", statement: str, locks: Sequence[Path]) -> None:
    """Run a statement that makes a commit, and return when it has ended.

    An interrupt cancels it and is raised when it has ended, with or without a commit: Python could
    go on at once, while Java still writes. Where Java is a process of this machine it holds the
    locks too, so that they outlive a Python that is killed.

    Parameters
    ----------
    session
        Spark.
    statement
        SQL.
    locks
        Lock files that the caller holds.
    """
    tag, interrupt = f"stocks-ai-{token_hex(8)}", None
    with _held_by_java(session, locks), ThreadPoolExecutor(1, "stocks-ai-spark") as pool:
        running = pool.submit(_tagged, session, statement, tag)
        while not running.done():
            try:
                wait([running])
            except BaseException as error:  # noqa: BLE001  # raised below
                interrupt = interrupt or error
                with suppress(Exception):  # it may just have ended
                    session.interruptTag(tag)
        if interrupt is not None:
            raise interrupt
        running.result()


def _tagged(session: "SparkSession", statement: str, tag: str) -> None:
    session.addTag(tag)
    try:
        session.sql(statement)
    finally:
        session.removeTag(tag)


@contextmanager
def _held_by_java(session: "SparkSession", locks: Sequence[Path]) -> Iterator[None]:
    """Let Java hold the locks too; not behind Connect, nor on a cluster with a store of its own."""
    behind_connect = ".connect." in type(session).__module__
    if behind_connect or on_databricks() or not locks:
        yield
        return
    jvm = session._jvm  # noqa: SLF001  # pyspark has no other way to ask Java for a lock
    with ExitStack() as opened:
        for lock in locks:
            file = jvm.java.io.RandomAccessFile(str(java_file(lock)), "rw")
            opened.callback(_closed, file)
            file.getChannel().lock()
        yield


def _closed(file: object) -> None:
    with suppress(Exception):  # Java is gone, and its locks with it
        file.close()  # type: ignore[attr-defined]
