"""Only the package travels: no settings, secrets, history, caches or data of this machine."""

import io
import shutil
import zipfile
from pathlib import Path

import pytest

import stocks_ai_assets
from stocks_ai_assets.packed import DATA, archive, code_archive, package_files

PACKAGE = Path(stocks_ai_assets.__file__).parent

PLANTED = (
    ".env",
    "../.env",
    "../.git/config",
    "../data/prices.parquet",
    "../secrets.toml",
    ".git/config",
    ".hidden.py",
    "__pycache__/settings.cpython-311.pyc",
    "credentials.json",
    "domain/.env",
    "domain/id_rsa",
    "domain/prices.parquet",
    "domain/token.txt",
    "lake/_delta_log/00000000000000000000.json",
    "scratch/notes.py",
    "settings.py.bak",
    "stocks-ai.toml",
)


@pytest.fixture
def planted(tmp_path):
    """Copy of the package with what must not travel in and beside it."""
    folder = tmp_path / "checkout" / PACKAGE.name
    shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in PLANTED:
        file = (folder / name).resolve()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("SECRET=do-not-send")
    (folder / "linked.py").symlink_to(tmp_path / "checkout" / ".env")
    return folder


def test_what_lies_in_or_beside_the_package_does_not_travel(planted):
    assert package_files(planted) == package_files()
    assert not [
        name for name, content in package_files(planted).items() if b"do-not-send" in content
    ]


def test_every_file_of_the_package_travels():
    present = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    data = {name for name in present if not name.endswith(".py")}
    assert data == set(DATA), "name new data files in stocks_ai_assets.packed.DATA"
    assert {name.removeprefix("stocks_ai_assets/") for name in package_files()} == present


def test_equal_files_make_equal_bytes():
    files = package_files()
    backwards = dict(reversed(files.items()))
    assert archive(files) == archive(backwards) == code_archive()


def test_the_archive_holds_the_files_and_nothing_of_this_machine():
    with zipfile.ZipFile(io.BytesIO(code_archive())) as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == package_files()
        assert {entry.date_time[0] for entry in packed.infolist()} == {1980}
        assert {entry.external_attr >> 16 for entry in packed.infolist()} == {0o644}
    assert len(code_archive()) < 1_000_000
