"""Cross-sections: ranks by session, sectors, issuers; no bit from other sessions or row order."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.stats import norm, rankdata, spearmanr

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.cross_section import (
    CrossSection,
    mean_of,
    rank_correlation,
    uniform_ranks,
)

SESSIONS = nyse().sessions[5000:5004]
N = 25

# Few levels, so that there are ties; NaN: no opinion.
opinions = npst.arrays(
    float, (N, 3), elements=st.sampled_from([-2.0, -1.0, -0.0, 0.5, 3.0, float("nan")])
)
distinct = st.permutations(range(N)).map(lambda order: np.array(order, dtype=float)[:, None])
SECTORS = [("Energy", "Financials", "Utilities")[i % 3] for i in range(N)]


def plain_rank11(values):
    """Average-tie ranks of one session's values on [-1, 1]."""
    known = ~np.isnan(values)
    result = np.full(len(values), np.nan)
    if known.sum() >= 20:
        result[known] = 2.0 * (rankdata(values[known]) - 1.0) / (known.sum() - 1.0) - 1.0
    return result


def plain_sneutral(values, sectors):
    """Sector-neutral score of one session by the definition."""
    z = norm.ppf(np.clip((plain_rank11(values) + 1.0) / 2.0, 0.005, 0.995))
    neutral = z.copy()
    for sector in set(sectors):
        members = np.array([each == sector for each in sectors])
        count = np.isfinite(z[members]).sum()
        neutral[members] = z[members] - np.nansum(z[members]) / (count + 2)
    return plain_rank11(neutral)


@given(opinions)
def test_ranks_are_average_tie_ranks_spread_over_minus_one_to_one(section_of, values):
    ranks = section_of(N, sessions=SESSIONS[:3]).rank11(values)
    for session in range(3):
        np.testing.assert_allclose(ranks[:, session], plain_rank11(values[:, session]), atol=1e-12)


@given(opinions)
def test_scores_stay_within_their_range_and_silence_stays_silence(section_of, values):
    section = section_of(N, sectors=SECTORS, sessions=SESSIONS[:3])
    for score in (
        section.rank11(values),
        section.sneutral(values),
        section.rank_in_sector(values),
        section.composite([values, values], at_least=1),
    ):
        assert (np.abs(score[~np.isnan(score)]) <= 1.0).all()
        assert np.isnan(score[np.isnan(values)]).all()
        few = (~np.isnan(values)).sum(axis=0) < 20
        assert np.isnan(score[:, few]).all()
        assert not np.isnan(score[:, ~few][~np.isnan(values[:, ~few])]).any()


@given(opinions)
def test_the_opposite_opinion_gets_exactly_the_opposite_rank(section_of, values):
    section = section_of(N, sectors=SECTORS, sessions=SESSIONS[:3])
    np.testing.assert_array_equal(section.rank11(-values), -section.rank11(values))
    np.testing.assert_array_equal(section.rank_in_sector(-values), -section.rank_in_sector(values))


@given(opinions)
def test_equal_opinions_get_equal_ranks_and_higher_ones_higher_ranks(section_of, values):
    section = section_of(N, sessions=SESSIONS[:3])
    ranks = section.rank11(values)
    for x, rank in zip(values.T, ranks.T, strict=True):
        for level in (-2.0, -0.0, 0.5):
            below, above = rank[x <= level], rank[x > level]
            if len(below) and len(above) and not np.isnan(rank[~np.isnan(x)]).any():
                assert below.max() < above.min()
            assert len(set(rank[(x == level) & ~np.isnan(rank)])) <= 1


@given(distinct)
def test_an_order_is_all_that_counts(section_of, values):
    section = section_of(N, sectors=SECTORS)
    np.testing.assert_array_equal(section.rank11(values), section.rank11(np.exp(values)))
    np.testing.assert_array_equal(section.sneutral(values), section.sneutral(values**3))


@pytest.mark.parametrize(("names", "silent"), [(19, True), (20, False)])
def test_fewer_than_twenty_names_abstain(section_of, names, silent):
    section = section_of(N, sectors=SECTORS)
    values = np.where(np.arange(N) < names, np.arange(N), np.nan)[:, None]
    for score in (section.rank11, section.sneutral, section.rank_in_sector):
        assert np.isnan(score(values)).all() == silent
    variance = np.full((N, 1), 0.1)
    assert np.isnan(section.shrunk_betas(values, variance)).all() == silent


