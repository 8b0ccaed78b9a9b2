"""The wheel is the package, whole and clean, and the same bytes for the same files."""

import base64
import hashlib
import importlib.metadata
import io
import zipfile
from importlib import import_module

import pytest

from stocks_ai_assets.databricks.libraries import pinned_libraries
from stocks_ai_assets.databricks.wheel import (
    JOB_ENTRY,
    PACKAGE,
    PIPES_ENTRY,
    build_wheel,
    package_wheel,
)
from stocks_ai_assets.packed import package_files


@pytest.fixture
def unpacked(tmp_path):
    zipfile.ZipFile(io.BytesIO(package_wheel().content)).extractall(tmp_path)
    return tmp_path


def test_equal_files_make_equal_bytes_and_other_files_another_version():
    files = package_files()
    one, two = build_wheel(files, ()), build_wheel(dict(reversed(files.items())), ())
    assert one == two
    changed = {**files, f"{PACKAGE}/__init__.py": b"changed = True\n"}
    assert build_wheel(changed, ()).name != one.name
    assert build_wheel(files, ("polars==2.1.0",)).name != one.name


def test_every_file_is_recorded_with_its_hash(unpacked):
    (record,) = unpacked.glob("*.dist-info/RECORD")
    lines = [line.rsplit(",", 2) for line in record.read_text().splitlines()]
    inside = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    assert {name for name, _, _ in lines} == inside
    for name, digest, size in lines:
        if name.endswith("RECORD"):
            continue
        content = (unpacked / name).read_bytes()
        found = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        assert (digest, int(size)) == (f"sha256={found}", len(content))


def test_the_wheel_asks_for_the_libraries_that_run_here_and_has_its_entry_points(unpacked):
    (found,) = importlib.metadata.distributions(path=[str(unpacked)])
    assert found.requires == list(pinned_libraries())
    assert "+" in found.version
    assert package_wheel().name == f"{PACKAGE}-{found.version}-py3-none-any.whl"
    commands = {entry.name: entry.value for entry in found.entry_points}
    for name in (PIPES_ENTRY, JOB_ENTRY):
        module, function = commands[name].split(":")
        assert callable(getattr(import_module(module), function))


def test_a_cluster_that_has_its_libraries_is_asked_for_none(tmp_path):
    zipfile.ZipFile(io.BytesIO(package_wheel(install=False).content)).extractall(tmp_path)
    (found,) = importlib.metadata.distributions(path=[str(tmp_path)])
    assert not found.requires


def test_the_package_travels_alone_without_hidden_files_and_tests(unpacked):
    assert {path.name.split("-")[0] for path in unpacked.iterdir()} == {PACKAGE}
    names = {path.name for path in unpacked.rglob("*")}
    assert not [name for name in names if name.startswith((".", "test_", "__pycache__"))]
