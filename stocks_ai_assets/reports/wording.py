"""How values, names and units read in the report. Missing values read as a dash, never as zero."""

import math
from datetime import date

from stocks_ai_assets.domain.agents.registry import AGENTS
from stocks_ai_assets.domain.evaluation.grid import EQUAL_WEIGHT, SUPERVISOR
from stocks_ai_assets.domain.portfolio.returns import BENCHMARKS
from stocks_ai_assets.domain.portfolio.weights import STRATEGIES

MISSING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"
BAND = "\N{PLUS-MINUS SIGN}1.96 standard errors"
BAND_NOTE = f"{BAND} cover about 91 % under overlapping labels, less in short histories"

SCORES: tuple[str, ...] = (SUPERVISOR, EQUAL_WEIGHT, *(agent.name for agent in AGENTS))
"""Everything whose skill is measured, in the order of the report."""

ALL_STRATEGIES: tuple[str, ...] = (*STRATEGIES, *BENCHMARKS)

STRATEGY_TITLES = {
    "long_only": "Long only",
    "long_short": "Long-short",
    "equal_agents": "Equal agents (long-short)",
    "market": "Market",
    "equal_weight": "Equal-weighted universe",
}


def decimal(value: float | None, digits: int = 2, *, sign: bool = False) -> str:
    """Return `value` with a true minus; a dash when it is missing or not a number."""
    if value is None or math.isnan(value):
        return MISSING
    text = f"{value:+,.{digits}f}" if sign else f"{value:,.{digits}f}"
    if float(text.replace(",", "")) == 0.0:
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def percent(value: float | None, digits: int = 1, *, sign: bool = False) -> str:
    """Return the fraction `value` in percent, with its sign of unit."""
    if value is None or math.isnan(value):
        return MISSING
    return f"{decimal(value * 100.0, digits, sign=sign)}{NARROW_SPACE}%"


def whole(value: int | None) -> str:
    """Return `value` with thousands separated."""
    return MISSING if value is None else decimal(float(value), 0)


def yes_no(value: bool | None) -> str:  # noqa: FBT001  # a value to show, not a switch
    """Return yes, no or a dash."""
    return MISSING if value is None else "yes" if value else "no"


def day(value: date | None) -> str:
    """Return the date in ISO form."""
    return MISSING if value is None else value.isoformat()


def quarter_label(value: date | None) -> str:
    """Return the quarter as 2024 Q3."""
    return MISSING if value is None else f"{value.year} Q{(value.month + 2) // 3}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return the number with its noun."""
    return f"{whole(count)} {one if count == 1 else many or one + 's'}"


def listed(items: list[str]) -> str:
    """Join items as in a sentence."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def strategy_title(name: str) -> str:
    """Name of a strategy for people."""
    return STRATEGY_TITLES.get(name, name)


def score_title(name: str) -> str:
    """Name of an agent, the supervisor or the plain mean for people."""
    return "equal-weighted agents" if name == EQUAL_WEIGHT else name


def command(table: str, slice_: str | None = None) -> str:
    """Command that fills `table` and whatever it needs."""
    key = table.replace(".", "/") + (f"/{slice_}" if slice_ else "")
    return f"stocks-ai backfill --select '+key:\"{key}\"'"


def own_label(score: str) -> str:
    """Label on which a score's skill is judged: `residual`, or `raw` for views of the market."""
    return next((agent.label for agent in AGENTS if agent.name == score), "residual")
