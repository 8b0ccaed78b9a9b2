from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from stocks_ai_assets.errors import StorageError
from stocks_ai_assets.lake import Lake, Stamps, content_hash
from stocks_ai_assets.reports import ReportData, build_page, build_report, gather, write_report
from stocks_ai_assets.reports.gathering import WHOLE, presence
from stocks_ai_assets.tables import TABLES

STAMPS = Stamps(
    run_id="run",
    code_version="1",
    input_versions={},
    created=datetime(2024, 1, 2, tzinfo=UTC),
)


def write(lake: Lake, table: str, frame: pl.DataFrame) -> None:
    declared = TABLES[table]
    parts = frame.partition_by(declared.slice, as_dict=True) if declared.slice else {(None,): frame}
    for (name,), rows in parts.items():
        days = rows.get_column(declared.partition) if declared.partition else None
        lake.write(
            table,
            rows,
            first=None if days is None else days.min(),
            last=None if days is None else days.max(),
            slice=name,
            stamps=STAMPS,
        )


@pytest.fixture(scope="module")
def filled(luck: ReportData, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("filled") / "lake")
    for field, table in WHOLE.items():
        write(lake, table, getattr(luck, field))
    write(lake, "meta.synthesized_predictions", luck.latest)
    return lake


def test_what_is_gathered_is_what_the_lake_holds(filled: Lake, luck: ReportData):
    data = gather(filled, luck.context)
    for field, table in WHOLE.items():
        key = TABLES[table].key
        assert getattr(data, field).equals(getattr(luck, field).sort(key))
    assert data.latest.equals(luck.latest.sort(TABLES["meta.synthesized_predictions"].key))


def test_provenance_carries_version_rows_partitions_and_content_hash(filled, luck):
    data = gather(filled, luck.context)
    row = data.inventory.row(by_predicate=pl.col("table") == "portfolio.returns", named=True)
    assert row["version"] == filled.version("portfolio.returns")
    assert row["rows"] == luck.returns.height
    assert row["first"] == luck.returns["session"].min()
    assert row["last"] == luck.returns["session"].max()
    assert row["content_hash"] == content_hash(luck.returns, "portfolio.returns")


def test_a_table_never_written_is_empty_and_has_no_version(filled, luck):
    row = gather(filled, luck.context).inventory.row(
        by_predicate=pl.col("table") == "market.prices", named=True
    )
    assert row == dict.fromkeys(row) | {"table": "market.prices", "rows": 0}


def test_the_report_of_a_lake_is_the_page_of_its_data_twice_the_same(filled, luck):
    first = build_report(filled, luck.context)
    assert first == build_page(gather(filled, luck.context))
    assert first == build_report(Lake(filled.root), luck.context)


def test_partitions_left_out_between_others_are_gaps(luck, tmp_path: Path):
    lake, table = Lake(tmp_path / "lake"), "portfolio.returns"
    days = luck.returns.get_column("session").unique().sort()
    write(lake, table, luck.returns.filter(pl.col("session") <= days[4]))
    write(lake, table, luck.returns.filter(pl.col("session").is_between(days[7], days[9])))
    gaps = gather(lake, luck.context).gaps
    assert gaps.rows() == [(table, None, days[5], days[6], 2)]


def test_an_agent_without_a_row_in_a_session_was_silent_and_not_absent():
    days = [date(2024, 1, 2), date(2024, 1, 3)]
    priced = pl.DataFrame({"symbol": ["A", "B"] * 2, "session": [d for d in days for _ in "AB"]})
    predictions = pl.DataFrame(
        {"agent": ["risk", "risk", "esg"], "prediction_date": [days[0], days[1], days[1]]}
    )
    assert presence(predictions, priced).rows() == [
        ("esg", 2024, 1, 4, 2, 1),
        ("risk", 2024, 2, 4, 2, 0),
    ]


def test_a_report_is_written_whole_into_a_folder_that_is_made(tmp_path: Path):
    path = write_report("<p>one</p>", tmp_path / "reports" / "report.html")
    assert path.read_text(encoding="utf-8") == "<p>one</p>"
    assert [each.name for each in path.parent.iterdir()] == ["report.html"]


def test_a_report_that_cannot_be_written_leaves_the_old_one_and_says_why(tmp_path: Path):
    (tmp_path / "folder").write_text("in the way", encoding="utf-8")
    with pytest.raises(StorageError, match=r"Report .*report\.html"):
        write_report("<p>two</p>", tmp_path / "folder" / "report.html")
