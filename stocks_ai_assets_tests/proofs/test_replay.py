"""The same promises on real data: splits, restatements, renamed sectors, late and revised facts."""

from datetime import date
from functools import partial

import pytest

from stocks_ai_assets.domain.calendar import nyse
from stocks_ai_assets.domain.transform import Parameters
from stocks_ai_assets.lake import Lake
from stocks_ai_assets.proofs.graph import Graph, materialize, materialize_daily
from stocks_ai_assets.proofs.look_ahead import Claim, prove_look_ahead
from stocks_ai_assets.proofs.plants import PLANTS
from stocks_ai_assets.sources.folder import FolderSource
from stocks_ai_assets.sources.raw import read_folder

pytestmark = pytest.mark.real

BEFORE_TWO_SPLITS = date(2020, 8, 28)
EARLY_CLOSE = date(2022, 11, 25)
REPORTS_FOLLOW = date(2022, 10, 26)

FIRST = date(2015, 1, 14)


@pytest.fixture(scope="module")
def source(replay_folder) -> FolderSource:
    return FolderSource(read_folder(replay_folder), nyse())


@pytest.fixture(scope="module")
def claim(source):
    return partial(Claim, source=source, parameters=Parameters(first_session=FIRST))


@pytest.mark.parametrize("session", [BEFORE_TWO_SPLITS, EARLY_CLOSE])
def test_no_real_table_changes_when_its_future_is_taken_away_or_poisoned(claim, session):
    proof = prove_look_ahead(claim(history=90), [session])
    assert [(each.tables.table, str(each.tables.difference)) for each in proof.differences] == []
    proof.require()


@pytest.mark.parametrize("name", [n for n, each in PLANTS.items() if each.where[:6] == "market"])
def test_every_leak_planted_in_real_facts_is_found(claim, name):
    planted = PLANTS[name]
    proof = prove_look_ahead(claim(select=(planted.where,), plant=planted), [REPORTS_FOLLOW])
    proof.require()
    assert proof.differences[0].tables.table == planted.where.replace("/", ".")


def test_a_real_range_equals_its_days_in_every_table(source, changed, tmp_path):
    """Days around a three-for-one split, the change of a quarter and an early close."""
    first = nyse().offset(date(2022, 8, 23), -60)
    graph = Graph(source=source, parameters=Parameters(first_session=first))
    last = date(2022, 11, 28)
    whole = Lake(tmp_path / "whole")
    materialize(graph, whole, first, last)

    pieces = Lake(tmp_path / "pieces")
    start = first
    for day, until in [
        (date(2022, 8, 24), date(2022, 8, 25)),
        (date(2022, 9, 30), date(2022, 10, 3)),
        (date(2022, 11, 23), last),
    ]:
        materialize(graph, pieces, start, nyse().offset(day, -1))
        materialize_daily(graph, pieces, day, until)
        start = nyse().offset(until, 1)
    assert changed(whole, pieces) == {}
