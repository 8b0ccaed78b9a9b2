"""Who is simulated: names, sectors, sizes and exposures, fixed before the first session."""

from dataclasses import dataclass

import numpy as np

from stocks_ai_assets.sources.sample.timeline import Floats, Integers, Timeline, stream
from stocks_ai_assets.sources.sample.traps import holders, positions

SECTORS = (
    "Communication Services",
    "Consumer Discretionary",
    "Consumer Staples",
    "Energy",
    "Financials",
    "Health Care",
    "Industrials",
    "Information Technology",
    "Materials",
    "Real Estate",
    "Utilities",
)
FINANCIALS = SECTORS.index("Financials")

FIRST_CIK = 9_000_001
"""Far above the numbers the SEC has given out."""

NEVER = 1 << 40
"""Position that no simulation reaches."""

SYLLABLES = tuple(consonant + vowel for consonant in "bdklmrv" for vowel in "aeio")


@dataclass(frozen=True, kw_only=True, eq=False)
class Companies:
    """One entry a symbol, in the order of the symbols.

    Attributes
    ----------
    issuer
        Index of the issuer's first share class.
    sector
        Index into `SECTORS`, before any reclassification.
    beta
        Exposure to the market's return.
    volatility
        Sd of the company's own return, fraction a session.
    market_cap, price
        USD at position 0.
    dividend_yield
        Fraction a year.
    listed, delisted
        First position with a price, and the first one without again.
    """

    symbols: tuple[str, ...]
    names: tuple[str, ...]
    issuer: Integers
    cik: Integers
    sector: Integers
    beta: Floats
    volatility: Floats
    market_cap: Floats
    price: Floats
    dividend_yield: Floats
    listed: Integers
    delisted: Integers

    @property
    def n(self) -> int:
        """Number of symbols."""
        return len(self.symbols)

    @property
    def shares(self) -> Floats:
        """Shares at position 0."""
        return self.market_cap / self.price


def companies(seed: int, n_symbols: int, line: Timeline) -> Companies:
    """Draw the companies; both share classes of an issuer have all in common but the symbol."""
    rng = stream(seed, "companies")
    issuer = np.arange(n_symbols)
    second = holders("second_class", n_symbols)
    issuer[second] -= 1
    width = max(3, len(str(n_symbols)))
    symbols = [f"SIM{i + 1:0{width}d}" for i in range(n_symbols)]
    for i in second:
        symbols[i] = f"{symbols[i - 1]}-B"
    beta, volatility, cap, price, payout = rng.standard_normal((5, n_symbols))
    start = np.exp(np.log(70.0) + 0.4 * price)
    start[holders("reverse_split", n_symbols)] = 9.0
    # One company in four pays nothing; the others pay up to 4 % a year.
    dividend_yield = np.clip(0.011 + 0.016 * payout, 0.0, 0.04)
    listed, delisted = np.zeros(n_symbols, dtype=np.int64), np.full(n_symbols, NEVER)
    listed[holders("listing", n_symbols)] = positions("listing", n_symbols, line)
    delisted[holders("delisting", n_symbols)] = positions("delisting", n_symbols, line)
    return Companies(
        symbols=tuple(symbols),
        names=tuple(name_of(i) for i in issuer.tolist()),
        issuer=issuer,
        cik=FIRST_CIK + issuer,
        sector=(issuer % len(SECTORS)).astype(np.int64),
        beta=np.clip(1.0 + 0.3 * beta, 0.3, 1.9)[issuer],
        volatility=(0.013 * np.exp(0.25 * np.clip(volatility, -2.0, 2.0)))[issuer],
        market_cap=np.exp(np.log(3e10) + np.clip(cap, -2.0, 2.5))[issuer],
        price=start[issuer],
        dividend_yield=dividend_yield[issuer],
        listed=listed,
        delisted=delisted,
    )


def name_of(i: int, kind: str = "Inc.") -> str:
    """Made-up name of company `i`; distinct below 21,952, and no company's name on purpose."""
    k = len(SYLLABLES)
    code = (i * 7919 + 4321) % k**3  # 7919 is prime to k: neighbours get unlike names
    word = SYLLABLES[code % k] + SYLLABLES[code // k % k] + SYLLABLES[code // k**2]
    return f"Simulated {word.capitalize()} {kind}"
