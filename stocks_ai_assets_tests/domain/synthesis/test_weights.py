"""Weights: equal as prior, skill on top, nobody below zero, a quorum before anything is said."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from stocks_ai_assets.domain.synthesis.weights import (
    disagreement,
    fixed_share_weights,
    skill_weights,
    weighted_mean,
)

AGENTS = ("a", "b", "c", "d", "e")
skills = st.fixed_dictionaries({name: st.just(0.0) | st.floats(1e-6, 0.2) for name in AGENTS})
scores = npst.arrays(float, (5, 4, 3), elements=st.floats(-1, 1) | st.just(float("nan")))


def equal(n=5):
    return [np.full(3, 1.0 / n)] * n


def test_three_quarters_of_the_weight_follow_skill_and_a_quarter_is_spread_evenly():
    found = skill_weights({"a": 0.03, "b": 0.01, "c": 0.0, "d": 0.0})
    assert found == pytest.approx(
        {
            "a": 0.0625 + 0.75 * 0.75,
            "b": 0.0625 + 0.75 * 0.25,
            "c": 0.0625,
            "d": 0.0625,
        }
    )


def test_while_nobody_has_shown_skill_all_weigh_the_same():
    assert skill_weights(dict.fromkeys(AGENTS, 0.0)) == pytest.approx(dict.fromkeys(AGENTS, 0.2))


@given(skills)
def test_weights_sum_to_one_and_nobody_falls_below_a_quarter_of_an_equal_share(skill):
    weights = skill_weights(skill)
    assert sum(weights.values()) == pytest.approx(1.0)
    assert min(weights.values()) >= 0.05 - 1e-12
    order = sorted(AGENTS, key=lambda name: skill[name])
    ordered = [weights[name] for name in order]
    assert all(a <= b + 1e-12 for a, b in pairwise(ordered))


@given(scores, skills)
def test_the_mean_is_renormalised_over_the_agents_present(score, skill):
    weights = list(skill_weights(skill).values())
    mean, shares = weighted_mean(list(score), [np.full(3, w) for w in weights])
    for symbol in range(4):
        for session in range(3):
            x = score[:, symbol, session]
            here = ~np.isnan(x)
            weight = np.array(weights)[here].sum()
            found = mean[symbol, session]
            used = [share[symbol, session] for share in shares]
            if here.sum() < 3 or weight < 0.5 - 1e-12:
                assert np.isnan(found)
                assert not any(used)
            elif weight > 0.5 + 1e-12:
                expected = (np.array(weights)[here] * x[here]).sum() / weight
                assert found == pytest.approx(expected, abs=1e-12)
                assert sum(used) == pytest.approx(1.0)
                assert not np.array(used)[~here].any()


@pytest.mark.parametrize(("present", "silent"), [(2, True), (3, False), (5, False)])
def test_fewer_than_three_agents_say_nothing(present, silent):
    score = [np.full((1, 3), 0.5 if i < present else np.nan) for i in range(5)]
    weights = [np.full(3, w) for w in (0.4, 0.3, 0.1, 0.1, 0.1)]
    assert np.isnan(weighted_mean(score, weights)[0]).all() == silent


@pytest.mark.parametrize(("heavy", "silent"), [(0.51, True), (0.5, False), (0.49, False)])
def test_agents_with_less_than_half_of_the_weight_say_nothing(heavy, silent):
    score = [np.full((1, 3), value) for value in (np.nan, 0.1, 0.2, 0.3)]
    rest = (1.0 - heavy) / 4
    weights = [np.full(3, w) for w in (heavy, rest, rest, 2 * rest)]
    assert np.isnan(weighted_mean(score, weights)[0]).all() == silent


@given(scores)
def test_disagreement_is_the_sample_sd_of_the_scores_present(score):
    found = disagreement(list(score))
    for symbol in range(4):
        for session in range(3):
            x = score[:, symbol, session]
            known = x[~np.isnan(x)]
            expected = known.std(ddof=1) if len(known) > 1 else 0.0
            assert found[symbol, session] == pytest.approx(expected, abs=1e-12)


correlations = st.lists(
    st.tuples(*(st.floats(-1, 1) | st.just(float("nan")) for _ in range(3))), max_size=30
)


def columns(rows):
    return {name: np.array([row[i] for row in rows]) for i, name in enumerate("abc")}


@given(correlations, st.integers(0, 30))
def test_shadow_weights_sum_to_one_and_know_only_what_came_before(rows, n):
    whole = fixed_share_weights(columns(rows), 21)
    sums = sum(whole.values())
    assert sums == pytest.approx(np.ones(len(rows) + 1))
    part = fixed_share_weights(columns(rows[:n]), 21)
    for name in "abc":
        assert whole[name][: len(part[name])].tolist() == part[name].tolist()


def test_shadow_weights_follow_the_agent_that_was_right():
    n = 252
    found = fixed_share_weights(
        {"a": np.full(n, 0.5), "b": np.full(n, 0.0), "c": np.full(n, -0.5)}, 1
    )
    assert found["a"][0] == pytest.approx(1 / 3)
    assert found["a"][-1] > 0.9 > found["b"][-1] > found["c"][-1] > 0.0


def test_a_shadow_agent_neither_gains_nor_loses_by_silence():
    n = 100
    quiet = {"a": np.full(n, np.nan), "b": np.full(n, 0.2), "c": np.full(n, 0.2)}
    assert fixed_share_weights(quiet, 1)["a"][-1] == pytest.approx(1 / 3)
    nobody = {name: np.full(n, np.nan) for name in "abc"}
    assert fixed_share_weights(nobody, 1)["b"].tolist() == [1 / 3] * (n + 1)
