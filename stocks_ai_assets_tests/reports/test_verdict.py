from collections.abc import Callable
from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from stocks_ai_assets.reports import ReportData, verdict

Maker = Callable[..., ReportData]


def finding(data: ReportData, topic: str):
    return next(each for each in verdict(data).findings if each.topic == topic)


def test_when_nothing_is_significant_the_verdict_says_exactly_that(luck):
    judged = verdict(luck)
    assert judged.headline == "Nothing here is significant."
    assert "No agent has significant skill and neither has the supervisor" in judged.paragraph
    assert finding(luck, "Skill").word == "not significant"
    assert judged.suspicions == ()


def test_the_strongest_score_is_named_with_its_band_even_when_it_is_not_significant(luck):
    known = luck.skill.filter(
        (pl.col("quarter") == luck.quarter) & (pl.col("window") == "all")
    ).filter(
        pl.col("label")
        == pl.when(pl.col("agent") == "macro").then(pl.lit("raw")).otherwise(pl.lit("residual"))
    )
    best = known.sort(pl.col("t_newey_west").abs(), descending=True).row(0, named=True)
    text = finding(luck, "Skill").text
    assert f"{best['agent']} (rank IC {best['rank_ic']:.3f}" in text
    assert f"t {best['t_newey_west']:.1f}, {best['n_sessions']:,} sessions" in text


def test_one_significant_agent_does_not_make_the_supervisor_significant(made: Maker):
    judged = verdict(made(means={"technical": 0.035}))
    assert judged.headline == "Only technical is significant (|t| > 3); the supervisor is not."
    assert "Not significant: the other 9 of the 10 scores judged." in judged.findings[0].text


def test_a_significant_supervisor_is_said_to_have_skill(made: Maker):
    judged = verdict(made(means={"supervisor": 0.035}))
    assert judged.headline == "The supervisor's skill is significant (|t| > 3)."
    assert judged.findings[0].tone == "good"


def test_a_score_that_is_significantly_wrong_is_not_called_skill(made: Maker):
    judged = verdict(made(means={"risk": -0.032}))
    assert judged.headline == "No skill is significant; risk is significantly negative (|t| > 3)."
    assert judged.findings[0].word == "significantly negative"


def test_skill_too_good_to_be_true_is_a_warning_before_it_is_a_result(made: Maker):
    judged = verdict(made(means={"technical": 0.09}))
    assert judged.headline.startswith("Too good to be true")
    assert any("|rank IC| 0.090 > 0.06" in text for text in judged.suspicions)


def test_a_confidence_beyond_honest_ones_is_suspicious(made: Maker):
    assert any("confidence 0.700 > 0.56" in text for text in verdict(made(highest=0.7)).suspicions)


def test_planted_skill_is_not_blamed_on_a_leak_and_not_credited_to_real_markets(simulated):
    judged = verdict(simulated)
    found = "The supervisor's skill is significant in the simulated market (|t| > 3)."
    assert judged.headline == found
    assert "skill was planted" in judged.note
    assert "says nothing about real markets" in judged.note


def test_what_was_planted_stands_beside_what_was_found(simulated):
    context = replace(simulated.context, planted={"technical": 0.08})
    assert (
        "technical 0.08; every other agent 0." in verdict(replace(simulated, context=context)).note
    )


def test_real_results_carry_the_note_on_survivors(luck):
    assert "flattered" in verdict(luck).note


def test_less_than_a_year_of_matured_sessions_is_too_early(made: Maker):
    judged = verdict(made(last=date(2014, 11, 28), means={"supervisor": 0.3}))
    assert "Too early" in judged.findings[0].text
    assert judged.findings[0].word == "too early"


def test_an_empty_lake_says_what_is_missing_and_which_command_fills_it(nothing):
    judged = verdict(nothing)
    assert judged.headline == "Nothing to judge yet."
    for each, asset in zip(
        judged.findings,
        ("agent_skill", "calibration", "performance", "var_backtests"),
        strict=True,
    ):
        assert each.tone == "missing"
        assert each.command == f"stocks-ai backfill --select '+key:\"evaluation/{asset}\"'"


