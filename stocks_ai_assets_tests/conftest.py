"""Fixtures shared by all tests: small, deterministic, offline."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def replay_folder() -> Path:
    """Folder of the replay data; asked for and missing is an error, not a skip."""
    name = os.environ.get("STOCKS_AI_REPLAY_FOLDER", "")  # noqa: TID251  # the one place in tests
    folder = Path(name)
    if not name or not (folder / "prices_daily.parquet").is_file():
        pytest.fail(f"STOCKS_AI_REPLAY_FOLDER must name the replay data's folder, found {name!r}")
    return folder
