"""Reading and writing: what goes in comes out, and a write changes what it names, nothing else."""

import shutil
from datetime import date

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stocks_ai_assets.errors import (
    ContractError,
    LakeError,
    TableMissingError,
    UnknownNameError,
)
from stocks_ai_assets.lake import Lake, content_hash
from stocks_ai_assets.tables import TABLES

ESG, SYNTHESIZED = "signals.esg", "meta.synthesized_predictions"


def put(lake, rows, name, frame, days=None, slice_=None, n=0):
    return lake.write(
        name,
        frame,
        first=days[0] if days else None,
        last=days[-1] if days else None,
        slice=slice_,
        stamps=rows.stamps(n),
    )


def test_nested_content_comes_back_bit_for_bit_in_canonical_order(lake, rows, sessions):
    days = sessions[10:16]
    frames = {
        SYNTHESIZED: (rows.synthesized(days), days, None),
        "agents.predictions": (rows.predictions(days, "risk"), days, "risk"),
        "meta.supervisor_models": (rows.weights([date(2021, 1, 1)]), [date(2021, 1, 1)], None),
        "evaluation.trials": (rows.trials("b", "a"), None, None),
    }
    for name, (frame, partitions, slice_) in frames.items():
        written = put(
            lake, rows, name, frame.sample(fraction=1, shuffle=True, seed=1), partitions, slice_
        )
        read = Lake(lake.root).read(name)
        assert read.schema == TABLES[name].schema
        assert read.select(TABLES[name].key).equals(
            frame.sort(TABLES[name].key).select(TABLES[name].key)
        )
        assert content_hash(read, name) == content_hash(frame, name) == written.content_hash
        assert written.rows == frame.height


def test_entries_of_maps_come_back_sorted_by_key(lake, rows, sessions):
    put(lake, rows, SYNTHESIZED, rows.synthesized(sessions[:1]), sessions[:1])
    assert lake.read(SYNTHESIZED)["agent_contributions"][0].struct.field("key").to_list() == [
        "market",
        "risk",
    ]


@given(st.lists(st.none() | st.floats(0, 100) | st.just(-0.0), min_size=1, max_size=15))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_numbers_make_the_round_trip(lake, rows, sessions, values):
    days = sessions[: len(values)]
    frame = rows.esg(days, symbols=("AA",)).with_columns(
        total_risk=pl.Series(values, dtype=pl.Float64)
    )
    put(lake, rows, ESG, frame, sessions)
    assert content_hash(lake.read(ESG), ESG) == content_hash(frame, ESG)


def test_a_range_a_slice_and_some_columns_are_read(lake, rows, sessions):
    days = sessions[10:16]
    for agent in ("risk", "esg", "o'brien"):
        put(lake, rows, "agents.predictions", rows.predictions(days, agent), days, agent)
    read = lake.read(
        "agents.predictions",
        days[1],
        days[3],
        columns=("prediction_date", "agent"),
        slices=("risk", "o'brien"),
    )
    assert read.columns == ["prediction_date", "agent"]
    assert read.rows() == [(day, agent) for agent in ("o'brien", "risk") for day in days[1:4]]
    assert lake.read("agents.predictions", slices=()).is_empty()
    assert lake.read("agents.predictions", first=days[4]).height == 6
    assert lake.read("agents.predictions", last=days[0]).height == 3


def test_a_write_replaces_its_range_and_its_slice_only(lake, rows, sessions):
    days = sessions[10:16]
    for table in ("market.prices", "market.earnings"):
        put(lake, rows, "market.quarantine", rows.aside(days, table), days, table)
    put(
        lake,
        rows,
        "market.quarantine",
        rows.aside(days[2:3], "market.prices", "open"),
        days[1:4],
        "market.prices",
        n=1,
    )
    left = lake.read("market.quarantine", slices=["market.prices"])
    assert left.select("known_on", "reason").rows() == [
        (days[0], "close"),
        (days[2], "open"),
        (days[4], "close"),
        (days[5], "close"),
    ]
    assert lake.read("market.quarantine", slices=["market.earnings"]).height == 6


