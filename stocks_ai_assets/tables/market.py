"""Contracts of `market`: facts as they became known, append-only, partitioned by known_on.

A correction is a new row under a later known_on; readers take the latest row known by the cutoff.
"""

import dataframely as dy
import polars as pl

from stocks_ai_assets.tables import columns as c


class Prices(dy.Schema):
    """As-traded daily prices: never adjusted for later splits or dividends."""

    symbol = c.symbol()
    session = c.session()
    open = c.number("USD", "First traded price.", nullable=False, min_exclusive=0)
    high = c.number("USD", "Highest traded price.", nullable=False, min_exclusive=0)
    low = c.number("USD", "Lowest traded price.", nullable=False, min_exclusive=0)
    close = c.number("USD", "Official close.", nullable=False, min_exclusive=0)
    volume = c.number("shares", "Shares traded, as traded.", nullable=False, min=0)
    available_at = c.available_at()
    known_on = c.known_on()
    source = c.source()

    @dy.rule()
    def high_is_the_highest(cls) -> pl.Expr:
        return pl.col("high") * (1 + 1e-6) >= pl.max_horizontal("open", "low", "close")

    @dy.rule()
    def low_is_the_lowest(cls) -> pl.Expr:
        return pl.col("low") * (1 - 1e-6) <= pl.min_horizontal("open", "high", "close")


class CorporateActions(dy.Schema):
    """Dividends and splits on their ex-date, per share as traded on that day."""

    symbol = c.symbol()
    ex_date = c.day("Session from whose open the price excludes the payment.", primary_key=True)
    dividend = c.number("USD/share", "Cash per share; 0 = none.", nullable=False, min=0)
    split_ratio = c.number(
        "ratio", "New shares per old share; 1 = none.", nullable=False, min_exclusive=0
    )
    shares_ratio = c.number(
        "ratio",
        "Change of the number of shares: split_ratio for real splits (p/q or q/p, q <= 3), else 1.",
        nullable=False,
        min_exclusive=0,
    )
    available_at = c.available_at()
    known_on = c.known_on()
    source = c.source()


class Benchmarks(dy.Schema):
    """Returns of reference portfolios; a return has no adjustment basis, a level would."""

    benchmark = dy.String(
        primary_key=True, metadata={"unit": "none"}, description="`market`: the whole market."
    )
    session = c.session()
    close_return = c.number(
        "fraction", "Total return, previous close to close.", nullable=False, min=-0.5, max=0.5
    )
    open_return = c.number(
        "fraction", "Total return, previous open to open.", nullable=False, min=-0.5, max=0.5
    )
    available_at = c.available_at()
    known_on = c.known_on()
    source = c.source()


class CompanyFacts(dy.Schema):
    """Figures from filings, one row per figure and filing; restatements are further rows."""

    symbol = c.symbol()
    fact_id = dy.String(
        primary_key=True,
        metadata={"unit": "none"},
        description="item, tag, period and filing in one text: names the figure for good.",
    )
    item = c.text("Canonical item, for instance assets, net_income, shares_outstanding.")
    period_start = c.day("First day of a flow's period; null for stocks.", nullable=True)
    period_end = c.day("Last day of the period; null if the source does not say.", nullable=True)
    value = c.number("unit", "Figure in `unit`.", nullable=False)
    unit = c.text("USD, shares or USD/share.")
    form = c.text("Form of the filing, for instance 10-K.", nullable=True)
    accession = c.text("Accession number of the filing.", nullable=True)
    filed = c.day("Filing date.")
    available_at = c.available_at()
    known_on = c.known_on()
    source = c.source()


class MacroObservations(dy.Schema):
    """Macroeconomic observations by vintage: each revision is a further row."""

    series_id = dy.String(
        primary_key=True, metadata={"unit": "none"}, description="Series, in FRED's spelling."
    )
    observation_date = c.day("Date the value describes.", primary_key=True)
    value = c.number("series", "Value in the series' unit; null: withdrawn in this vintage.")
    available_at = c.available_at()
    known_on = c.known_on()
    source = c.source()


class Earnings(dy.Schema):
    """Quarterly earnings announcements with the estimate that stood before them."""

    symbol = c.symbol()
    reaction_session = c.day(
        "First session in which the announcement could be traded.", primary_key=True
    )
    announced_at = dy.Datetime(
        nullable=True,
        time_zone="UTC",
        time_unit="us",
        metadata={"unit": "UTC"},
        description="Announcement; the clock time is often a vendor's default.",
    )
    when = c.text("bmo before the open, amc after the close.", nullable=True)
    eps_estimate = c.number("USD/share", "Consensus, basis of shares on reaction_session.")
    eps_reported = c.number("USD/share", "Street EPS, basis of shares on reaction_session.")
    available_at = c.available_at()
    known_on = c.known_on()
    source = c.source()


class AnalystRatings(dy.Schema):
    """Changes of analysts' grades."""

    symbol = c.symbol()
    graded_at = dy.Datetime(
        primary_key=True,
        time_zone="UTC",
        time_unit="us",
        metadata={"unit": "UTC"},
        description="When the grade was published.",
    )
    firm = dy.String(
        primary_key=True, metadata={"unit": "none"}, description="Firm of the analyst."
    )
    from_grade = c.text("Grade before.", nullable=True)
    to_grade = c.text("Grade after.", nullable=True)
    action = c.text("up, down, main, init, reit.", nullable=True)
    available_at = c.available_at()
    known_on = c.known_on()
    source = c.source()


class EsgRatings(dy.Schema):
    """Environmental, social and governance risk ratings; lower is better."""

    symbol = c.symbol()
    total_risk = c.number("points", "Total ESG risk.", min=0, max=100)
    environment_risk = c.number("points", "Environmental part.", min=0, max=100)
    social_risk = c.number("points", "Social part.", min=0, max=100)
    governance_risk = c.number("points", "Governance part.", min=0, max=100)
    controversy_score = c.number("points", "Controversy level 0 (none) to 5 (severe).")
    available_at = c.available_at()
    known_on = c.known_on()
    source = c.source()


class Companies(dy.Schema):
    """Name, issuer and sector of a symbol as published at the time; one row per change."""

    symbol = c.symbol()
    name = c.text("Name of the company.", nullable=True)
    issuer_id = c.text("Identity of the issuer (CIK); share classes have it in common.")
    sector = c.text("GICS sector as published on that day; null: not known then.", nullable=True)
    sub_industry = c.text("GICS sub-industry.", nullable=True)
    available_at = c.available_at()
    known_on = c.known_on()
    source = c.source()


class IndexMembers(dy.Schema):
    """Additions to and removals from an index."""

    index_name = dy.String(
        primary_key=True, metadata={"unit": "none"}, description="For instance sp500."
    )
    symbol = c.symbol()
    effective_date = c.day("First day of the new state.", primary_key=True)
    is_member = c.flag("Member from effective_date on.")
    available_at = c.available_at()
    known_on = c.known_on()
    source = c.source()


class Quarantine(dy.Schema):
    """Rows from outside that broke a contract, with the reason; nothing is dropped silently."""

    source_table = dy.String(
        primary_key=True, metadata={"unit": "none"}, description="Table the row was meant for."
    )
    row_id = dy.String(
        primary_key=True, metadata={"unit": "none"}, description="Hash of reason and row."
    )
    reason = c.text("Rules the row broke.")
    row = c.text("The row as JSON.")
    known_on = c.known_on()
    source = c.source()
