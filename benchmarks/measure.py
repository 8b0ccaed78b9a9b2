"""Run a command as a user would and measure wall time and peak memory of its process tree."""

import json
import os
import platform
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import numpy as np
import psutil

CLI = str(Path(sys.executable).with_name("stocks-ai"))


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Wall seconds, peak resident memory in MB, and what was printed."""

    seconds: float
    peak_mb: float
    output: str

    @property
    def result(self) -> Any:
        return json.loads(self.output)


def measure(command: list[str], environment: Mapping[str, str]) -> Measured:
    start = perf_counter()
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},  # noqa: TID251  # handed on, not read
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    peak = [0.0]
    watcher = threading.Thread(target=_watch, args=(process.pid, peak), daemon=True)
    watcher.start()
    output, errors = process.communicate()
    seconds = perf_counter() - start
    if process.returncode:
        sys.exit(f"benchmark: `{' '.join(command)}` failed:\n{errors[-2000:]}")
    return Measured(seconds=seconds, peak_mb=peak[0], output=output)


def _watch(pid: int, peak: list[float]) -> None:
    try:
        root = psutil.Process(pid)
        while True:
            now = 0.0
            for each in tree(root):
                with suppress(psutil.NoSuchProcess):  # it has just ended
                    now += each.memory_info().rss / 1e6
            peak[0] = max(peak[0], now)
            sleep(0.1)
    except psutil.NoSuchProcess:
        return


def tree(root: psutil.Process) -> list[psutil.Process]:
    """A process and all below it; the first of them ended: raises `psutil.NoSuchProcess`."""
    return [root, *root.children(recursive=True)]


def reference() -> float:
    """Seconds of a fixed work on one core: tells a slow hour of a shared machine from a quick one.

    Whole numbers added in Python, and random ones sorted by numpy.
    """
    start = perf_counter()
    sum(range(50_000_000))
    np.sort(np.random.default_rng(0).random(10_000_000))
    return perf_counter() - start


def machine() -> str:
    """The machine in one line."""
    memory = psutil.virtual_memory().total / 2**30
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return (
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB memory, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}"
    )
