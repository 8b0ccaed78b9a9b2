"""A folder that cannot be used is an error that says what is wrong and what to do."""

from datetime import date

import polars as pl
import pytest

from stocks_ai_assets.errors import SourceError
from stocks_ai_assets.sources.folder import FolderSource
from stocks_ai_assets.sources.ports import FACT_TABLES
from stocks_ai_assets.sources.raw import read_folder
from stocks_ai_assets.tables import table

LAST = date(2024, 6, 14)


@pytest.fixture
def folder(raw, tmp_path):
    for name, frame in raw.items():
        frame.write_parquet(tmp_path / f"{name}.parquet")
    return tmp_path


def test_a_folder_of_files_gives_what_its_frames_give(folder, raw, calendar):
    on_disk, in_memory = FolderSource(read_folder(folder), calendar), FolderSource(raw, calendar)
    for name in FACT_TABLES:
        found, expected = (s.read(name, None, LAST) for s in (on_disk, in_memory))
        assert found.height > 0, name
        assert found.schema == table(name).schema, name
        assert found.sort(table(name).key).equals(expected.sort(table(name).key)), name


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(SourceError, match=r"nowhere does not exist\. Set STOCKS_AI_SOURCE_FOLDER"):
        read_folder(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["prices_daily", "benchmarks_daily"])
def test_a_missing_required_file_is_an_error(folder, name):
    (folder / f"{name}.parquet").unlink()
    with pytest.raises(SourceError, match=rf"has no {name}\.parquet.*found: "):
        read_folder(folder)


def test_an_empty_folder_says_so(tmp_path):
    with pytest.raises(SourceError, match="found: none of the files"):
        read_folder(tmp_path)


def test_a_missing_column_is_an_error(folder):
    file = folder / "prices_daily.parquet"
    pl.read_parquet(file).drop("close").write_parquet(file)
    with pytest.raises(SourceError, match=r"prices_daily\.parquet of .* lacks the columns close"):
        read_folder(folder)


def test_a_wrong_type_is_an_error(folder):
    file = folder / "fundamentals_pit.parquet"
    pl.read_parquet(file).with_columns(pl.col("filed").cast(pl.String)).write_parquet(file)
    expected = r"fundamentals_pit\.parquet of .*column `filed` is String, expected a date \(Date\)"
    with pytest.raises(SourceError, match=expected):
        read_folder(folder)


def test_a_moment_without_time_zone_is_an_error(raw, calendar):
    naive = raw["events_earnings"].with_columns(pl.col("announced_at").dt.replace_time_zone(None))
    with pytest.raises(SourceError, match=r"`announced_at` is Datetime.*with time zone"):
        FolderSource({**raw, "events_earnings": naive}, calendar)


def test_an_empty_price_file_is_an_error(raw, calendar):
    with pytest.raises(SourceError, match=r"prices_daily\.parquet of .* has no rows"):
        FolderSource({**raw, "prices_daily": raw["prices_daily"].clear()}, calendar)


def test_a_file_that_is_no_parquet_is_an_error(folder):
    (folder / "macro_latest.parquet").write_text("series,date,value")
    with pytest.raises(SourceError, match=r"macro_latest\.parquet of .* is not a readable Parquet"):
        read_folder(folder)


def test_a_damaged_file_is_an_error(folder, calendar):
    file = folder / "macro_latest.parquet"
    content = bytearray(file.read_bytes())
    content[4 : len(content) // 3] = bytes(len(content) // 3 - 4)
    file.write_bytes(content)
    source = FolderSource(read_folder(folder), calendar)
    with pytest.raises(SourceError, match=r"macro_latest\.parquet cannot be read"):
        source.read("market.macro_observations", None, LAST)


def test_an_optional_file_that_is_missing_means_that_there_are_no_such_facts(raw, calendar):
    bare = {name: raw[name] for name in ("prices_daily", "benchmarks_daily")}
    source = FolderSource(bare, calendar)
    for name in ("market.company_facts", "market.earnings", "market.macro_observations"):
        found = source.read(name, None, LAST)
        assert found.is_empty()
        assert found.schema == table(name).schema
    assert source.read("market.companies", None, LAST)["issuer_id"].to_list() == [*source.symbols()]


def test_integers_and_float32_do_where_a_number_is_expected(raw, calendar):
    prices = raw["prices_daily"].with_columns(
        pl.col("volume").cast(pl.Int32), pl.col("dividends").cast(pl.Float32)
    )
    changed = FolderSource({**raw, "prices_daily": prices}, calendar)
    plain = FolderSource(raw, calendar)
    for name in ("market.prices", "market.corporate_actions"):
        key = table(name).key
        found, expected = (s.read(name, None, LAST).sort(key) for s in (changed, plain))
        assert found.equals(expected)
