"""A million rows read directly and through a share, by the real client on this machine."""

import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from stocks_ai_assets.lake import Lake, Stamps
from stocks_ai_assets.sharing.recipients import Recipients
from stocks_ai_assets.sharing.server import Listening, serve
from stocks_ai_assets.sharing.shares import Share, SharedTable, Shares
from stocks_ai_assets.tables import TABLES

ROOT = Path(__file__).parents[1]
CLIENT = ROOT / ".venv-sharing" / "bin" / "python"
TABLE = "agents.predictions"
VIEW = ("agent", "symbol", "prediction_date", "predicted_return")
ROWS = 1_000_000
SYMBOLS = 100
AGENTS = ("events", "risk", "sector", "technical")
REPEATS = 3
NOW = datetime(2024, 1, 2, tzinfo=UTC)


def section(home: Path) -> Iterator[str]:
    """Lines of the page of performance."""
    if not CLIENT.exists():
        sys.exit("benchmark: .venv-sharing is missing. Run: python scripts/sharing_client.py")
    lake = _filled(home / "lake")
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.sharing", str(home)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        port = (server.stdout or io.StringIO()).readline().strip().rpartition(":")[2]
        profile = _profile(home, f"http://127.0.0.1:{port}/delta-sharing")
        yield from (
            f"## Sharing {ROWS:,} rows of {TABLE}, server and client on this machine",
            "",
            (
                "`direct`: the same files from disk, same libraries, same conversion to pandas. "
                "`first time`: Parquet format, before the server has copies."
            ),
            "",
            (
                "| what | files | MB | direct | share, Parquet format | share, Delta format "
                "| first time |"
            ),
            "|---|---|---|---|---|---|---|",
        )
        for name in ("predictions", "slim"):
            yield _row(lake, profile, name)
        yield ""
    finally:
        server.terminate()
        server.wait()


def _row(lake: Lake, profile: Path, name: str) -> str:
    files = lake._handle(TABLE).snapshot().files  # noqa: SLF001  # as the lake itself reads them
    columns = None if name == "predictions" else [c for c in VIEW if c != "agent"]
    task = {
        "url": f"{profile}#benchmark.agents.{name}",
        "rows": ROWS,
        "repeats": REPEATS,
        "files": [
            {"path": row["path"], "columns": columns, "values": {"agent": row["slice"]}}
            for row in files.to_dicts()
        ],
    }
    finished = subprocess.run(
        [CLIENT, ROOT / "benchmarks" / "sharing_client.py"],
        check=True,
        input=json.dumps(task),
        stdout=subprocess.PIPE,
        text=True,
    )
    times = json.loads(finished.stdout.splitlines()[-1])
    size = sum(Path(path).stat().st_size for path in files["path"]) / 1e6
    what = "the whole table" if columns is None else f"a view, {len(VIEW)} columns"
    cells = [what, f"{files.height}", f"{size:.0f}", f"{times['direct']:.2f} s"]
    cells += [f"{times[w]:.2f} s ({times['direct'] / times[w]:.0%})" for w in ("parquet", "delta")]
    cells.append(f"{times['first']:.2f} s")
    return f"| {' | '.join(cells)} |"


def _filled(root: Path) -> Lake:
    lake, rng = Lake(root), np.random.default_rng(1)
    per_agent = ROWS // len(AGENTS)
    days = pl.date_range(date(2014, 1, 1), date(2023, 12, 31), "1d", eager=True)
    days = days.head(per_agent // SYMBOLS)
    keys = pl.DataFrame({"prediction_date": days}).join(
        pl.DataFrame({"symbol": [f"S{n:03d}" for n in range(SYMBOLS)]}), how="cross"
    )
    for agent in AGENTS:
        values = {name: pl.Series(rng.normal(0, 0.1, per_agent)) for name in ("a", "b", "c")}
        lake.write(
            TABLE,
            _predictions(keys.with_columns(**values), agent),
            first=days[0],
            last=days[-1],
            slice=agent,
            stamps=Stamps(run_id="r", code_version="1", input_versions={}, created=NOW),
        )
    return lake


def _predictions(frame: pl.DataFrame, agent: str) -> pl.DataFrame:
    day = pl.col("prediction_date")
    columns = {
        "prediction_id": pl.format("{}:{}:{}:21", pl.lit(agent), "symbol", day),
        "agent": pl.lit(agent),
        "horizon": pl.lit(21, dtype=pl.Int32),
        "target_date": day + timedelta(days=30),
        "score": pl.col("a").clip(-1, 1),
        "predicted_alpha": pl.col("b"),
        "predicted_return": pl.col("c"),
        "volatility": pl.col("a").abs() + 0.01,
        "confidence_score": pl.lit(0.55),
        "return_low": pl.col("c") - 0.1,
        "return_high": pl.col("c") + 0.1,
        "key_factors": pl.concat_list(
            pl.struct(factor=pl.lit(name), value=pl.col(name), contribution=pl.col(name))
            for name in ("a", "b")
        ),
        "model_version": pl.lit("m"),
    }
    return frame.with_columns(**columns).select(TABLES[TABLE].columns)


def _shares() -> Shares:
    whole = SharedTable(schema="agents", name="predictions", table=TABLE)
    view = SharedTable(schema="agents", name="slim", table=TABLE, columns=VIEW)
    share = Share(name="benchmark", tables=(whole, view), recipients=frozenset({"reader"}))
    return Shares([share])


def _profile(home: Path, endpoint: str) -> Path:
    now = datetime.now(UTC)  # noqa: TID251  # tokens end by the clock
    token, _ = Recipients(home / "sharing").issue("reader", now=now, lifetime=timedelta(hours=1))
    profile = {"shareCredentialsVersion": 1, "endpoint": endpoint, "bearerToken": token}
    file = home / "reader.share"
    file.write_text(json.dumps(profile))
    return file


def _serve(home: Path) -> None:
    shares = _shares()
    serve(Lake(home / "lake"), lambda: shares, home / "sharing", Listening(port=0))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _serve(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory(prefix="stocks-ai-sharing-") as folder:
            print("\n".join(section(Path(folder))))
