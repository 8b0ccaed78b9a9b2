"""Which sessions are proved: chosen from the source by rule, where leaks have most to leak."""

from datetime import date, datetime

import polars as pl

from stocks_ai_assets.domain.calendar import NEW_YORK, next_quarter, nyse, quarter_start
from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.errors import UsageError
from stocks_ai_assets.sources.ports import Source

HISTORY = 300
"""Sessions of results before the first session proved: enough for value at risk, which needs 252
returns, and for a year of matured outcomes. Facts before them come with the first partition."""

NEAR = 60
"""Sessions around the split within which the other sessions are looked for."""

USUAL_CLOSE = 16
"""Hour of a full session's close, New York."""


def latest_session(source: Source, parameters: Parameters) -> date:
    """Last session that can be proved: its predictions mature before the source ends."""
    return nyse().offset(source.last_session(), -parameters.horizon - 1)


def last_of_future(session: date, source: Source) -> date:
    """Session until which the future of `session` is materialized.

    It reaches into the next quarter: only a range that goes beyond a quarter gives the models of
    that quarter the chance to see it.
    """
    start = nyse().next_or_same(next_quarter(quarter_start(session)))
    return min(nyse().offset(max(start, nyse().offset(session, 25)), 1), source.last_session())


def require_provable(session: date, source: Source, parameters: Parameters) -> None:
    """Raise `UsageError` for a session without a past or without a future in the source."""
    latest = latest_session(source, parameters)
    if not parameters.first_session < nyse().require(session) <= latest:
        raise UsageError(
            f"{session} cannot be proved: the first partition is {parameters.first_session}, and "
            f"source `{source.name}` ends on {source.last_session()}. Choose a session after the "
            f"first partition and until {latest}, so that its predictions mature."
        )


def default_sessions(source: Source, parameters: Parameters) -> tuple[date, ...]:
    """Three sessions near each other, ascending; fewer when rules agree.

    1. The last session before the newest real split that lies far enough from both ends of the
       data: adjusted prices change there. Without a split, the middle of the data.
    2. The session within `NEAR` sessions of it before which the fewest facts would show, because
       most earnings become known on the next one: the thick of the reporting season.
    3. The early close nearest to it within `NEAR` sessions, else the last session of the quarter
       before it.
    """
    sessions = _candidates(source, parameters)
    anchor = _before_split(source, sessions)
    at = sessions.index(anchor)
    near = sessions[max(at - NEAR, 0) : at + NEAR + 1]
    return tuple(sorted({anchor, _reporting_season(source, near, anchor), _edge(near, anchor)}))


def _candidates(source: Source, parameters: Parameters) -> tuple[date, ...]:
    """Sessions with some past and a future."""
    start, end = parameters.first_session, latest_session(source, parameters)
    found = nyse().between(start, end)
    if len(found) < 2:
        raise UsageError(
            f"Source `{source.name}` ends on {source.last_session()}, too soon after the first "
            f"partition {start} to prove anything. Set STOCKS_AI_FIRST_SESSION earlier."
        )
    # A full history where there is one, else the later half.
    return found[min(HISTORY, len(found) // 2) :]


def _before_split(source: Source, sessions: tuple[date, ...]) -> date:
    actions = source.read("market.corporate_actions", sessions[0], source.last_session())
    splits = actions.filter(pl.col("shares_ratio") != 1.0).get_column("ex_date").sort()
    before = [nyse().offset(day, -1) for day in splits if day in nyse()]
    inside = [day for day in before if day in sessions]
    return inside[-1] if inside else sessions[len(sessions) // 2]


def _reporting_season(source: Source, near: tuple[date, ...], anchor: date) -> date:
    following = {nyse().offset(session, 1): session for session in near}
    earnings = source.read("market.earnings", min(following), max(following))
    counts = earnings.group_by("known_on").len().sort(["len", "known_on"], descending=[True, False])
    return following[counts.item(0, "known_on")] if counts.height else anchor


def _edge(near: tuple[date, ...], anchor: date) -> date:
    early = [s for s in near if _hour(nyse().cutoff(s)) < USUAL_CLOSE]
    if early:
        return min(early, key=lambda s: (abs((s - anchor).days), s))
    ends = [s for s in near if s < quarter_start(anchor)]
    return ends[-1] if ends else anchor


def _hour(moment: datetime) -> int:
    return moment.astimezone(NEW_YORK).hour
