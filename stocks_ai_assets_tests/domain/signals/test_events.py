"""Earnings announcements: surprise and reaction, as known at each session."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
import pytest

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.signals.events import transform
from stocks_ai_assets.domain.transform import Parameters, Window
from stocks_ai_assets.tables import TABLES

SESSIONS = nyse().between(date(2020, 1, 2), date(2020, 12, 31))
PARAMETERS = Parameters(first_session=SESSIONS[0])
TRANSFORM = transform(PARAMETERS)
EARNINGS, ACTIONS = (
    pl.Schema({name: TABLES[declared.table].schema[name] for name in declared.columns})
    for declared in (TRANSFORM.inputs["earnings"], TRANSFORM.inputs["corporate_actions"])
)
KEYS = ["symbol", "session"]
QUARTERS = nyse().between(date(2017, 6, 1), date(2019, 12, 31))[::63]


def past(surprises, symbol="A"):
    """Announcements before the first session, the last of them in November 2019."""
    days = QUARTERS[-len(surprises) :]
    return tuple(
        (symbol, day, 1.0, 1.0 + surprise, day)
        for day, surprise in zip(days, surprises, strict=True)
    )


EIGHT = (0.1, 0.3, 0.1, 0.3, 0.1, 0.3, 0.1, 0.3)
SD = float(np.std(EIGHT, ddof=1))


@dataclass(frozen=True)
class Frames:
    """Inputs of the transform; `moves` are total returns by session."""

    earnings: tuple
    actions: tuple = ()
    moves: tuple = ()
    symbols: tuple = ("A",)

    def frames(self):
        prices = (
            pl.DataFrame({"symbol": self.symbols})
            .join(pl.DataFrame({"session": SESSIONS}), how="cross")
            .with_columns(day=(pl.col("session") - SESSIONS[0]).dt.total_days().cast(pl.Float64))
            .with_columns(
                total_return=pl.col("session").replace_strict(
                    dict(self.moves), default=0.01, return_dtype=pl.Float64
                ),
                volatility_63=0.02 + pl.col("day") / 7e5,
                sector_return=0.004 + pl.col("day") / 9e6,
            )
        )
        return {
            "technical": prices.select(*KEYS, "total_return", "volatility_63"),
            "sector": prices.select(*KEYS, "sector_return"),
            "earnings": pl.DataFrame(self.earnings, schema=EARNINGS, orient="row"),
            "corporate_actions": pl.DataFrame(self.actions, schema=ACTIONS, orient="row"),
        }

    def rows(self, *partitions):
        window = Window(partitions=partitions, calendar=nyse(), parameters=PARAMETERS)
        return TRANSFORM.function(self.frames(), window).sort(KEYS)

    def at(self, day):
        return self.rows(day).row(0, named=True)


def announced(surprise, day, known_on=None, symbol="A"):
    return (symbol, day, 1.0, 1.0 + surprise, known_on or day)


def test_a_surprise_is_measured_in_the_companys_own_surprises_before_it():
    day = SESSIONS[20]
    row = Frames((*past(EIGHT), announced(0.25, day))).at(SESSIONS[25])
    assert row["standardized_surprise"] == pytest.approx(0.25 / SD)
    assert (row["reaction_session"], row["sessions_since"]) == (day, 5)


def test_trap_8_only_the_eight_surprises_before_set_the_scale_and_four_are_needed():
    day = SESSIONS[20]
    for before, expected in [
        ((9.0, *EIGHT), 0.25 / SD),
        (EIGHT[:4], 0.25 / float(np.std(EIGHT[:4], ddof=1))),
        (EIGHT[:3], None),
        ((0.1,) * 8, None),
    ]:
        row = Frames((*past(before), announced(0.25, day))).at(day)
        assert row["standardized_surprise"] == (
            expected if expected is None else pytest.approx(expected)
        )


def test_a_surprise_beyond_five_deviations_says_no_more():
    day = SESSIONS[20]
    assert Frames((*past(EIGHT), announced(-9.0, day))).at(day)["standardized_surprise"] == -5.0


def test_trap_10_an_announcement_without_estimate_is_an_event_without_surprise():
    day = SESSIONS[20]
    frames = Frames((*past(EIGHT), ("A", day, None, 1.2, day)))
    row = frames.at(day)
    assert (row["reaction_session"], row["standardized_surprise"]) == (day, None)
    assert row["reaction"] is not None


def test_traps_3_and_8_surprises_before_a_split_are_carried_over_it():
    split, day = SESSIONS[10], SESSIONS[20]
    actions = (("A", split, 4.0, split),)
    row = Frames((*past(EIGHT), announced(0.0625, day)), actions).at(day)
    assert row["standardized_surprise"] == pytest.approx(0.0625 / (SD / 4))


def test_trap_2_a_spin_off_coded_as_a_split_carries_no_surprise():
    split, day = SESSIONS[10], SESSIONS[20]
    row = Frames((*past(EIGHT), announced(0.25, day)), (("A", split, 1.0, split),)).at(day)
    assert row["standardized_surprise"] == pytest.approx(0.25 / SD)


def test_an_announcement_counts_from_its_reaction_session_if_it_is_known_by_then():
    early = Frames((*past(EIGHT), announced(0.25, SESSIONS[20], known_on=SESSIONS[18])))
    assert early.at(SESSIONS[19])["reaction_session"] == QUARTERS[-1]
    assert early.at(SESSIONS[20])["reaction_session"] == SESSIONS[20]
    late = Frames((*past(EIGHT), announced(0.25, SESSIONS[20], known_on=SESSIONS[22])))
    assert late.at(SESSIONS[21])["reaction_session"] == QUARTERS[-1]
    assert late.at(SESSIONS[22])["sessions_since"] == 2


def test_a_correction_of_a_correction_counts_from_its_own_session():
    day = SESSIONS[20]
    versions = [(0.25, 20), (0.35, 23), (0.15, 26)]
    rows = tuple(announced(value, day, SESSIONS[i]) for value, i in versions[::-1])
    frames = Frames((*rows, *past(EIGHT)))
    for value, i in versions:
        found = frames.at(SESSIONS[i + 1])["standardized_surprise"]
        assert found == pytest.approx(value / SD)


def test_a_reaction_is_the_sector_relative_return_in_the_volatility_before_it():
    day = SESSIONS[100]
    frames = Frames((announced(0.1, day),), moves=((day, 0.07),))
    inputs = frames.frames()
    sector = inputs["sector"].filter(pl.col("session") == day).item(0, "sector_return")
    before = inputs["technical"].filter(pl.col("session") == SESSIONS[99]).item(0, "volatility_63")
    assert frames.at(SESSIONS[103])["reaction"] == pytest.approx((0.07 - sector) / before)
    crash = Frames((announced(0.1, day),), moves=((day, -0.6),))
    assert crash.at(day)["reaction"] == -5.0


def test_a_reaction_is_kept_for_62_sessions_and_the_event_for_longer():
    frames = Frames((*past(EIGHT), announced(0.25, SESSIONS[70])))
    kept, gone = frames.rows(SESSIONS[132], SESSIONS[133]).rows(named=True)
    assert (kept["sessions_since"], gone["sessions_since"]) == (62, 63)
    assert kept["reaction"] is not None
    assert gone["reaction"] is None
    assert gone["standardized_surprise"] == kept["standardized_surprise"]


def test_a_symbol_without_announcements_has_a_row_of_nulls():
    assert Frames((), symbols=("B",)).at(SESSIONS[5]) == {
        "symbol": "B",
        "session": SESSIONS[5],
        "reaction_session": None,
        "sessions_since": None,
        "standardized_surprise": None,
        "reaction": None,
    }


@pytest.fixture(scope="module")
def world():
    """Two companies with announcements, corrections of corrections, and corrected splits."""
    rng = np.random.default_rng(4)
    rows = []
    for symbol in ("A", "B"):
        rows += past(tuple(rng.normal(0.1, 0.2, 10)), symbol)
        for i in (15, 78, 141, 204):
            for late in (0, 3, 9):
                value = float(rng.normal(0.1, 0.2))
                rows.append(announced(value, SESSIONS[i], SESSIONS[i + late], symbol))
    actions = tuple(("A", SESSIONS[60], ratio, SESSIONS[k]) for ratio, k in [(3.0, 60), (1.5, 90)])
    moves = tuple((day, float(rng.normal(0.0, 0.03))) for day in SESSIONS)
    return Frames(tuple(rows), actions, moves, symbols=("A", "B"))


def test_a_range_equals_its_days_to_the_bit_with_the_lookback_declared(world, produce):
    whole = world.rows(*SESSIONS)
    assert whole.get_column("reaction").null_count() < 60
    facts = {TRANSFORM.inputs[name].table: frame for name, frame in world.frames().items()}
    for day in (*SESSIONS[13:26], SESSIONS[77], *SESSIONS[86:92], SESSIONS[140], SESSIONS[-1]):
        window = Window(partitions=(day,), calendar=nyse(), parameters=PARAMETERS)
        alone = produce(TRANSFORM, facts, window)
        assert alone.equals(whole.filter(pl.col("session") == day))


def test_order_of_rows_and_older_announcements_change_no_bit(world):
    whole = world.rows(*SESSIONS)
    window = Window(partitions=SESSIONS, calendar=nyse(), parameters=PARAMETERS)
    shuffled = {
        name: frame.sample(fraction=1.0, shuffle=True, seed=2)
        for name, frame in world.frames().items()
    }
    assert TRANSFORM.function(shuffled, window).sort(KEYS).equals(whole)
    older = tuple((s, date(2015, 3, 2), 1.0, 1.7, date(2015, 3, 2)) for s in ("A", "B"))
    longer = Frames((*older, *world.earnings), world.actions, world.moves, world.symbols)
    assert longer.rows(*SESSIONS).equals(whole)
