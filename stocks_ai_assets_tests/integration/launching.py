"""A workspace with a warm cluster and a volume, which sees the lake of a deployment with facts."""

import fcntl
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stocks_ai_assets_tests.conftest import END, START, restored_environment, vendor_settings
from stocks_ai_assets_tests.integration.web_ui import until

VOLUME = "/Volumes/main/ops/staging"

HALF_DONE = (
    "stocks_ai_assets.lake.coverage:Ledger.covered",
    "import fcntl, time; held = open('still', 'w'); fcntl.flock(held, 2); time.sleep(600)",
)
"""Fault: a run stands still when its rows are written and nobody has been told so."""


@dataclass(frozen=True, kw_only=True)
class Remote:
    """The workspace and the home that both sides see."""

    home: Path
    running: Any
    client: Any
    cluster_id: str

    def settings(self, vendor, *, launch="step", home=None, where=None, engine="local", **given):
        """Settings that launch steps here; `given` are those of the workspace."""
        chosen = {"staging_folder": VOLUME, "cluster_id": self.cluster_id, "poll_seconds": 0.2}
        return vendor_settings(
            home or self.home,
            vendor,
            launch=launch,
            engine=engine,
            databricks={**chosen, **given},
            **(where or {"lake_root": str((home or self.home) / "lake")}),
        )

    def runs(self):
        """Runs of the workspace, in their order."""
        with self.running.workspace.lock:
            return list(self.running.workspace.collection("runs").values())

    def state(self, run):
        """Life cycle of a run, and its result."""
        with self.running.workspace.lock:
            return run["state"]["life_cycle_state"], run["state"].get("result_state")

    def stands_still(self, run):
        """Whether a run's process is where `HALF_DONE` stops it; its lock ends with it."""
        number = run["tasks"][0]["run_id"]
        file = self.running.workspace.folder / "runs" / str(number) / "still"
        if not file.exists():
            return False
        with file.open() as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def until_half_done(self, run):
        """Wait until a run under `HALF_DONE` stands still."""
        until(lambda: self.stands_still(run), 120)
        assert self.state(run) == ("RUNNING", None)

    def staged(self):
        """Files that lie in a staging folder."""
        places = (VOLUME, "/dbfs/stocks_ai")
        folders = map(self.running.workspace.path, places)
        return [path for folder in folders for path in folder.rglob("*") if path.is_file()]

    def left(self):
        """The same without the wheel, which stays for the next run."""
        return [path for path in self.staged() if path.suffix != ".whl"]


@contextmanager
def workspace_with_facts(tmp_path_factory, vendor, *computed):
    """Open a workspace and a deployment of the vendor's facts, some assets computed from them."""
    import dagster as dg

    from stocks_ai_assets.backfill import plan, run, select
    from stocks_ai_assets.deployment import open_deployment
    from stocks_ai_assets_tests.workspace.server import start

    home = tmp_path_factory.mktemp("home")
    opened = open_deployment(vendor_settings(home, vendor))
    with restored_environment(), dg.DagsterInstance.ephemeral() as instance:
        steps = plan(opened, START, END, [*select(opened, "group:market"), *computed])
        run(opened, START, END, instance=instance, steps=steps)
    with start(tmp_path_factory.mktemp("workspace"), external=(home,)) as running:
        running.workspace.add_volume(VOLUME)
        client = running.client()
        cluster = client.clusters.create(
            spark_version="19.x-scala2.13", num_workers=1, node_type_id="i3.xlarge"
        )
        yield Remote(home=home, running=running, client=client, cluster_id=cluster.cluster_id)
