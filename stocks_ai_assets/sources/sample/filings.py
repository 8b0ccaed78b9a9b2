"""Filings as the SEC's company facts show them: a row for each figure of each 10-Q and 10-K.

Income comes by quarter and since the fiscal year's start, cash flow since its start only, a fourth
quarter never; each filing repeats the same figures of a year before, as known by then.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from stocks_ai_assets.sources.sample.accounts import FIRST_FILED, FLOWS, STOCKS, Accounts
from stocks_ai_assets.sources.sample.companies import FINANCIALS, Companies
from stocks_ai_assets.sources.sample.timeline import Flags, Floats, Integers, Timeline
from stocks_ai_assets.sources.sample.traps import first_after, holders, positions

TAGS: Mapping[str, str] = {
    "assets": "Assets",
    "liabilities": "Liabilities",
    "equity": "StockholdersEquity",
    "revenue": "Revenues",
    "cost_of_revenue": "CostOfRevenue",
    "gross_profit": "GrossProfit",
    "operating_income": "OperatingIncomeLoss",
    "net_income": "NetIncomeLoss",
    "cf_operating": "NetCashProvidedByUsedInOperatingActivities",
    "capex": "PaymentsToAcquirePropertyPlantAndEquipment",
    "eps_diluted": "EarningsPerShareDiluted",
    "shares_outstanding": "EntityCommonStockSharesOutstanding",
}
ITEMS = tuple(TAGS)
UNITS: Mapping[str, str] = {"eps_diluted": "USD/shares", "shares_outstanding": "shares"}
CASH_FLOWS = ("cf_operating", "capex")
NOT_OF_FINANCIALS = ("cost_of_revenue", "gross_profit", "capex")
YEAR_AGO = ("revenue", "net_income", "cf_operating", "capex")
"""Flows that a filing repeats for the year before; of the balance sheet it repeats all."""

SCALE_ERROR = 1000.0
COVER_DAYS = 9
"""Days before the filing date on which shares are counted for its cover."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Filings:
    """One entry a filing, by company and in the order of filing.

    Attributes
    ----------
    quarter, who
        Fiscal quarter and company.
    position
        Session of the filing date.
    amendment
        Whether it restates an earlier one.
    restated
        Whether restated figures were known by then.
    """

    quarter: Integers
    who: Integers
    position: Integers
    amendment: Flags
    restated: Flags


@dataclass(frozen=True, kw_only=True, eq=False)
class _Figures:
    """Figures of one kind: positions of their filings, spans in quarters (0: a date), values."""

    item: str
    filing: Integers
    quarter: Integers
    span: Integers
    value: Floats


def filings(members: Companies, books: Accounts, line: Timeline) -> Filings:
    """All filings until the last session; none before a company is listed or after it is not."""
    quarter, who = np.nonzero(_public(books.filed, members, line))
    changed, amender = np.nonzero(_public(books.amended, members, line))
    count, amendments = len(quarter), len(changed)
    position = np.concatenate([books.filed[quarter, who], books.amended[changed, amender]])
    quarter, who = np.concatenate([quarter, changed]), np.concatenate([who, amender])
    order = np.lexsort((quarter, position, who))
    restated = position >= books.amended.min(axis=0)[who]
    return Filings(
        quarter=quarter[order],
        who=who[order],
        position=position[order],
        amendment=np.repeat([False, True], [count, amendments])[order],
        restated=restated[order],
    )


def _public(at: Integers, members: Companies, line: Timeline) -> Flags:
    """Which filings at given positions there are."""
    public = (at < line.length) & (at < members.delisted)
    public &= (members.listed == 0) | (at >= members.listed)
    public[:FIRST_FILED] = False
    return public


def fundamentals_pit(
    members: Companies, books: Accounts, line: Timeline, shares_ratio: Floats
) -> pl.DataFrame:
    """Raw frame `fundamentals_pit`.

    Parameters
    ----------
    members, books, line
        The simulated world.
    shares_ratio
        Ratio of share counts on ex-dates, positions x symbols.
    """
    made = filings(members, books, line)
    parts = [*_balance(made, books), *_flows(made, books, members)]
    parts += _per_share(made, books, members, shares_ratio)
    parts = [_with_error(part, members, books, line, made) for part in parts]
    filing = np.concatenate([part.filing for part in parts])
    order = np.argsort(filing, kind="stable")

    def joined(name: str) -> Floats | Integers:
        return np.concatenate([getattr(part, name) for part in parts])[order]

    filing, quarter, span = filing[order], joined("quarter"), joined("span")
    month = books.month[quarter, made.who[filing]]
    end = (month + 1).astype("datetime64[D]") - 1
    start = np.where(span > 0, (month + 1 - 3 * span).astype("datetime64[D]"), np.datetime64("NaT"))
    cover = line.day(made.position[filing]) - COVER_DAYS
    code = np.concatenate([np.full(len(p.filing), ITEMS.index(p.item)) for p in parts])[order]
    end = np.where(code == ITEMS.index("shares_outstanding"), cover, end)
    rows = pl.DataFrame(
        {
            "filing": filing,
            "item": pl.Series(ITEMS).gather(code),
            "tag": pl.Series(list(TAGS.values())).gather(code),
            "unit": pl.Series([UNITS.get(item, "USD") for item in ITEMS]).gather(code),
            "period_start": start,
            "period_end": end,
            "value": joined("value"),
        }
    )
    return _with_filing(rows, made, members, books, line)


