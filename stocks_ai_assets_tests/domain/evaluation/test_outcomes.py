"""Outcomes: one per symbol and prediction date, in the partition in which it matured."""

from dataclasses import replace

import polars as pl
from polars.testing import assert_frame_equal

from stocks_ai_assets.domain.evaluation.outcomes import outcomes, transform
from stocks_ai_assets.tables import TABLES

KEY = ["symbol", "prediction_date"]


def test_outcomes_keep_their_contract(world):
    TABLES["evaluation.outcomes"].contract.validate(world.frames["outcomes"])


def test_an_outcome_lies_in_the_partition_in_which_it_matured_and_not_earlier(world):
    horizon, calendar = world.parameters.horizon, world.calendar
    dates = world.frames["outcomes"].select("prediction_date", "matured_on").unique()
    for predicted, matured in dates.iter_rows():
        assert calendar.offset(predicted, horizon + 1) == matured
    assert dates["prediction_date"].min() == world.sessions[0]


def test_a_day_alone_with_its_declared_lookback_gives_the_bits_of_the_range(world):
    frames, calendar = world.frames, world.calendar
    reach = transform(world.parameters).inputs["technical"].lookback
    for session in (world.sessions[8], world.sessions[100], world.sessions[-1]):
        first = calendar.offset(session, -reach)
        cut = {
            "technical": frames["technical"].filter(pl.col("session").is_between(first, session)),
            "benchmarks": frames["benchmarks"].filter(
                pl.col("known_on").is_between(first, session)
            ),
        }
        cut["technical"] = cut["technical"].sample(fraction=1.0, shuffle=True, seed=1)
        alone = outcomes(cut, world.by_session(session))
        expected = frames["outcomes"].filter(pl.col("matured_on") == session)
        assert expected.height
        assert_frame_equal(alone.sort(KEY), expected.sort(KEY), check_exact=True)


def test_history_from_before_the_first_session_is_not_predicted(world):
    window = replace(
        world.by_session(), parameters=replace(world.parameters, first_session=world.sessions[10])
    )
    result = outcomes(world.frames, window)
    assert result["prediction_date"].min() == world.sessions[10]