def test_an_open_beginning_replaces_everything_before_the_end(lake, rows, sessions):
    days = sessions[:6]
    put(lake, rows, ESG, rows.esg(days), days)
    lake.write(
        ESG,
        rows.esg([date(2009, 5, 4)]),
        first=None,
        last=days[3],
        slice=None,
        stamps=rows.stamps(1),
    )
    assert lake.read(ESG)["session"].unique().to_list() == [date(2009, 5, 4), days[4], days[5]]


def test_content_that_is_stored_makes_no_version_and_keeps_its_stamps(
    lake, rows, sessions, write_esg
):
    first = write_esg(sessions[:3])
    again = write_esg(
        sessions[:3], n=1, frame=rows.esg(sessions[:3]).sample(fraction=1, shuffle=True, seed=2)
    )
    assert (first.changed, again.changed) == (True, False)
    assert again.version == first.version == lake.version(ESG)
    assert again.content_hash == first.content_hash
    stored = lake.read(ESG, with_stamps=True)
    assert stored["run_id"].unique().to_list() == ["run-0"]
    assert stored["input_versions"][0].to_list() == [
        {"key": "market.companies", "value": 0},
        {"key": "market.prices", "value": 3},
    ]
    assert stored["created_timestamp"].unique().to_list() == [rows.stamps().created]


def test_partitions_that_stay_the_same_inside_a_changed_range_keep_their_stamps(
    lake, rows, sessions, write_esg
):
    write_esg(sessions[:4])
    grown = write_esg(sessions[:6], n=1)
    assert grown.changed
    stamps = lake.read(ESG, with_stamps=True).select("session", "run_id").unique().sort("session")
    assert stamps["run_id"].to_list() == ["run-0"] * 4 + ["run-1"] * 2
    changes = lake.changes(ESG, grown.version - 1, grown.version)
    assert changes.select("_change_type", "session").unique().sort("session").rows() == [
        ("insert", sessions[4]),
        ("insert", sessions[5]),
    ]


def test_a_changed_sign_of_zero_is_a_change(lake, rows, sessions, write_esg):
    write_esg(sessions[:1], 0.0)
    assert write_esg(sessions[:1], -0.0, n=1).changed


def test_an_empty_frame_empties_its_partitions(lake, rows, sessions, write_esg):
    write_esg(sessions[:3])
    emptied = write_esg(sessions[1:2], n=1, frame=rows.esg(sessions[:0]))
    assert (emptied.changed, emptied.rows) == (True, 0)
    assert lake.read(ESG)["session"].unique().to_list() == [sessions[0], sessions[2]]


def test_a_synthesis_that_is_merged_touches_changed_rows_only_and_the_feed_names_them(
    lake, rows, sessions
):
    days = sessions[10:13]
    first = put(lake, rows, SYNTHESIZED, rows.synthesized(days), days)
    new = pl.concat(
        [
            rows.synthesized(days[:1]),
            rows.synthesized(days[1:2], 0.5, symbols=("AA",)),
            rows.synthesized(days[2:], symbols=("BB", "CC")),
            rows.synthesized(days[1:2], symbols=("BB",)),
        ]
    )
    second = put(lake, rows, SYNTHESIZED, new, days, n=1)
    assert content_hash(lake.read(SYNTHESIZED), SYNTHESIZED) == second.content_hash
    changes = lake.changes(SYNTHESIZED, first.version, second.version)
    assert set(changes.select("_change_type", "symbol", "prediction_date").rows()) == {
        ("update_preimage", "AA", days[1]),
        ("update_postimage", "AA", days[1]),
        ("delete", "AA", days[2]),
        ("insert", "CC", days[2]),
    }
    runs = lake.read(SYNTHESIZED, with_stamps=True).filter(run_id="run-1")
    assert runs.select("symbol", "prediction_date").rows() == [("AA", days[1]), ("CC", days[2])]


