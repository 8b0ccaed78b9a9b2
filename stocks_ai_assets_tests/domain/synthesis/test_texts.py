"""Texts: the numbers in words, the same every time, honest about what is not known."""

import polars as pl
import pytest

from stocks_ai_assets.domain.synthesis.texts import percent, signed, texts

AGENTS = ("fundamentals", "technical", "events")
ROW = {
    "symbol": "ABC",
    "score": 0.4,
    "equal_weight_score": 0.25,
    "predicted_alpha": 0.00123,
    "predicted_return": 0.0111,
    "return_low": -0.0812,
    "return_high": 0.1034,
    "confidence_score": 0.5127,
    "disagreement": 0.31,
    "n_agents": 3,
    "beta": 1.1,
    "market": 0.0099,
    "ic": 0.0213,
    "score.fundamentals": 0.5,
    "score.technical": -0.2,
    "score.events": 0.1,
}


def said(**changed):
    """Texts of one row."""
    schema = {f"score.{name}": pl.Float64 for name in AGENTS}
    frame = pl.DataFrame([{**ROW, **changed}], schema_overrides=schema)
    return texts(frame, AGENTS, 21).row(0, named=True)


def test_a_view_names_side_horizon_probability_and_return():
    assert said()["investment_hypothesis"] == (
        "ABC beats the median stock over 21 sessions with probability 51.3 %: "
        "+0.12 % from the agents, +1.1 % expected in all."
    )


def test_reasons_go_from_the_agents_to_the_view():
    assert said()["reasoning_chain"] == [
        "fundamentals +0.5, technical -0.2, events +0.1.",
        "Weighted and ranked: +0.4 (equal weights +0.25), 3 of 3 agents.",
        "Skill so far: rank IC +0.0213 after shrinkage, so +0.12 % beyond the market.",
        "Market: beta 1.1 times its historical mean gives +1.0 %.",
    ]
    assert said()["key_insights"] == [
        "Most in favour: fundamentals +0.5.",
        "Most against: technical -0.2.",
    ]
    assert said()["risk_factors"] == ["80 % interval from -8.1 % to +10.3 %."]


@pytest.mark.parametrize(("alpha", "side"), [(0.001, "beats"), (0.0, "beats"), (-0.001, "trails")])
def test_the_side_is_the_one_whose_probability_is_given(alpha, side):
    assert f"ABC {side} the median" in said(predicted_alpha=alpha)["investment_hypothesis"]


def test_without_skill_nothing_is_claimed():
    found = said(ic=0.0, predicted_alpha=0.0)
    assert found["investment_hypothesis"] == (
        "ABC: the agents have shown no skill so far; only the market's part is expected, "
        "+1.1 % over 21 sessions."
    )
    assert "Skill so far: none, so nothing beyond the market." in found["reasoning_chain"]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"confidence_score": 0.505}, "The side of the median is close to a coin toss."),
        ({"beta": 1.31}, "Beta 1.31: falls more than the market."),
        ({"disagreement": 0.72}, "The agents disagree: sd of scores 0.72."),
        ({"n_agents": 2}, "1 of 3 agents abstain."),
    ],
)
def test_a_risk_is_named_when_it_is_there_and_only_then(changed, sentence):
    assert sentence in said(**changed)["risk_factors"]
    assert sentence not in said()["risk_factors"]


def test_an_agent_that_abstains_is_said_to_abstain():
    found = said(**{"score.technical": None})
    assert found["reasoning_chain"][0] == "fundamentals +0.5, technical abstains, events +0.1."
    assert found["key_insights"][1] == "No agent is against."


def test_when_nobody_is_in_favour_the_text_says_so():
    against = {f"score.{name}": -0.1 * (i + 1) for i, name in enumerate(AGENTS)}
    assert said(**against)["key_insights"] == [
        "No agent is in favour.",
        "Most against: events -0.3.",
    ]


def test_rows_keep_their_texts_in_any_order_and_number():
    rows = [{**ROW, "symbol": f"S{i}", "beta": 0.9 + 0.2 * i, "n_agents": 3 - i} for i in range(3)]
    frame = pl.DataFrame(rows)
    together = texts(frame, AGENTS, 21)
    assert together.reverse().equals(texts(frame.reverse(), AGENTS, 21))
    for i in range(3):
        assert texts(frame[i], AGENTS, 21).equals(together[i])


def test_no_rows_have_no_texts():
    assert texts(pl.DataFrame([ROW]).clear(), AGENTS, 21).is_empty()


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.004, "0.0"), (-0.004, "0.0"), (0.006, "+0.01"), (-0.126, "-0.13"), (0.0, "0.0")],
)
def test_a_sign_stands_only_before_what_is_not_zero(number, text):
    assert pl.select(signed(pl.lit(number), 2)).item() == text


def test_a_fraction_is_shown_in_percent():
    assert pl.select(percent(pl.lit(-0.01234))).item() == "-1.2 %"
