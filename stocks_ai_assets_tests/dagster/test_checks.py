"""Each check says no when its promise is broken, and yes when it is not."""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl
import pytest

from stocks_ai_assets.assets.nodes import nodes
from stocks_ai_assets.checks.computed import prediction_rules, signal_rules
from stocks_ai_assets.checks.facts import MAX_AGE, fact_rules
from stocks_ai_assets.checks.plausibility import evaluation_rules
from stocks_ai_assets.checks.rule import Scope
from stocks_ai_assets.domain.calendar import CALENDAR_END, nyse
from stocks_ai_assets.domain.graph import transforms
from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.engines.inputs import with_slices
from stocks_ai_assets.partitions import partition_range
from stocks_ai_assets.sources.ports import FACT_TABLES
from stocks_ai_assets.tables import TABLES

PARAMETERS = Parameters(first_session=date(2020, 1, 2))
NODES = nodes(with_slices(transforms(PARAMETERS)))
RULES = {
    (rule.asset, rule.name): rule
    for rule in (*fact_rules(), *signal_rules(NODES), *prediction_rules(NODES), *evaluation_rules())
}
FIRST, LAST = date(2021, 3, 29), date(2021, 4, 5)
SESSIONS = nyse().between(FIRST, LAST)
CLOSE = {day: nyse().cutoff(day) for day in SESSIONS}


@dataclass(frozen=True)
class Frames:
    """A lake of frames, read as the real one is."""

    frames: dict[str, pl.DataFrame]

    def read(self, table, first=None, last=None, columns=None, slices=None):
        rows = self.frames.get(table, pl.DataFrame(schema=TABLES[table].schema))
        by = TABLES[table].partition
        if by in rows.columns:
            rows = rows.filter(pl.col(by) >= (first or date.min), pl.col(by) <= (last or date.max))
        if slices and TABLES[table].slice in rows.columns:
            rows = rows.filter(pl.col(TABLES[table].slice).is_in(slices))
        return rows.select(columns)

    def n_rows(self, table, first=None, last=None, slices=None):
        return self.read(table, first, last, (TABLES[table].partition,), slices).height


@pytest.fixture(autouse=True, params=["whole", "in pieces"])
def rows_at_a_time(request, monkeypatch):
    """A verdict does not depend on how many rows are looked at together."""
    if request.param == "in pieces":
        monkeypatch.setattr("stocks_ai_assets.checks.rule.BATCH_ROWS", 2)


def judge(asset, name, frames, first=FIRST, last=LAST):
    node = NODES[asset]
    window = partition_range(node.table.partitioned_by, first, last, PARAMETERS)
    return RULES[asset, name].judge(Scope(lake=Frames(frames), node=node, window=window))


def published(late=timedelta(0)):
    """One row a session, public `late` after its close."""
    return pl.DataFrame(
        {
            "known_on": SESSIONS,
            "session": SESSIONS,
            "available_at": [CLOSE[day] + late for day in SESSIONS],
        },
        schema_overrides={"available_at": pl.Datetime("us", "UTC")},
    )


@pytest.mark.parametrize("table", FACT_TABLES)
def test_a_row_that_was_published_after_the_close_that_uses_it_is_an_error(table):
    asset = table.replace(".", "/")
    assert judge(asset, "published_in_time", {table: published()}).passed
    verdict = judge(asset, "published_in_time", {table: published(timedelta(microseconds=1))})
    assert not verdict.passed
    assert verdict.figures["late_rows"] == len(SESSIONS)
    assert RULES[asset, "published_in_time"].severe


def test_a_row_that_is_known_on_a_day_without_a_session_is_late():
    holiday = published().with_columns(known_on=pl.lit(date(2021, 4, 2)))
    assert not judge("market/prices", "published_in_time", {"market.prices": holiday}).passed


@pytest.mark.parametrize(("aside", "passes"), [(1, True), (2, False)])
def test_more_than_one_row_in_a_hundred_in_quarantine_is_a_warning(aside, passes):
    rows = pl.concat([published()] * 20).head(99)
    quarantine = pl.DataFrame(
        {
            "source_table": ["market.prices"] * aside + ["market.earnings"] * 50,
            "known_on": FIRST,
            "reason": "close is not positive",
        }
    )
    frames = {"market.prices": rows, "market.quarantine": quarantine}
    verdict = judge("market/prices", "few_in_quarantine", frames)
    assert verdict.passed == passes
    assert verdict.figures["quarantined_rows"] == aside
    assert "close is not positive" in verdict.description


@pytest.mark.parametrize("table", MAX_AGE)
def test_a_table_that_nobody_filled_for_long_is_a_warning(table):
    def newest(age):
        day = nyse().offset(LAST, -age)
        return {table: pl.DataFrame({"known_on": [day], "session": [day]})}

    asset = table.replace(".", "/")
    assert judge(asset, "fresh", newest(MAX_AGE[table]), first=LAST).passed
    verdict = judge(asset, "fresh", newest(MAX_AGE[table] + 1), first=LAST)
    assert not verdict.passed
    assert str(LAST) in verdict.description


def test_a_session_without_prices_and_prices_of_a_day_that_is_none_are_warnings():
    whole = published()
    assert judge("market/prices", "every_session", {"market.prices": whole}).passed
    gap = whole.filter(pl.col("session") != SESSIONS[2])
    verdict = judge("market/prices", "every_session", {"market.prices": gap})
    assert not verdict.passed
    assert str(SESSIONS[2]) in verdict.description
    good_friday = whole.head(1).with_columns(session=pl.lit(date(2021, 4, 2)))
    extra = pl.concat([whole, good_friday])
    verdict = judge("market/prices", "every_session", {"market.prices": extra})
    assert not verdict.passed
    assert verdict.figures == {"missing_sessions": 0, "other_days": 1}