def test_a_trial_keeps_the_run_that_added_it(lake, rows):
    put(lake, rows, "evaluation.trials", rows.trials("a"))
    put(lake, rows, "evaluation.trials", rows.trials("a", "b"), n=1)
    stored = lake.read("evaluation.trials", with_stamps=True)
    assert stored.select("trial_id", "run_id").rows() == [("a", "run-0"), ("b", "run-1")]


def test_a_pinned_version_is_read_as_it_was(lake, rows, sessions, write_esg):
    old = write_esg(sessions[:2])
    new = write_esg(sessions[:2], 30.0, n=1)
    for reader in (lake, Lake(lake.root)):
        assert reader.read(ESG, version=old.version)["total_risk"].unique().to_list() == [20.0]
        assert reader.read(ESG, version=new.version)["total_risk"].unique().to_list() == [30.0]
        assert reader.fingerprint(ESG, version=old.version).content_hash == old.content_hash
        assert reader.fingerprint(ESG).content_hash == new.content_hash


def test_what_another_process_wrote_is_seen(lake, rows, sessions, write_esg):
    write_esg(sessions[:1])
    other = Lake(lake.root)
    assert other.version(ESG) == 1
    write_esg(sessions[1:2])
    assert other.version(ESG) == 2
    assert other.read(ESG).height == 4


def test_a_table_that_is_open_for_long_is_opened_anew_and_stays_current(
    lake, rows, sessions, write_esg, monkeypatch
):
    monkeypatch.setattr("stocks_ai_assets.lake.handles.REFRESHED", 2)
    other = Lake(lake.root)
    for n in range(6):
        written = write_esg(sessions[:1], float(n), n=n)
        assert other.version(ESG) == written.version == n + 1
        assert other.fingerprint(ESG).content_hash == written.content_hash
        assert other.read(ESG, version=1)["total_risk"].to_list() == [0.0, 0.0]


def test_a_lake_that_was_removed_and_made_again_is_another_lake(lake, rows, sessions, write_esg):
    write_esg(sessions[:2])
    write_esg(sessions[:2], 30.0)
    assert lake.version(ESG) == 2
    shutil.rmtree(lake.root)
    assert lake.version(ESG) is None
    assert lake.materialized(ESG, None) == []
    written = Lake(lake.root).write(
        ESG,
        rows.esg(sessions[5:6], 40.0),
        first=sessions[5],
        last=sessions[5],
        slice=None,
        stamps=rows.stamps(),
    )
    assert lake.version(ESG) == written.version == 1
    assert lake.read(ESG)["total_risk"].unique().to_list() == [40.0]
    assert lake.materialized(ESG, None) == [(sessions[5], sessions[5])]


def test_a_range_written_at_once_and_day_by_day_has_one_fingerprint(
    lake, rows, sessions, tmp_path, write_esg
):
    write_esg(sessions)
    daily = Lake(tmp_path / "daily")
    for day in sessions:
        daily.write(ESG, rows.esg([day]), first=day, last=day, slice=None, stamps=rows.stamps())
    assert daily.fingerprint(ESG) == lake.fingerprint(ESG)
    assert daily.fingerprint(ESG, sessions[3], sessions[5]) == lake.fingerprint(
        ESG, sessions[3], sessions[5]
    )


def test_compacting_changes_files_but_no_content_and_no_feed(lake, rows, sessions):
    for n, day in enumerate(sessions[:8]):
        put(lake, rows, ESG, rows.esg([day]), [day], n=n)
    before, version = lake.fingerprint(ESG), lake.version(ESG)
    lake.compact()
    assert lake.fingerprint(ESG) == before
    assert lake.version(ESG) > version
    assert lake.changes(ESG, version, lake.version(ESG)).is_empty()
    assert lake.history(ESG)[0].operation == "OPTIMIZE"
    assert (lake.root / "signals/esg/_delta_log/_last_checkpoint").exists()
    assert Lake(lake.root).read(ESG, version=version - 3).height == 10


