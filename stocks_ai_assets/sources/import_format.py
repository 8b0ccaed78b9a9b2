"""The import format as Markdown. `python -m` writes `docs/import_format.md`, a test compares it."""

import sys
from pathlib import Path

from stocks_ai_assets.sources.benchmarks import MARKET_FUND
from stocks_ai_assets.sources.companies import RENAMED, SECTORS
from stocks_ai_assets.sources.events import UNDATED_ESG
from stocks_ai_assets.sources.layout import RAW_FILES
from stocks_ai_assets.sources.macro import NEVER_REVISED
from stocks_ai_assets.sources.raw_file import Column, RawFile, Usable
from stocks_ai_assets.sources.splits import PUBLIC_RECORD

_TYPES = {
    "text": "string",
    "number": "float or integer",
    "day": "date",
    "instant": "timestamp with zone",
    "flag": "boolean",
}

_USABLE: dict[Usable, str] = {
    "at_close": "at the close of `{}`",
    "next_session": "from the session after `{}`",
    "instant": "from the session after the New York day of `{}`",
    "announcement": "at the close of `reaction_date` (never before `{}`)",
    "undated": "always",
}

_TEXT = """# Import format

Generated from `stocks_ai_assets/sources/` (`python -m stocks_ai_assets.sources.import_format
docs/import_format.md`); do not edit. Set `STOCKS_AI_SOURCE=folder` and `STOCKS_AI_SOURCE_FOLDER` to
a folder with these Parquet files. The simulated market has the same form.

- **Required** files must be there; without another file the source has none of these facts.
  Other files and columns are ignored. Integers and Float32 do where a number is expected.
- A missing folder, file or column, a wrong type and an unreadable file are errors that say what to
  do. A bad *row* goes to `market.quarantine` with the reason: values outside the contract, a day
  that is not a session, a filing before the end of its period, a unit that does not fit, an unknown
  sector, one key with different values (all of its rows; identical rows are one row).
- A row is usable from the session named with its file. A row without its day is set aside.
- A symbol is in scope from its first price on. What was published about it before is taken up on
  that day: nobody knew then that it would be in this file, or whose ticker it would be.

## From raw rows to facts

**Prices** are adjusted for the splits in the file. They are multiplied by the splits after their
day (volumes divided, dividends multiplied) and rounded to 3 decimals (dividends 4, volumes whole
shares), so that every download of the same day gives the same as-traded bits. Above 8,000 USD a
Float32 file is too coarse for that: give Float64.

**Splits.** Every ratio adjusts prices. Only a ratio p/q, or its inverse, with q <= 3 changes the
number of shares; others are spin-offs. A dividend above a tenth of the price beside such a ratio is
the same spin-off again and is dropped.

**Benchmarks.** `{fund}`, adjusted for dividends, is the market. Only its returns are kept: they do
not depend on the basis of adjustment. The first price gives no return; one whose predecessor is
missing is set aside.

**Filings.** `known_by` counts as the filing date of the statements file. That file has no start of
periods: flows of 10-Q are taken for the quarter, those of 10-K for the year, `cash_flow_*` for the
fiscal year so far (a few companies report quarters there). In rows without period the item is the
newest at the filing date, flows cover the year.

**Macro.** `macro_latest` may serve only series that are never revised, known on the session after
the day observed: {never_revised}. Its other series are ignored; they come from vintages. Of two
vintages that become known in one session the later counts.

**Earnings.** EPS are on the basis of all real splits until `eps_basis`; they are put on the basis
of the shares of `reaction_date`. Without `eps_basis` that is every split of the price file and of
this public record: {record}.

**ESG.** A row without `available_date` belongs to {esg}.

**Companies.** Sector and name as published; `instruments` gives the issuer alone, because an
undated list must not tell an earlier sector. Lists may use the tickers of their day; these are
translated: {renamed}. Dots and hyphens follow the price file. Sectors: {sectors}.

## Items of filings

`assets`, `assets_current`, `cash`, `cash_incl_restricted`, `equity`, `equity_incl_nci`,
`inventory`, `liabilities`, `liabilities_current`, `long_term_debt`, `long_term_debt_noncurrent`,
`public_float` (USD, at a date); `shares_outstanding` (shares, at a date); `buybacks`, `capex`,
`cf_financing`, `cf_investing`, `cf_operating`, `cost_of_revenue`, `dividends_paid`, `gross_profit`,
`income_tax`, `interest_expense`, `net_income`, `operating_income`, `research_and_development`,
`revenue` (USD, over a period); `shares_basic_wavg`, `shares_diluted_wavg` (shares, over a period);
`eps_basic`, `eps_diluted`, `dps_declared` (USD per share, over a period). `USD/shares` is stored as
`USD/share`.

## Files
"""


def import_format() -> str:
    """Return the description of the import format as Markdown."""
    renamed = ", ".join(
        f"{row['symbol']} is {row['new']} before {row['until']}"
        for row in RENAMED.iter_rows(named=True)
    )
    record = ", ".join(
        f"{row['symbol']} {row['ratio']:g}:1 on {row['ex_date']}"
        for row in PUBLIC_RECORD.iter_rows(named=True)
    )
    text = _TEXT.format(
        fund=MARKET_FUND,
        never_revised=", ".join(NEVER_REVISED),
        record=record,
        esg=UNDATED_ESG,
        renamed=renamed,
        sectors=", ".join(SECTORS),
    )
    return text + "".join(_section(file) for file in RAW_FILES.values())


def _section(file: RawFile) -> str:
    usable = _USABLE[file.usable].format(file.public_column)
    lines = [
        f"\n### {file.name}.parquet\n",
        f"{file.meaning} {'**Required.** ' if file.required else ''}Usable {usable}.\n",
        "| column | type | meaning |",
        "|---|---|---|",
        *(_line(name, column, file) for name, column in file.columns.items()),
    ]
    return "\n".join(lines) + "\n"


def _line(name: str, column: Column, file: RawFile) -> str:
    shown = f"**{name}**" if name in file.key else name
    optional = "" if column.required else " (optional)"
    return f"| {shown}{optional} | {_TYPES[column.kind]} | {column.meaning} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(import_format(), encoding="utf-8")
