"""The page in Chromium: charts are drawn, nothing is loaded, the console stays silent."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from stocks_ai_assets.reports import ReportData, build_page

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=20000",
    "--dump-dom",
)


def opened(page: str, folder: Path, *flags: str) -> tuple[str, list[str]]:
    """Return the document after its scripts ran, and what they wrote to the console."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.fail("Chromium is missing: install the package chromium.")
    file = folder / "report.html"
    file.write_text(page, encoding="utf-8")
    profile = f"--user-data-dir={folder / 'profile'}"
    done = subprocess.run(
        [browser, *FLAGS, *flags, profile, file.as_uri()],
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 500])
def test_every_chart_is_drawn_and_the_console_stays_silent(page, tmp_path: Path, width: int):
    document, console = opened(page, tmp_path, f"--window-size={width},2000")
    charts, drawn = (re.search(rf'data-{name}="(\d+)"', document) for name in ("charts", "drawn"))
    assert charts is not None
    assert drawn is not None
    assert int(charts[1]) > 20
    assert drawn[1] == charts[1]
    assert document.count('<svg xmlns="http://www.w3.org/2000/svg"') >= int(charts[1])
    assert console == []


@pytest.mark.browser
def test_an_empty_lake_opens_without_an_error(nothing: ReportData, tmp_path: Path):
    document, console = opened(build_page(nothing), tmp_path)
    assert 'data-charts="0"' in document
    assert console == []