def _with_filing(
    rows: pl.DataFrame, made: Filings, members: Companies, books: Accounts, line: Timeline
) -> pl.DataFrame:
    """Add what all figures of a filing have in common."""
    fiscal = books.fiscal_quarter[made.quarter, made.who]
    month = books.month[made.quarter, made.who]
    year = (month + 3 * (3 - fiscal)).astype("datetime64[Y]").astype(np.int64) + 1970
    annual = fiscal == 3
    form = np.where(annual, 0, 1) + 2 * made.amendment
    heads = pl.DataFrame(
        {
            "symbol": pl.Series(members.symbols).gather(made.who),
            "cik": members.cik[made.who],
            "fiscal_year": year,
            "fiscal_period": pl.Series(["Q1", "Q2", "Q3", "FY"]).gather(fiscal),
            "form": pl.Series(["10-K", "10-Q", "10-K/A", "10-Q/A"]).gather(form),
            "filed": line.day(made.position),
            "number": made.quarter * 2 + made.amendment,
        }
    ).with_columns(
        accession=pl.format(
            "{}-{}-{}",
            pl.col("cik").cast(pl.String).str.zfill(10),
            pl.col("filed").dt.strftime("%y"),
            pl.col("number").cast(pl.String).str.zfill(6),
        ),
        frame=pl.lit(None, pl.String),
        source=pl.lit("SIMULATED"),
    )
    return pl.concat(
        [rows.drop("filing"), heads[rows.get_column("filing")].drop("number")], how="horizontal"
    ).select(
        "symbol", "cik", "item", "tag", "unit", "period_start", "period_end", "value",
        "fiscal_year", "fiscal_period", "form", "filed", "accession", "frame", "source",
    )  # fmt: skip


def _balance(made: Filings, books: Accounts) -> list[_Figures]:
    """Balance sheet at the quarter's end and at the end of the fiscal year before."""
    back = books.fiscal_quarter[made.quarter, made.who] + 1
    parts = []
    for item in STOCKS:
        for quarter in (made.quarter, made.quarter - back):
            value = np.where(
                made.restated,
                books.restated[item][quarter, made.who],
                books.figures[item][quarter, made.who],
            )
            parts.append(_figures(item, made, quarter, np.zeros_like(quarter), value))
    return parts


def _flows(made: Filings, books: Accounts, members: Companies) -> list[_Figures]:
    """Flows of the quarter and since the fiscal year's start, and some of a year before."""
    fiscal = books.fiscal_quarter[made.quarter, made.who]
    parts = []
    for item in FLOWS:
        then, now = _sums(books.figures[item]), _sums(books.restated[item])
        filed = ~np.isin(members.sector[made.who], [FINANCIALS] * (item in NOT_OF_FINANCIALS))
        quarterly = filed & (fiscal < 3) & (item not in CASH_FLOWS)
        since = filed & ((fiscal > 0) | (item in CASH_FLOWS))
        for use, span in ((quarterly, np.ones_like(fiscal)), (since, fiscal + 1)):
            for back in (0, 4) if item in YEAR_AGO else (0,):
                quarter = made.quarter - back
                ends, starts = quarter + 1, np.maximum(quarter + 1 - span, 0)
                value = np.where(
                    made.restated,
                    now[ends, made.who] - now[starts, made.who],
                    then[ends, made.who] - then[starts, made.who],
                )
                whole = use & (quarter + 1 >= span)
                parts.append(_figures(item, made, quarter, span, value, whole))
    return parts


def _sums(flows: Floats) -> Floats:
    """Running sums, 0 first; exact, because figures are whole thousands."""
    return np.vstack([np.zeros((1, flows.shape[1])), np.cumsum(flows, axis=0)])


def _per_share(
    made: Filings, books: Accounts, members: Companies, shares_ratio: Floats
) -> list[_Figures]:
    """Shares on the cover and earnings per share, on the basis of the filing date."""
    factor = np.cumprod(shares_ratio, axis=0)
    basis = np.where(made.position >= 0, factor[np.maximum(made.position, 0), made.who], 1.0)
    shares = books.shares[made.quarter, made.who] * basis
    fiscal = books.fiscal_quarter[made.quarter, made.who]
    span = np.where(fiscal == 3, 4, 1)
    income = _sums(books.figures["net_income"])
    ends = made.quarter + 1
    earned = income[ends, made.who] - income[ends - span, made.who]
    classes = [*holders("first_class", members.n), *holders("second_class", members.n)]
    counted = ~np.isin(made.who, classes)
    return [
        _figures("eps_diluted", made, made.quarter, span, np.round(earned / shares, 2)),
        _figures("shares_outstanding", made, made.quarter, np.zeros_like(span), shares, counted),
    ]


def _figures(
    item: str,
    made: Filings,
    quarter: Integers,
    span: Integers,
    value: Floats,
    use: Flags | None = None,
) -> _Figures:
    """Figures of the filings in `use` (all: None)."""
    kept = np.flatnonzero(np.ones(len(made.who), dtype=bool) if use is None else use)
    return _Figures(
        item=item, filing=kept, quarter=quarter[kept], span=span[kept], value=value[kept]
    )


def _with_error(
    part: _Figures, members: Companies, books: Accounts, line: Timeline, made: Filings
) -> _Figures:
    """Multiply what one filing of a company says about its own quarter by 1,000."""
    trap = {"shares_outstanding": "share_error", **dict.fromkeys(STOCKS, "balance_error")}.get(
        part.item
    )
    if trap is None:
        return part
    who, when = holders(trap, members.n), positions(trap, members.n, line)
    wrong = np.zeros(books.filed.shape, dtype=bool)
    wrong[:, who] = first_after(books.filed[:, who], when)
    quarter, company = made.quarter[part.filing], made.who[part.filing]
    hit = wrong[quarter, company] & (part.quarter == quarter)
    return _Figures(
        item=part.item,
        filing=part.filing,
        quarter=part.quarter,
        span=part.span,
        value=np.where(hit, part.value * SCALE_ERROR, part.value),
    )
