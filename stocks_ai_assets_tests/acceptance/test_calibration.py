"""Stated intervals and probabilities mean what they say, on every agent and in every year."""

import polars as pl
import pytest

pytestmark = pytest.mark.real

AGENTS = ("events", "fundamentals", "macro", "risk", "sector", "technical", "valuation")
SUPERVISOR = "supervisor"
STATED = ("symbol", "prediction_date", "return_low", "return_high")


@pytest.fixture(scope="module")
def known(table, last_quarter):
    """Calibration as known at the start of the last quarter."""
    rows = table("evaluation.calibration").filter(pl.col("quarter") == last_quarter)
    assert set(rows["agent"]) == {*AGENTS, SUPERVISOR}
    return rows


@pytest.fixture(scope="module")
def stated(table):
    """What an agent or the supervisor stated, with the outcome and the sign of its alpha."""
    outcomes = table("evaluation.outcomes").select(
        "symbol", "prediction_date", "matured_on", "total_return"
    )
    median = outcomes.group_by("prediction_date").agg(median=pl.col("total_return").median())
    columns = (*STATED, "confidence_score", "predicted_alpha")

    def of(agent):
        if agent == SUPERVISOR:
            rows = table("meta.synthesized_predictions", *columns)
        else:
            rows = table("agents.predictions", *columns, only=agent)
        return (
            rows.join(outcomes, on=["symbol", "prediction_date"])
            .join(median, on="prediction_date")
            .filter(pl.col("total_return").is_not_null())
        )

    return of


def test_intervals_hold_as_often_as_they_promise(known):
    rows = known.filter(pl.col("year") == 0).select("agent", "coverage_80", "coverage_90")
    missed = rows.filter(
        ~pl.col("coverage_80").is_between(0.78, 0.82)
        | ~pl.col("coverage_90").is_between(0.88, 0.92)
    )
    assert missed.is_empty(), missed.rows()


def test_no_year_breaks_the_intervals(known):
    rows = known.filter(pl.col("year") > 0).select("agent", "year", "coverage_80", "coverage_90")
    missed = rows.filter((pl.col("coverage_80") < 0.72) | (pl.col("coverage_90") < 0.84))
    assert rows["year"].n_unique() == 10
    assert missed.is_empty(), missed.rows()


@pytest.mark.parametrize("agent", [*AGENTS, SUPERVISOR])
def test_stored_coverage_is_that_of_predictions_and_outcomes(agent, known, stated, last_quarter):
    matured = stated(agent).filter(pl.col("matured_on") < last_quarter)
    inside = pl.col("total_return").is_between("return_low", "return_high")
    years = matured.group_by(year=pl.col("prediction_date").dt.year()).agg(inside.mean())
    every = {0: matured.select(inside.mean()).item(), **dict(years.iter_rows())}
    stored = known.filter(pl.col("agent") == agent).select("year", "coverage_80")
    assert dict(stored.iter_rows()) == pytest.approx(every, abs=1e-12)


@pytest.mark.parametrize("agent", [*AGENTS, SUPERVISOR])
def test_stored_brier_score_and_calibration_error_are_those_of_predictions_and_outcomes(
    agent, known, stated, last_quarter
):
    upward = pl.col("predicted_alpha") >= 0.0
    matured = (
        stated(agent)
        .filter(pl.col("matured_on") < last_quarter)
        .with_columns(right=((pl.col("total_return") > pl.col("median")) == upward).cast(float))
    )
    stored = known.filter(pl.col("agent") == agent, pl.col("year") == 0).row(0, named=True)
    brier = matured.select(((pl.col("confidence_score") - pl.col("right")) ** 2).mean()).item()
    assert stored["brier"] == pytest.approx(brier, abs=1e-12)
    # Ten bins of equal count by rank; equal probabilities share the bin of their average rank.
    place = (pl.col("confidence_score").rank("average") - 1.0) * 10 / matured.height
    bins = matured.group_by(place.floor()).agg(
        gap=(pl.col("confidence_score").sum() - pl.col("right").sum()).abs()
    )
    assert stored["ece"] == pytest.approx(bins["gap"].sum() / matured.height, abs=1e-12)


@pytest.mark.parametrize("agent", [*AGENTS, SUPERVISOR])
def test_probabilities_are_calibrated_and_no_worse_than_the_base_rate(agent, known):
    row = known.filter(pl.col("agent") == agent, pl.col("year") == 0).row(0, named=True)
    assert row["ece"] <= 0.02, row
    assert row["brier_skill"] >= -0.0005, row
