"""A tiny hand-made vendor: three companies in spring 2024, and every file of the import format."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.sources.folder import FolderSource

FIRST, LAST = date(2024, 5, 28), date(2024, 6, 14)


@pytest.fixture(scope="session")
def calendar():
    return nyse()


def vendor_prices(calendar, until=LAST, *, float32=True):
    """What a vendor shows of AAA (2:1 on 2024-06-05, 3:1 on 2024-06-12), BBB and CCC."""
    splits = {"AAA": {date(2024, 6, 5): 2.0, date(2024, 6, 12): 3.0}}
    dividends = {("AAA", date(2024, 6, 3)): 0.25, ("BBB", date(2024, 6, 10)): 0.5}
    rows = []
    for symbol, base in {"AAA": 601.37, "BBB": 19.99, "CCC": 42.005}.items():
        for i, day in enumerate(calendar.between(FIRST, until)):
            known = {d: r for d, r in splits.get(symbol, {}).items() if d <= until}
            traded = base + 0.13 * i
            later = 1.0
            for ex_date, ratio in known.items():
                later *= ratio if ex_date > day else 1.0
                traded /= ratio if ex_date <= day else 1.0
            cents = round(traded, 2)
            rows.append(
                {
                    "symbol": symbol,
                    "date": day,
                    "open": cents / later,
                    "high": round(cents * 1.01, 2) / later,
                    "low": round(cents * 0.99, 2) / later,
                    "close": cents / later,
                    "volume": round(1001.0 * later),
                    "dividends": round(dividends.get((symbol, day), 0.0) / later, 6),
                    "stock_splits": known.get(day, 0.0),
                }
            )
    kind = pl.Float32 if float32 else pl.Float64
    return pl.DataFrame(rows).with_columns(pl.col("open", "high", "low", "close").cast(kind))


def moment(*when):
    return datetime(*when, tzinfo=UTC)


@pytest.fixture
def raw(calendar):
    """Every file of the layout, small."""
    days = calendar.between(FIRST, LAST)
    spy = [500.0 + i for i in range(len(days))]
    filing = {"tag": "Assets", "unit": "USD", "period_start": None, "form": "10-Q"}
    return {
        "prices_daily": vendor_prices(calendar),
        "benchmarks_daily": pl.DataFrame(
            {"symbol": "SPY", "date": days, "open": spy, "close": [p + 0.5 for p in spy]}
        ),
        "fundamentals_pit": pl.DataFrame(
            [
                {
                    "symbol": symbol,
                    "item": "assets",
                    **filing,
                    "period_end": date(2024, 3, 31),
                    "value": value,
                    "filed": filed,
                    "accession": accession,
                }
                for symbol, value, filed, accession in (
                    ("AAA", 100.0, date(2024, 5, 3), "a-1"),
                    ("AAA", 90.0, date(2024, 6, 7), "a-2"),
                    ("BBB", 50.0, date(2024, 6, 4), "b-1"),
                    ("ZZZ", 1.0, date(2024, 6, 4), "z-1"),
                )
            ],
            schema_overrides={"period_start": pl.Date},
        ),
        "fundamentals_pystock_2015_2017": pl.DataFrame(
            {
                "symbol": ["AAA"],
                "period_end": [date(2024, 3, 30)],
                "period_focus": ["Q2"],
                "doc_type": ["10-Q"],
                "amend": [True],
                "known_by": [date(2024, 6, 3)],
                "revenues": [7.0],
                "assets": [101.0],
                "cash_flow_op": [3.0],
                "op_income": [None],
                "eps_basic": [0.4],
            },
            schema_overrides={"op_income": pl.Float64},
        ),
        "macro_latest": pl.DataFrame(
            {
                "series_id": ["DGS10", "DGS10", "UNRATE"],
                "date": [date(2024, 6, 6), date(2024, 6, 7), date(2024, 5, 1)],
                "value": [4.2, 4.3, 9.9],
            }
        ),
        "macro_vintages_fredmd": pl.DataFrame(
            {
                "series_id": "UNRATE",
                "date": [date(2024, 4, 1)] * 3,
                "value": [3.9, 4.0, float("nan")],
                "available_date": [date(2024, 5, 31), date(2024, 6, 6), date(2024, 6, 11)],
            }
        ),
        "macro_vintages_alfred_gdp": pl.DataFrame(
            {
                "series_id": "GDP",
                "date": [date(2024, 1, 1)] * 2,
                "value": [28.2, 28.3],
                "realtime_start": [date(2024, 6, 7), date(2024, 6, 8)],
            }
        ),
        "events_earnings": pl.DataFrame(
            {
                "symbol": ["AAA", "AAA", "BBB"],
                "announced_at": [
                    moment(2024, 5, 29, 20),
                    moment(2024, 6, 6, 11),
                    moment(2024, 6, 10, 20),
                ],
                "session": ["amc", "bmo", "amc"],
                "reaction_date": [date(2024, 5, 30), date(2024, 6, 6), date(2024, 6, 11)],
                "eps_estimate": [0.1, 0.2, 1.0],
                "reported_eps": [0.11, None, 1.1],
            }
        ),
        "events_analyst_ratings": pl.DataFrame(
            {
                "symbol": ["AAA"],
                "graded_at": [moment(2024, 6, 4, 13)],
                "firm": ["Firm"],
                "from_grade": [""],
                "to_grade": ["Buy"],
                "action": ["init"],
            }
        ),
        "esg_snapshot": pl.DataFrame(
            {
                "symbol": ["AAA", "AAA", "BBB"],
                "total_esg_risk": [20.0, 21.0, None],
                "environment_risk": [5.0, 5.0, None],
                "social_risk": [5.0, 6.0, None],
                "governance_risk": [10.0, 10.0, None],
                "controversy_score": [1.0, 2.0, None],
                "available_date": [date(2024, 5, 30), date(2024, 6, 6), date(2024, 6, 6)],
            }
        ),
        "instruments": pl.DataFrame({"symbol": ["AAA", "BBB"], "cik": [77, 77]}),
        "sp500_constituents_history": pl.DataFrame(
            {
                "snapshot_date": [date(2024, 6, 3), date(2024, 6, 7), date(2024, 6, 10)],
                "symbol": ["AAA", "AAA", "AAA"],
                "status": ["present", "present", "removed"],
                "name": ["Aaa", "Aaa", ""],
                "gics_sector": ["Energy", "Utilities", ""],
                "gics_sub_industry": ["", "Gas Utilities", ""],
            }
        ),
        "sp500_membership": pl.DataFrame(
            {
                "symbol": ["AAA", "GONE"],
                "start_date": [date(2024, 6, 3), date(1996, 1, 2)],
                "end_date": [date(2024, 6, 10), date(1999, 1, 4)],
            }
        ),
    }


@pytest.fixture
def source(raw, calendar):
    return FolderSource(raw, calendar)


@pytest.fixture
def read(calendar):
    """Facts of raw frames until the last session."""

    def facts(raw, table, first=None, last=LAST, **options):
        return FolderSource(raw, calendar, **options).read(table, first, last)

    return facts


@pytest.fixture
def vendor():
    """What the vendor of the prices delivers until a day."""
    return vendor_prices