@given(distinct, npst.arrays(bool, (N, 1), elements=st.booleans()))
def test_sector_neutral_scores_follow_their_definition(section_of, values, silent):
    values[silent & (np.cumsum(silent)[:, None] <= 5)] = np.nan
    found = section_of(N, sectors=SECTORS).sneutral(values)
    np.testing.assert_allclose(found[:, 0], plain_sneutral(values[:, 0], SECTORS), atol=1e-9)


def test_a_whole_sector_that_is_high_gets_hardly_any_score_for_it(section_of):
    n = 60
    sectors = ["High" if i < 20 else "Low" for i in range(n)]
    values = np.random.default_rng(1).normal(size=(n, 1)) + 5.0 * (np.arange(n) < 20)[:, None]
    section = section_of(n, sectors=sectors)
    assert section.rank11(values)[:20].mean() == pytest.approx(40 / 59)
    assert abs(section.sneutral(values)[:20].mean()) < 0.25


def test_one_absurd_datum_moves_no_other_score_by_more_than_a_rank(section_of):
    section = section_of(N, sectors=SECTORS)
    values = np.random.default_rng(2).normal(size=(N, 1))
    highest = int(values.argmax())
    absurd = values.copy()
    absurd[highest] = 1e12
    np.testing.assert_array_equal(section.sneutral(absurd), section.sneutral(values))


def test_share_classes_of_an_issuer_have_one_vote_and_one_result(section_of):
    issuers = ["I0", "I0", *(f"I{i}" for i in range(2, N))]
    shared = section_of(N, sectors=SECTORS, issuers=issuers)
    rng = np.random.default_rng(3)
    values = rng.normal(size=(N, 1))
    single = values.copy()
    single[1] = np.nan
    for name in ("rank11", "sneutral", "rank_in_sector"):
        both, alone = getattr(shared, name)(values), getattr(shared, name)(single)
        assert both[1] == both[0]
        np.testing.assert_array_equal(np.delete(both, 1), np.delete(alone, 1))


def test_the_first_share_class_with_an_opinion_votes(section_of):
    issuers = ["I0", "I0", *(f"I{i}" for i in range(2, N))]
    section = section_of(N, issuers=issuers)
    values = np.arange(N, dtype=float)[:, None]
    values[0] = np.nan
    ranks = section.rank11(values)
    assert np.isnan(ranks[0])
    assert ranks[1] == -1.0


def test_twenty_share_classes_of_nineteen_issuers_are_too_few(section_of):
    issuers = ["I0", *(f"I{i}" for i in range(19))]
    assert np.isnan(section_of(20, issuers=issuers).rank11(np.arange(20.0)[:, None])).all()


def test_an_issuer_counts_twice_before_its_classes_belong_together():
    rows = [
        {"symbol": f"S{i:02d}", "session": session, "sector": "Energy", "issuer_id": f"I{i}"}
        for i in range(N)
        for session in SESSIONS[:2]
    ]
    frame = pl.DataFrame(rows).with_columns(
        issuer_id=pl.when((pl.col("symbol") == "S01") & (pl.col("session") == SESSIONS[1]))
        .then(pl.lit("I0"))
        .otherwise("issuer_id")
    )
    values = np.repeat(np.arange(N, dtype=float)[:, None], 2, axis=1)
    ranks = CrossSection(frame, SESSIONS[:2]).rank11(values)
    assert ranks[1, 0] > ranks[0, 0]
    assert ranks[1, 1] == ranks[0, 1]


def test_ranks_within_a_sector_run_over_its_members_alone(section_of):
    sectors = ["Alone", *(["Energy"] * 12), *(["Utilities"] * 12)]
    ranks = section_of(N, sectors=sectors).rank_in_sector(np.arange(N, dtype=float)[:, None])
    assert ranks[0] == 0.0
    np.testing.assert_allclose(ranks[1:13, 0], np.linspace(-1, 1, 12))
    np.testing.assert_allclose(ranks[13:, 0], np.linspace(-1, 1, 12))


