"""Nothing here is significant, nothing is suspicious, and the report says so first."""

import polars as pl
import pytest

from stocks_ai_assets.reports.data import ReportContext
from stocks_ai_assets.reports.gathering import gather
from stocks_ai_assets.reports.verdict import verdict

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def skill(table):
    return table("evaluation.agent_skill")


@pytest.fixture(scope="module")
def said(lake, parameters):
    context = ReportContext(
        source="folder", simulated=False, parameters=parameters, code_version="1"
    )
    return verdict(gather(lake, context))


def test_no_figure_as_known_at_the_end_passes_a_limit_of_suspicion(skill, last_quarter):
    rows = skill.filter(pl.col("quarter") == last_quarter)
    passed = rows.filter(
        pl.col("suspicious")
        | (pl.col("t_newey_west").abs() > 4.0)
        | (pl.col("window") != "252")
        & (
            (pl.col("rank_ic").abs() > 0.06)
            | (pl.col("hit_rate") > 0.53)
            | (pl.col("spread_sharpe") > 1.5)
        )
    )
    assert set(rows["window"]) == {"all", "1260", "252"}
    assert passed.is_empty(), passed.rows()


def test_only_low_beta_in_a_bull_market_ever_passed_one_and_only_on_raw_returns(skill):
    flagged = skill.filter("suspicious").select("agent", "label").unique()
    assert flagged.rows() == [("risk", "raw")]
    assert skill.filter("suspicious")["rank_ic"].max() < -0.06


def test_no_probability_is_too_sure_and_none_too_good(table, last_quarter):
    rows = table("evaluation.calibration").filter(pl.col("quarter") == last_quarter)
    assert rows["max_confidence"].max() <= 0.56, rows["max_confidence"].max()
    assert rows.filter(pl.col("year") == 0)["brier_skill"].max() <= 0.003


def test_no_agent_nor_the_supervisor_is_significant(skill, last_quarter):
    rows = skill.filter(pl.col("quarter") == last_quarter)
    assert rows.filter(pl.col("significant") | (pl.col("t_newey_west").abs() > 3.0)).is_empty()


def test_the_verdict_says_in_words_that_nothing_is_significant(said):
    assert said.headline == "Nothing here is significant."
    assert "No agent has significant skill and neither has the supervisor" in said.paragraph
    assert "not as a reason to trade" in said.paragraph
    assert said.suspicions == ()