def test_calibration_outside_its_bands_is_said_to_be_off_target(luck):
    narrow = luck.calibration.with_columns(coverage_80=pl.lit(0.7))
    found = finding(replace(luck, calibration=narrow), "Calibration")
    assert found.word == "off target"
    assert "not as promised" in found.text


def test_a_portfolio_is_compared_with_its_benchmarks_over_the_same_sessions(luck):
    long_only = luck.returns.filter(
        (pl.col("strategy") == "long_only")
        & (pl.col("n_long") > 0)
        & (pl.col("session") < luck.quarter)
    )
    assert f"each over the same {long_only.height:,} sessions" in finding(luck, "Portfolio").text


def with_deflated(data: ReportData, value: float) -> ReportData:
    return replace(data, performance=data.performance.with_columns(deflated_sharpe=value))


@pytest.mark.parametrize(
    ("edge", "deflated", "word", "tone"),
    [
        (0.02, 0.99, "ahead, not beyond luck", "plain"),
        (0.12, 0.95, "ahead, not beyond luck", "plain"),
        (0.12, 0.96, "beat both, beyond luck", "good"),
    ],
)
def test_beyond_luck_takes_a_significant_difference_and_a_deflated_sharpe_that_convinces(
    made: Maker, edge: float, deflated: float, word: str, tone: str
):
    data = with_deflated(made(edge=edge), pl.lit(deflated))
    found = finding(data, "Portfolio")
    assert (found.word, found.tone) == (word, tone)
    assert ("equal weight beyond luck." in verdict(data).paragraph) == (tone == "good")


def test_the_verdict_counts_the_scores_that_luck_alone_would_make_significant(luck, made: Maker):
    for data in (luck, made(means={"technical": 0.035})):
        text = finding(data, "Skill").text
        assert text.count("roughly 1 of 100 histories") == 1
        assert "10 scores are judged, so luck makes about 0.1 of 10 scores significant." in text


def test_skill_from_less_than_five_years_is_called_early(made: Maker):
    short = verdict(made(last=date(2016, 12, 30), means={"supervisor": 0.2}))
    assert "sessions; early: fewer than 1,260 sessions)" in short.findings[0].text
    assert "early" not in finding(made(means={"supervisor": 0.035}), "Skill").text


def test_a_headline_from_less_than_five_years_says_so(simulated, made: Maker):
    short = made(last=date(2016, 12, 30), simulated=True, means={"supervisor": 0.2})
    assert verdict(short).headline.endswith("(|t| > 3; early: fewer than 1,260 sessions).")
    assert "early" not in verdict(simulated).headline


@pytest.mark.parametrize(
    ("rate", "p", "words"),
    [(0.08, 0.001, "too many"), (0.02, 0.001, "too few"), (0.08, 0.4, "as promised")],
)
def test_breaches_are_judged_in_words(luck, rate: float, p: float, words: str):
    tests = luck.var_backtests.with_columns(
        breach_rate=pl.lit(rate), kupiec_p=pl.lit(p), christoffersen_p=pl.lit(0.5)
    )
    found = finding(replace(luck, var_backtests=tests), "Risk")
    assert words in found.text
    assert (found.word == "promise kept") == (words == "as promised")


def test_clustered_breaches_break_the_promise_even_when_their_number_is_right(luck):
    tests = luck.var_backtests.with_columns(kupiec_p=pl.lit(0.9), christoffersen_p=pl.lit(0.01))
    found = finding(replace(luck, var_backtests=tests), "Risk")
    assert "in clusters" in found.text
    assert found.word == "promise not kept"


def test_the_lines_for_a_terminal_begin_with_the_headline(luck):
    lines = verdict(luck).lines
    assert lines[0] == "Nothing here is significant."
    assert [line.split(":")[0] for line in lines[1:5]] == [
        "Skill",
        "Calibration",
        "Portfolio",
        "Risk",
    ]