def test_the_history_says_who_wrote_what(lake, rows, sessions, write_esg):
    write_esg(sessions[:2])
    write_esg(sessions[1:3], 30.0, n=1, code_version="0.1.0/2")
    newest, _, created = lake.history(ESG)
    assert (newest.version, newest.run_id, newest.code_version) == (2, "run-1", "0.1.0/2")
    assert (newest.first, newest.last) == (str(sessions[1]), str(sessions[2]))
    assert created.operation == "CREATE TABLE"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.drop("social_risk"), ["missing: social_risk"]),
        (lambda f: f.with_columns(extra=1), ["not in the contract: extra"]),
        (
            lambda f: f.with_columns(pl.col("total_risk").cast(pl.Float32)),
            ["total_risk is Float32"],
        ),
        (lambda f: pl.concat([f, f.head(1)]), ["2 of 5 rows", "primary_key", "AA"]),
        (
            lambda f: f.with_columns(total_risk=pl.lit(101.0)),
            ["4 of 4 rows", "total_risk|max (4)", "101.0"],
        ),
        (lambda f: f.with_columns(governance_risk=pl.lit(float("nan"))), ["governance_risk"]),
        (lambda f: f.with_columns(symbol=pl.lit("aa")), ["symbol|regex"]),
        (
            lambda f: f.with_columns(pl.col("session").dt.offset_by("1y")),
            ["4 of 4 rows lie outside", "2021-12"],
        ),
    ],
)
def test_rows_that_break_the_contract_are_refused_by_name_and_nothing_is_written(
    lake, rows, sessions, write_esg, change, words
):
    with pytest.raises(ContractError) as refused:
        write_esg(sessions[:2], frame=change(rows.esg(sessions[:2])))
    for word in ["signals.esg", *words]:
        assert word in str(refused.value)
    assert lake.version(ESG) is None
    assert lake.materialized(ESG, None) == []


@pytest.mark.parametrize(
    ("entries", "word"),
    [
        ([{"key": "risk", "value": 1.0}, {"key": "risk", "value": 2.0}], "twice"),
        ([{"key": "risk", "value": float("nan")}], "agent_contributions"),
        ([{"key": None, "value": 1.0}], "agent_contributions"),
    ],
)
def test_maps_with_a_doubtful_entry_are_refused(lake, rows, sessions, entries, word):
    dtype = TABLES[SYNTHESIZED].schema["agent_contributions"]
    frame = rows.synthesized(sessions[:1]).with_columns(
        agent_contributions=pl.Series([entries] * 2, dtype=dtype)
    )
    with pytest.raises(ContractError, match=word):
        put(lake, rows, SYNTHESIZED, frame, sessions[:1])


def test_a_write_must_say_its_slice_and_a_range_that_the_table_has(lake, rows, sessions):
    with pytest.raises(ContractError, match="written with one `agent`"):
        put(lake, rows, "agents.predictions", rows.predictions(sessions[:1], "risk"), sessions[:1])
    with pytest.raises(ContractError, match=r"lie outside agents\.predictions of esg"):
        put(
            lake,
            rows,
            "agents.predictions",
            rows.predictions(sessions[:1], "risk"),
            sessions[:1],
            "esg",
        )
    with pytest.raises(ContractError, match="no slice"):
        put(lake, rows, ESG, rows.esg(sessions[:1]), sessions[:1], "esg")
    with pytest.raises(ContractError, match="written whole"):
        put(lake, rows, "evaluation.trials", rows.trials("a"), sessions[:1])
    with pytest.raises(ContractError, match="ends before it starts"):
        put(lake, rows, ESG, rows.esg(sessions[:0]), (sessions[1], sessions[0]))


def test_what_does_not_exist_is_named(lake, rows, sessions, write_esg):
    with pytest.raises(TableMissingError, match=r"signals\.esg was never written"):
        lake.read(ESG)
    write_esg(sessions[:1])
    with pytest.raises(UnknownNameError, match="no column momentum"):
        lake.read(ESG, columns=("momentum",))
    with pytest.raises(UnknownNameError, match=r"No table `signals\.x`"):
        lake.read("signals.x")
    with pytest.raises(LakeError, match=r"no version 9: versions are 0\.\.1"):
        lake.read(ESG, version=9)
    with pytest.raises(LakeError, match="no version 9"):
        lake.changes(ESG, 0, 9)
