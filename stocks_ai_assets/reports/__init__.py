"""One HTML file that says what the predictions were worth, with its evidence and its doubts.

`gathering` reads the lake into `ReportData`; verdict, charts and sections are pure functions of it;
`page` puts them together. Nothing here changes a stored number.
"""

from stocks_ai_assets.reports.data import ReportContext, ReportData
from stocks_ai_assets.reports.gathering import gather
from stocks_ai_assets.reports.page import build_page
from stocks_ai_assets.reports.verdict import Verdict, verdict
from stocks_ai_assets.reports.writing import build_report, write_report

__all__ = [
    "ReportContext",
    "ReportData",
    "Verdict",
    "build_page",
    "build_report",
    "gather",
    "verdict",
    "write_report",
]
