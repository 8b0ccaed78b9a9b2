"""The document of the import format is what the code says."""

from pathlib import Path

from stocks_ai_assets.sources.filings import PER_SHARE, SINCE_FISCAL_YEAR, STOCKS
from stocks_ai_assets.sources.import_format import import_format
from stocks_ai_assets.sources.layout import RAW_FILES, STATEMENT_ITEMS

DOCUMENT = Path(__file__).parents[2] / "docs" / "import_format.md"


def test_the_document_is_up_to_date():
    assert DOCUMENT.read_text(encoding="utf-8") == import_format()


def test_the_keys_and_dates_of_every_file_are_among_its_columns():
    for file in RAW_FILES.values():
        named = {*file.key, file.public_column} - {""}
        assert named <= set(file.columns), file.name


def test_every_item_of_the_statements_is_documented():
    text = import_format()
    assert all(f"`{item}`" in text for item in STATEMENT_ITEMS.values())
    assert {*STOCKS, *SINCE_FISCAL_YEAR, *PER_SHARE} <= set(STATEMENT_ITEMS)