@given(
    npst.arrays(float, (N, 4), elements=st.floats(-5, 5) | st.just(float("nan"))),
    st.integers(0, 3),
    st.randoms(),
)
def test_no_bit_depends_on_other_sessions_other_symbols_or_the_order_of_rows(values, at, random):
    symbols = [f"S{i:02d}" for i in range(N)]
    rows = pl.DataFrame(
        {"symbol": symbols, "sector": SECTORS, "issuer_id": [f"I{max(i, 1)}" for i in range(N)]}
    ).join(pl.DataFrame({"session": SESSIONS}), how="cross")
    more = rows.filter(pl.col("symbol") == "S03").with_columns(
        pl.lit("A").alias("symbol"), pl.lit("Autos").alias("sector"), pl.lit("X").alias("issuer_id")
    )
    order = list(range(rows.height + more.height))
    random.shuffle(order)
    many = CrossSection(pl.concat([rows, more])[order], SESSIONS)
    one = CrossSection(rows.filter(pl.col("session") == SESSIONS[at]), SESSIONS[at : at + 1])
    wide = np.vstack([np.full((1, 4), np.nan), values])
    alone = values[:, at : at + 1]
    for score in (
        lambda section, x: section.sneutral(x),
        lambda section, x: section.rank_in_sector(x),
        lambda section, x: section.composite([x, x * x], at_least=1),
        lambda section, x: section.shrunk_betas(x, x * x),
    ):
        found = score(many, wide)[1:, at]
        assert found.tobytes() == score(one, alone)[:, 0].tobytes()


def test_betas_are_drawn_to_their_mean_by_their_uncertainty(section_of):
    beta = np.random.default_rng(4).normal(1.0, 0.4, (N, 1))
    variance = np.linspace(0.0, 1.0, N)[:, None]
    shrunk = section_of(N).shrunk_betas(beta, variance)
    weight = beta.var(ddof=1) / (beta.var(ddof=1) + variance)
    np.testing.assert_allclose(shrunk, weight * beta + (1 - weight) * beta.mean())
    assert shrunk[0] == beta[0]


def test_betas_without_an_error_are_unknown_and_identical_ones_stay(section_of):
    beta, variance = np.full((N, 1), 1.1), np.full((N, 1), 0.05)
    variance[3] = np.nan
    shrunk = section_of(N).shrunk_betas(beta, variance)
    assert np.isnan(shrunk[3, 0])
    np.testing.assert_allclose(np.delete(shrunk, 3), 1.1)
    np.testing.assert_allclose(section_of(N).shrunk_betas(beta, np.zeros((N, 1))), 1.1)


def test_the_mean_of_parts_counts_those_that_are_there():
    a, b = np.array([[0.2, np.nan, 0.4]]), np.array([[0.6, np.nan, np.nan]])
    np.testing.assert_array_equal(mean_of([a, b], at_least=1), [[0.4, np.nan, 0.4]])
    np.testing.assert_array_equal(mean_of([a, b], at_least=2), [[0.4, np.nan, np.nan]])


@given(opinions, opinions)
def test_rank_correlation_is_spearmans_over_the_names_with_both(score, label):
    found, count = rank_correlation(score, label)
    for session in range(3):
        both = ~np.isnan(score[:, session]) & ~np.isnan(label[:, session])
        assert count[session] == both.sum()
        x, y = score[both, session], label[both, session]
        if both.sum() < 20 or len(set(x)) < 2 or len(set(y)) < 2:
            assert np.isnan(found[session])
        else:
            assert found[session] == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)


def test_ranks_without_votes_count_every_symbol():
    assert uniform_ranks(np.arange(20.0)[:, None])[:, 0].tolist() == pytest.approx(
        np.linspace(-1, 1, 20).tolist()
    )


def test_a_signal_of_the_market_is_the_same_for_every_symbol(section_of):
    section = section_of(N, sessions=SESSIONS)
    frame = pl.DataFrame({"session": SESSIONS[2:0:-1], "x": [2.0, None]})
    values = section.broadcast(frame, "x")
    np.testing.assert_array_equal(values[0], [np.nan, np.nan, 2.0, np.nan])
    assert (values[:, 2] == 2.0).all()


def test_a_section_without_rows_scores_nobody():
    empty = pl.DataFrame(
        schema={
            "symbol": pl.String,
            "session": pl.Date,
            "sector": pl.String,
            "issuer_id": pl.String,
        }
    )
    section = CrossSection(empty, SESSIONS)
    assert section.sneutral(section.empty).shape == (0, 4)
    assert section.rank_in_sector(section.empty).shape == (0, 4)
