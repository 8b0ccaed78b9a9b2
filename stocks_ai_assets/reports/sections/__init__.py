"""Sections of the report in the order of the page; each is a function from `ReportData` to HTML."""
