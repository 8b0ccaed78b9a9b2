"""What the simulated market promises as a file, whatever is planted in it."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.errors import SettingsError
from stocks_ai_assets.sources.folder import FAMILIES, FolderSource
from stocks_ai_assets.sources.intake import intake
from stocks_ai_assets.sources.layout import RAW_FILES
from stocks_ai_assets.sources.raw import read_folder
from stocks_ai_assets.sources.sample import simulate, simulate_lake, write_folder
from stocks_ai_assets_tests.sources.sample.conftest import FIRST, SEED, as_traded

SMALL = {"n_symbols": 62, "seed": SEED, "first_session": FIRST}
"""62 companies: both share classes of the second block would not fit, one of its splits does."""


@pytest.fixture(scope="module")
def shorter():
    return simulate(**SMALL, n_sessions=70)


@pytest.fixture(scope="module")
def longer():
    return simulate(**SMALL, n_sessions=330)


def test_the_same_seed_gives_the_same_bits(shorter):
    again = simulate(**SMALL, n_sessions=70)
    for name, frame in shorter.items():
        assert_frame_equal(frame, again[name], check_exact=True)


def test_another_seed_gives_another_market(shorter):
    other = simulate(n_symbols=62, seed=SEED + 1, first_session=FIRST, n_sessions=70)
    assert not shorter["prices_daily"].equals(other["prices_daily"])
    assert not shorter["fundamentals_pit"].equals(other["fundamentals_pit"])


def test_prices_as_traded_do_not_depend_on_later_sessions(shorter, longer):
    last = shorter["prices_daily"]["date"].max()
    known = as_traded(longer["prices_daily"]).filter(pl.col("date") <= last)
    assert_frame_equal(as_traded(shorter["prices_daily"]), known)


@pytest.mark.parametrize(
    ("name", "day", "left_out"),
    [
        ("fundamentals_pit", "filed", []),
        ("macro_vintages_fredmd", "available_date", []),
        ("benchmarks_daily", "date", []),
        ("events_analyst_ratings", "graded_at", []),
        ("esg_snapshot", "available_date", []),
        ("sp500_constituents_history", "snapshot_date", []),
        ("sp500_membership", "start_date", ["end_date"]),
        # EPS are adjusted for splits until the end of the file.
        ("events_earnings", "reaction_date", ["eps_estimate", "reported_eps"]),
    ],
)
def test_what_was_public_does_not_depend_on_later_sessions(shorter, longer, name, day, left_out):
    last = shorter["prices_daily"]["date"].max()
    known = longer[name].filter(pl.col(day).cast(pl.Date) <= last)
    assert shorter[name].height > 0
    assert_frame_equal(shorter[name].drop(left_out), known.drop(left_out), check_exact=True)


def test_series_that_are_never_revised_do_not_depend_on_later_sessions(shorter, longer):
    final = pl.col("series_id").is_in(["DGS10", "DGS2", "T10Y2Y", "VIXCLS", "BAMLH0A0HYM2"])
    short = shorter["macro_latest"].filter(final).drop("as_of")
    long = longer["macro_latest"].filter(final, pl.col("date") <= short["date"].max())
    assert_frame_equal(short, long.drop("as_of"), check_exact=True)


def test_eps_of_the_day_do_not_depend_on_later_splits(shorter, longer):
    last = shorter["prices_daily"]["date"].max()
    tables = [
        FolderSource(raw, nyse(), name="sample", simulated=True).read("market.earnings", None, last)
        for raw in (shorter, longer)
    ]
    short, long = (t.sort("symbol", "reaction_session") for t in tables)
    assert_frame_equal(short, long)


def test_prices_are_positive_and_between_low_and_high(frames):
    prices = frames["prices_daily"]
    top, bottom = pl.max_horizontal("open", "close"), pl.min_horizontal("open", "close")
    assert prices.filter(pl.col("low") <= 0.0).is_empty()
    assert prices.filter((pl.col("high") < top) | (pl.col("low") > bottom)).is_empty()
    assert prices.filter(pl.col("high") > pl.col("low")).height > 0.99 * prices.height
    assert (prices["volume"] > 0).all()


def test_every_file_of_every_kind_of_fact_has_rows_in_the_declared_form(frames):
    optional = {
        "fundamentals_pystock_2015_2017",
        "macro_vintages_gdp",
        "macro_vintages_alfred_gdp",
    }
    assert set(RAW_FILES) - optional <= set(frames)
    for name in set(RAW_FILES) & set(frames):
        file, frame = RAW_FILES[name], frames[name]
        required = {column for column, form in file.columns.items() if form.required}
        assert required <= set(frame.columns), name
        assert frame.height > 0
        assert not frame.select(file.key).is_duplicated().any(), name


def test_the_intake_takes_all_rows_but_the_one_planted_to_be_refused(frames):
    source = FolderSource(frames, nyse(), name="sample", simulated=True)
    for table in FAMILIES:
        rows = source.read(table, None, source.last_session())
        taken = intake(table, rows)
        assert taken.valid["source"].unique().to_list() == ["SIMULATED"]
        assert taken.quarantined.height == (table == "market.companies"), table


def test_history_is_long_enough_for_the_first_models(frames):
    days = frames["prices_daily"]["date"].unique().sort()
    assert days.filter(days < FIRST).len() == 756
    benchmark = frames["benchmarks_daily"]["date"]
    assert benchmark.filter(benchmark < FIRST).len() >= 1000 + 252 + 22
    macro = frames["macro_vintages_fredmd"]["date"]
    assert macro.min() <= benchmark.min().replace(day=1).replace(year=benchmark.min().year - 1)


def test_the_market_of_a_lake_begins_before_its_first_partition():
    early = simulate_lake(n_symbols=25, seed=SEED, first_session=date(2019, 1, 2))
    days = early["prices_daily"]["date"].unique().sort()
    assert days.filter(days < date(2019, 1, 2)).len() == 756
    assert days[-1] == date(2024, 12, 31)


def test_a_lake_before_there_can_be_a_market_is_refused_with_the_first_session_that_can():
    with pytest.raises(SettingsError, match="2004-01-02: the simulated market begins on 2007-"):
        simulate_lake(n_symbols=25, seed=SEED, first_session=date(2004, 1, 2))


def test_the_market_of_a_later_lake_is_that_of_the_default_one():
    usual = simulate(n_symbols=25, seed=SEED)
    for day in (date(2021, 1, 4), date(2023, 3, 1)):
        found = simulate_lake(n_symbols=25, seed=SEED, first_session=day)
        assert all(found[name].equals(usual[name]) for name in usual)


def test_nothing_in_it_could_be_taken_for_real(frames):
    assert frames["instruments"]["name"].str.starts_with("Simulated ").all()
    assert frames["prices_daily"]["symbol"].str.starts_with("SIM").all()
    for frame in frames.values():
        if "source" in frame.columns:
            assert frame["source"].unique().to_list() == ["SIMULATED"]


def test_volatility_persists_and_betas_can_be_estimated(worlds):
    world = worlds[0]
    close = world.traded.close
    returns = close[1:] / close[:-1] - 1.0
    returns[world.traded.split[1:] != 1.0] = 0.0
    size = np.abs(returns)
    later = [np.corrcoef(size[:-5, i], size[5:, i])[0, 1] for i in range(size.shape[1])]
    assert np.mean(later) > 0.1
    whole = (1.0 + world.whole.overnight) * (1.0 + world.whole.intraday) - 1.0
    whole = whole[world.line.lead + 1 :]
    beta = [np.cov(returns[:, i], whole)[0, 1] / whole.var() for i in range(size.shape[1])]
    assert np.corrcoef(beta, world.members.beta)[0, 1] > 0.9


def test_three_of_four_announcements_beat_the_estimate(worlds):
    assert 0.73 <= np.mean([np.mean(world.books.surprise > 0.0) for world in worlds]) <= 0.80


def test_a_folder_written_from_it_reads_back_the_same(frames, tmp_path):
    write_folder(frames, tmp_path / "market")
    back = read_folder(tmp_path / "market")
    direct = FolderSource(frames, nyse())
    read = FolderSource(back, nyse())
    for table in ("market.prices", "market.company_facts", "market.esg_ratings"):
        first, second = (s.read(table, None, date(2021, 6, 30)) for s in (direct, read))
        assert_frame_equal(first, second, check_row_order=False)


@pytest.mark.real
def test_columns_and_types_are_those_of_the_replay_data(frames, replay_folder):
    for name, frame in frames.items():
        real = pl.read_parquet_schema(replay_folder / f"{name}.parquet")
        own = frame.drop("available_date").schema if name == "esg_snapshot" else frame.schema
        assert list(own.items()) == list(real.items()), name
