"""The import format: which raw files a folder holds, their columns, and when a row was public.

Only what a file looks like belongs here; what it means for a fact table is in the module of its
family. `docs/import_format.md` is generated from these declarations.
"""

from stocks_ai_assets.sources.raw_file import Column, RawFile

_SYMBOL = Column("text", "Ticker in the spelling of the price file.")
_DAY = Column("day", "Trading session.")
_SOURCE = Column("text", "Origin of the row; absent: the name of the file.", required=False)
_SERIES = Column("text", "Series, in FRED's spelling.")
_OBSERVED = Column("day", "Date the value describes.")
_VALUE = Column("number", "Value in the series' unit; null or NaN: withdrawn.")


def _usd(meaning: str) -> Column:
    return Column("number", f"{meaning}, USD.")


PRICES = RawFile(
    name="prices_daily",
    meaning="Daily prices of a vendor, adjusted for all splits in the file but not for dividends.",
    columns={
        "symbol": _SYMBOL,
        "date": _DAY,
        "open": _usd("First price, split-adjusted"),
        "high": _usd("Highest price, split-adjusted"),
        "low": _usd("Lowest price, split-adjusted"),
        "close": _usd("Last price, split-adjusted"),
        "volume": Column("number", "Shares, split-adjusted."),
        "dividends": Column("number", "USD per share, split-adjusted, on the ex-date; 0: none."),
        "stock_splits": Column("number", "New shares per old share; 0 or 1: none."),
        "source": _SOURCE,
    },
    key=("symbol", "date"),
    public_column="date",
    usable="at_close",
    required=True,
)
BENCHMARKS = RawFile(
    name="benchmarks_daily",
    meaning="Daily prices of funds, adjusted for dividends; `SPY` stands for the market.",
    columns={
        "symbol": Column("text", "Fund; only `SPY` is read."),
        "date": _DAY,
        "open": _usd("First price, adjusted for splits and dividends"),
        "close": _usd("Last price, adjusted for splits and dividends"),
        "source": _SOURCE,
    },
    key=("symbol", "date"),
    public_column="date",
    usable="at_close",
    required=True,
)
FILINGS = RawFile(
    name="fundamentals_pit",
    meaning="Figures of filings, one row per figure and filing; restatements are further rows.",
    columns={
        "symbol": _SYMBOL,
        "item": Column("text", "Canonical item, see below."),
        "tag": Column("text", "Tag in the filing; part of the figure's identity."),
        "unit": Column("text", "USD, shares or USD/shares."),
        "period_start": Column("day", "First day of a flow's period; null for stocks."),
        "period_end": Column("day", "Last day of the period; null: the source does not say."),
        "value": Column("number", "Figure."),
        "form": Column("text", "Form, for instance 10-K; null: the source does not say."),
        "filed": Column("day", "Filing date."),
        "accession": Column("text", "Accession number; null: the source does not say."),
        "source": _SOURCE,
    },
    key=("symbol", "item", "tag", "unit", "period_start", "period_end", "filed", "accession"),
    public_column="filed",
    usable="next_session",
)
STATEMENT_ITEMS = {
    "revenues": "revenue",
    "op_income": "operating_income",
    "net_income": "net_income",
    "eps_basic": "eps_basic",
    "eps_diluted": "eps_diluted",
    "dividend": "dps_declared",
    "assets": "assets",
    "cur_assets": "assets_current",
    "cur_liab": "liabilities_current",
    "cash": "cash",
    "equity": "equity",
    "cash_flow_op": "cf_operating",
    "cash_flow_inv": "cf_investing",
    "cash_flow_fin": "cf_financing",
}
"""Figures of the statements file and the items they are."""

