"""Promises about the repository itself."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


IGNORED = {line.rstrip("/\n") for line in (ROOT / ".gitignore").read_text().splitlines()}


def project_files() -> list[Path]:
    """Files of the project; neither what git ignores nor git's own."""
    outside = {*IGNORED, ".git"}
    return [
        path
        for path in ROOT.rglob("*")
        if path.is_file()
        and outside.isdisjoint(path.relative_to(ROOT).parts)
        and ".egg-info" not in str(path)
    ]


LOCKS = {
    "requirements.lock": 100,
    "requirements-all.lock": 130,
    "requirements-sharing-client.lock": 15,
}
"""Locks, and how many packages each has at least."""


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_a_hash_for_every_package_and_names_no_host(name):
    text = (ROOT / name).read_text()
    packages = re.findall(
        r"^[a-z0-9][\w.\-]*(?:\[[^\]]*\])?==[^\n]*\n((?:    .*\n)*)", text, re.MULTILINE
    )
    assert len(packages) > LOCKS[name]
    assert all("--hash=sha256:" in block for block in packages)
    assert "://" not in text


def test_what_both_locks_have_they_have_at_the_same_version():
    core, everything = (
        dict(re.findall(r"^([a-z0-9][\w.\-]*)(?:\[[^\]]*\])?==(\S+)", text, re.MULTILINE))
        for text in ((ROOT / name).read_text() for name in list(LOCKS)[:2])
    )
    assert core.items() <= everything.items()


def test_only_ci_knows_where_the_replay_data_lies():
    # Written so that this file does not name them either.
    outside = re.compile(r"\.\./share[d]|/[w]ork/|/[r]oot/")
    allowed = {ROOT / ".ci" / "run", Path(__file__)}
    guilty = [
        str(path.relative_to(ROOT))
        for path in project_files()
        if path not in allowed and outside.search(path.read_text(errors="ignore"))
    ]
    assert guilty == [], guilty


def test_every_make_command_of_the_readme_exists():
    makefile = (ROOT / "Makefile").read_text()
    commands = set(re.findall(r"^make ([a-z-]+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert commands, "the README names no make command"
    assert all(re.search(rf"^{name}:", makefile, re.MULTILINE) for name in commands), commands