@pytest.mark.parametrize(("days", "passes"), [(185, True), (175, False)])
def test_a_calendar_that_ends_soon_is_a_warning_half_a_year_before(days, passes):
    last = nyse().previous_or_same(CALENDAR_END - timedelta(days=days))
    verdict = judge("market/prices", "calendar_reaches", {}, first=last, last=last)
    assert verdict.passed == passes
    assert ("Raise CALENDAR_END" in verdict.description) != passes


def test_a_session_without_signals_is_a_warning():
    rows = pl.DataFrame({"session": SESSIONS})
    assert judge("signals/risk", "every_session", {"signals.risk": rows}).passed
    verdict = judge("signals/risk", "every_session", {"signals.risk": rows.tail(-1)})
    assert not verdict.passed
    assert f"First: {FIRST}" in verdict.description


@pytest.mark.parametrize(("nulls", "passes"), [(2, True), (3, False)])
def test_signals_that_are_mostly_null_are_a_warning(nulls, passes):
    table = TABLES["signals.esg"]
    names = [name for name in table.columns if name not in table.key]
    values = [None] * nulls + [1.0] * (4 - nulls)
    rows = pl.DataFrame({"session": SESSIONS[:4], **dict.fromkeys(names, values)})
    assert judge("signals/esg", "mostly_known", {"signals.esg": rows}).passed == passes


def predictions(**columns):
    n = len(SESSIONS)
    return pl.DataFrame({"agent": ["risk"] * n, "prediction_date": SESSIONS, **columns})


def test_an_agent_without_any_prediction_is_a_warning():
    prices = {"signals.technical": pl.DataFrame({"session": SESSIONS * 2})}
    asset = "agents/predictions/risk"
    verdict = judge(asset, "covers_the_universe", {"agents.predictions": predictions(), **prices})
    assert verdict.passed
    assert verdict.figures["coverage"] == 0.5
    other = predictions().with_columns(agent=pl.lit("esg"))
    assert not judge(asset, "covers_the_universe", {"agents.predictions": other, **prices}).passed


@pytest.mark.parametrize(("rest", "passes"), [(0.01, True), (0.01 + 1e-8, False)])
def test_contributions_that_do_not_add_up_to_the_prediction_are_an_error(rest, passes):
    n = len(SESSIONS)
    factors = [{"contribution": 0.02}, {"contribution": rest}]
    agent = predictions(predicted_return=[0.03] * n, key_factors=[factors] * n)
    asset = "agents/predictions/risk"
    verdict = judge(asset, "explanation_adds_up", {"agents.predictions": agent})
    assert verdict.passed == passes
    parts = [{"key": "market", "value": 0.02}, {"key": "risk", "value": rest}]
    parts.append({"key": "esg", "value": None})
    both = agent.with_columns(agent_contributions=pl.Series([parts] * n))
    verdict = judge(
        "meta/synthesized_predictions",
        "explanation_adds_up",
        {"meta.synthesized_predictions": both},
    )
    assert verdict.passed == passes
    assert RULES[asset, "explanation_adds_up"].severe


def test_skill_that_is_too_good_to_be_true_is_a_warning_that_names_the_agent():
    rows = pl.DataFrame(
        {
            "quarter": [date(2021, 1, 1), date(2021, 4, 1)],
            "agent": ["risk", "technical"],
            "label": ["excess", "residual"],
            "window": ["all", "all"],
            "suspicion": [None, "ic 0.31"],
        }
    )
    first, last = date(2021, 1, 1), date(2021, 4, 1)
    frames = {"evaluation.agent_skill": rows}
    verdict = judge("evaluation/agent_skill", "plausible", frames, first, last)
    assert not verdict.passed
    assert "technical" in verdict.description
    assert "ic 0.31" in verdict.description
    assert judge("evaluation/agent_skill", "plausible", frames, first, first).passed


@pytest.mark.parametrize(
    ("change", "passes"),
    [
        ({}, True),
        ({"brier_skill": 0.3}, False),
        ({"brier_skill": 0.3, "n": 10}, True),  # too few to be sure of
        ({"brier_skill": 0.3, "year": 2021}, True),  # one year proves nothing
        ({"max_confidence": 0.99}, False),
    ],
)
def test_probabilities_sharper_than_honest_ones_are_a_warning(change, passes):
    row = {"quarter": FIRST.replace(month=1, day=1), "agent": "risk", "year": 0, "n": 10**6}
    row |= {"brier_skill": 0.001, "max_confidence": 0.55} | change
    frames = {"evaluation.calibration": pl.DataFrame([row])}
    quarter = row["quarter"]
    verdict = judge("evaluation/calibration", "plausible", frames, quarter, quarter)
    assert verdict.passed == passes
    assert passes or "risk" in verdict.description


def test_every_rule_is_broken_in_some_test_of_this_file():
    names = {name for _, name in RULES}
    assert names == {
        "published_in_time",
        "few_in_quarantine",
        "fresh",
        "every_session",
        "calendar_reaches",
        "mostly_known",
        "covers_the_universe",
        "explanation_adds_up",
        "plausible",
    }