STATEMENTS = RawFile(
    name="fundamentals_pystock_2015_2017",
    meaning="Figures of filings, one row per filing; cash flows are since the fiscal year's start.",
    columns={
        "symbol": _SYMBOL,
        "period_end": Column("day", "Last day of the period."),
        "period_focus": Column("text", "Q1, Q2, Q3 or FY."),
        "doc_type": Column("text", "10-Q or 10-K."),
        "amend": Column("flag", "Whether the filing amends an earlier one."),
        "known_by": Column("day", "Day on which the filing was collected."),
        **{
            name: Column("number", f"Item `{item}`.", required=False)
            for name, item in STATEMENT_ITEMS.items()
        },
    },
    key=("symbol", "period_end", "doc_type", "known_by"),
    public_column="known_by",
    usable="next_session",
)
MACRO_LATEST = RawFile(
    name="macro_latest",
    meaning="Daily series as last published; only series that are never revised are read.",
    columns={"series_id": _SERIES, "date": _OBSERVED, "value": _VALUE},
    key=("series_id", "date"),
    public_column="date",
    usable="next_session",
)
MACRO_FREDMD = RawFile(
    name="macro_vintages_fredmd",
    meaning="Monthly vintages, stored as changes.",
    columns={
        "series_id": _SERIES,
        "date": _OBSERVED,
        "value": _VALUE,
        "available_date": Column("day", "Day on which the vintage was out."),
    },
    key=("series_id", "date", "available_date"),
    public_column="available_date",
    usable="next_session",
)
MACRO_GDP = RawFile(
    name="macro_vintages_gdp",
    meaning="Quarterly vintages, stored as changes.",
    columns=MACRO_FREDMD.columns,
    key=("series_id", "date", "available_date"),
    public_column="available_date",
    usable="next_session",
)
MACRO_ALFRED = RawFile(
    name="macro_vintages_alfred_gdp",
    meaning="Rows of ALFRED.",
    columns={
        "series_id": _SERIES,
        "date": _OBSERVED,
        "value": _VALUE,
        "realtime_start": Column("day", "Day from which the value was published."),
    },
    key=("series_id", "date", "realtime_start"),
    public_column="realtime_start",
    usable="next_session",
)
EARNINGS = RawFile(
    name="events_earnings",
    meaning="Earnings announcements, EPS adjusted for real splits (never for spin-offs).",
    columns={
        "symbol": _SYMBOL,
        "announced_at": Column("instant", "Announcement; its clock time is not relied upon."),
        "session": Column("text", "bmo before the open, amc after the close."),
        "reaction_date": Column("day", "First session that could react."),
        "eps_estimate": Column("number", "Consensus, USD per share."),
        "reported_eps": Column("number", "Reported, USD per share."),
        "eps_basis": Column(
            "day",
            "Day up to whose splits EPS are adjusted; absent: for every split on record.",
            required=False,
        ),
        "source": _SOURCE,
    },
    key=("symbol", "reaction_date"),
    public_column="announced_at",
    usable="announcement",
)
RATINGS = RawFile(
    name="events_analyst_ratings",
    meaning="Changes of analysts' grades.",
    columns={
        "symbol": _SYMBOL,
        "graded_at": Column("instant", "When the grade was given."),
        "firm": Column("text", "Firm of the analyst."),
        "from_grade": Column("text", "Grade before; empty: none."),
        "to_grade": Column("text", "Grade after."),
        "action": Column("text", "up, down, main, init, reit."),
        "source": _SOURCE,
    },
    key=("symbol", "graded_at", "firm"),
    public_column="graded_at",
    usable="instant",
)
ESG = RawFile(
    name="esg_snapshot",
    meaning="ESG risk ratings; lower is better.",
    columns={
        "symbol": _SYMBOL,
        "total_esg_risk": Column("number", "Total, points; a row without it is no rating."),
        "environment_risk": Column("number", "Environmental part, points."),
        "social_risk": Column("number", "Social part, points."),
        "governance_risk": Column("number", "Governance part, points."),
        "controversy_score": Column("number", "Controversy, 0 (none) to 5 (severe)."),
        "available_date": Column(
            "day",
            "Day on which the rating was public; absent: 2024-06-24, the latest possible date of "
            "the one undated snapshot this format was made for. Give it for any other.",
            required=False,
        ),
        "source": _SOURCE,
    },
    key=("symbol", "available_date"),
    public_column="available_date",
    usable="next_session",
)
INSTRUMENTS = RawFile(
    name="instruments",
    meaning="Identity of each symbol; of undated lists nothing but the identity may be used.",
    columns={
        "symbol": _SYMBOL,
        "cik": Column(
            "number", "Number of the issuer at the SEC; share classes have it in common."
        ),
    },
    key=("symbol",),
    public_column="",
    usable="undated",
)
CONSTITUENTS = RawFile(
    name="sp500_constituents_history",
    meaning="Names and GICS sectors as published, changes only.",
    columns={
        "snapshot_date": Column("day", "Day of the list."),
        "symbol": Column("text", "Ticker as in the list; earlier tickers are translated."),
        "status": Column("text", "present or removed."),
        "name": Column("text", "Name of the company."),
        "gics_sector": Column("text", "GICS sector."),
        "gics_sub_industry": Column("text", "GICS sub-industry; empty: not published."),
    },
    key=("snapshot_date", "symbol"),
    public_column="snapshot_date",
    usable="next_session",
)
MEMBERSHIP = RawFile(
    name="sp500_membership",
    meaning="Membership of the S&P 500, all members ever.",
    columns={
        "symbol": Column("text", "Ticker as in the list; earlier tickers are translated."),
        "start_date": Column("day", "First day in the index."),
        "end_date": Column("day", "First day out of it; null: still a member."),
    },
    key=("symbol", "start_date"),
    public_column="start_date",
    usable="next_session",
)

RAW_FILES: dict[str, RawFile] = {
    file.name: file
    for file in (
        PRICES,
        BENCHMARKS,
        FILINGS,
        STATEMENTS,
        MACRO_LATEST,
        MACRO_FREDMD,
        MACRO_GDP,
        MACRO_ALFRED,
        EARNINGS,
        RATINGS,
        ESG,
        INSTRUMENTS,
        CONSTITUENTS,
        MEMBERSHIP,
    )
}
"""Every raw file by its stem."""
