"""Fixtures of Pipes without a workspace."""

import dagster as dg
import pytest

from stocks_ai_assets.databricks import pipes as opening
from stocks_ai_assets.databricks.pipes import TAGS
from stocks_ai_assets.deployment import open_deployment
from stocks_ai_assets.pipeline import pipeline
from stocks_ai_assets.settings import Settings
from stocks_ai_assets_tests.databricks.piping import FIRST, LAST, ProcessPipes

STAGE = "stage_1_market_signals_evaluation"


@pytest.fixture
def piped(tmp_path, monkeypatch):
    """Deployment whose assets are launched through Pipes, and how its first stage is run."""
    settings = Settings(
        home=tmp_path / "home",
        sample_symbols=25,
        launch="pipes",
        lake_root=str(tmp_path / "lake"),
        databricks={"retries": 1, "poll_seconds": 0.5},
    )
    deployment = open_deployment(settings)

    def execute(instance, names=("market/prices", "market/earnings"), **given):
        written = []
        pipes = ProcessPipes(settings, tmp_path, on_written=written.append, **given)
        monkeypatch.setattr(opening, "open_pipes", lambda *_: pipes)
        monkeypatch.setattr(opening, "output", lambda *_: ("", ""))
        result = (
            pipeline(deployment)
            .resolve_job_def(STAGE)
            .execute_in_process(
                instance=instance,
                asset_selection=[dg.AssetKey(name.split("/")) for name in names],
                tags={TAGS[1]: FIRST.isoformat(), TAGS[2]: LAST.isoformat()},
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                raise_on_error=False,
            )
        )
        return result, written

    return deployment, execute


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found
