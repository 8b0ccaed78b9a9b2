"""Fixtures shared by all tests: small, deterministic, offline."""

import fcntl
import os
import shutil
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import hypothesis
import pytest

from stocks_ai_assets.settings import Settings

hypothesis.settings.register_profile("deterministic", derandomize=True, deadline=None)
hypothesis.settings.load_profile("deterministic")

FIRST, LAST = date(2021, 1, 4), date(2021, 4, 9)
START, END = date(2021, 3, 25), date(2021, 4, 7)
"""Sessions of the vendor's deployment, a few around the change of the quarter."""

SMALLEST = 25
"""Companies of the simulated market."""


@pytest.fixture(scope="session")
def replay_folder() -> Path:
    """Folder of the replay data; asked for and missing is an error, not a skip."""
    name = os.environ.get("STOCKS_AI_REPLAY_FOLDER", "")  # noqa: TID251  # the one place in tests
    folder = Path(name)
    if not name or not (folder / "prices_daily.parquet").is_file():
        pytest.fail(f"STOCKS_AI_REPLAY_FOLDER must name the replay data's folder, found {name!r}")
    return folder


@pytest.fixture(scope="session")
def shared(tmp_path_factory, worker_id):
    """Return a folder that is filled once for all workers; nobody else may write to it."""
    base = tmp_path_factory.getbasetemp()
    base = base if worker_id == "master" else base.parent

    def folder(name, fill) -> Path:
        found, done = base / name, base / f"{name}.done"
        with base.joinpath(f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(found, ignore_errors=True)
                fill(found)
                done.touch()
        return found

    return folder


@pytest.fixture(scope="session")
def deployed(shared) -> Settings:
    """Simulated market through a quarter change, filled once by the real backfill; read only."""

    def settings(home):
        return Settings(home=home, sample_symbols=SMALLEST)

    def fill(home):
        from stocks_ai_assets.backfill import run
        from stocks_ai_assets.deployment import open_deployment
        from stocks_ai_assets.instance import open_instance

        with restored_environment(), open_instance(settings(home)) as instance:
            run(open_deployment(settings(home)), FIRST, LAST, instance=instance)

    return settings(shared("deployed", fill))


@pytest.fixture(scope="session")
def vendor(shared) -> Path:
    """Folder of a vendor: raw files of a simulated market until 2021-04-07; read only."""

    def fill(folder):
        from stocks_ai_assets.sources.sample import simulate, write_folder

        write_folder(simulate(n_symbols=SMALLEST, n_sessions=65), folder)

    return shared("vendor", fill)


def vendor_settings(home, vendor, **changed):
    """Settings of a deployment of the vendor's folder."""
    given = {"horizon": 2, "first_session": START, **changed}
    return Settings(home=home, source="folder", source_folder=vendor, **given)


def variables(settings):
    """Settings as `stocks_ai` takes them and the environment holds them."""
    names = ("home", "source", "source_folder", "first_session", "horizon")
    return {name: str(getattr(settings, name)) for name in names}


@pytest.fixture(scope="session")
def computed(vendor, shared):
    """Home of a deployment with all sessions of the vendor; to be copied."""

    def fill(home):
        from stocks_ai_assets.backfill import run
        from stocks_ai_assets.deployment import open_deployment

        opened = open_deployment(vendor_settings(home, vendor))
        import dagster as dg

        with dg.DagsterInstance.ephemeral() as instance:
            run(opened, START, END, instance=instance)

    return shared("computed", fill)


class restored_environment:  # noqa: N801  # a context manager that is used like a function
    """Dagster's settings go through the environment: take them back afterwards."""

    def __enter__(self):
        self.before = dict(os.environ)  # noqa: TID251

    def __exit__(self, *_):
        os.environ.clear()  # noqa: TID251
        os.environ.update(self.before)  # noqa: TID251


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """No settings of this machine, a working folder of its own; what is set is taken back."""
    with restored_environment():
        for name in list(os.environ):  # noqa: TID251
            if name.startswith(("STOCKS_AI_", "DAGSTER_")):
                monkeypatch.delenv(name)
        folder = tmp_path / "working"
        folder.mkdir()
        monkeypatch.chdir(folder)
        yield monkeypatch


@dataclass(frozen=True)
class Finished:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def stocks_ai(environment, tmp_path, capfd):
    """Run a command line in this process, as the program does."""

    def run(*arguments, home=None, **settings) -> Finished:
        from stocks_ai_assets.cli.main import main

        environment.setenv("STOCKS_AI_HOME", str(home or tmp_path / "home"))
        environment.setenv("STOCKS_AI_SAMPLE_SYMBOLS", str(SMALLEST))
        for name, value in settings.items():
            environment.setenv(f"STOCKS_AI_{name.upper()}", str(value))
        environment.setattr(sys, "argv", ["stocks-ai", *map(str, arguments)])
        capfd.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capfd.readouterr()
        return Finished(code, out, err)

    return run
