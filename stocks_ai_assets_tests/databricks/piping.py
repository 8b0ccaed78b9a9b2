"""Stands in for a workspace: the wheel runs in a process of its own, files lie in a folder."""

import shutil
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path

from stocks_ai_assets.databricks.pipes import Attempt, DatabricksPipes
from stocks_ai_assets.databricks.runs import Ending, RemoteRun
from stocks_ai_assets.databricks.staging import Staging
from stocks_ai_assets.databricks.wheel import package_wheel

FIRST, LAST = date(2021, 1, 4), date(2021, 1, 8)
RUN = RemoteRun(run_id=7, url="https://workspace.test/run/7")


class FolderStaging(Staging):
    """A folder of this machine in place of a volume; `refuses` raises when a folder is to go."""

    refuses = None

    def __init__(self, root):
        super().__init__(None, str(root))

    def uri(self, path):
        return path

    def inside(self, path):
        return path

    def prepare(self, folder):
        Path(folder).mkdir(parents=True, exist_ok=True)

    def write(self, folder, files):
        self.prepare(folder)
        for name, content in files.items():
            Path(folder, name).write_bytes(content)

    def read(self, path):
        return Path(path).read_bytes() if Path(path).is_file() else None

    def remove(self, folder):
        if self.refuses:
            raise self.refuses
        shutil.rmtree(folder)

    _write = _read = _remove = _remove_empty = None


class ProcessPipes(DatabricksPipes):
    """Runs the wheel in a process that has what the request passes, after what `before` says."""

    def __init__(self, settings, folder, before="", lost=0, refuses=None, **given):
        super().__init__(settings, None, **given)
        self.folder, self.before, self.lost = folder, before, lost
        self._staging = FolderStaging(folder / "volume")
        self._staging.refuses = refuses

    def _attempt(self, context, number, told):
        request = self._request(context)
        wheel, code = self.folder / package_wheel().name, self.folder / "code"
        wheel.write_bytes(package_wheel().content)
        zipfile.ZipFile(wheel).extractall(code)
        with self._session(context, request) as session:
            words = [w for pair in session.get_bootstrap_cli_arguments().items() for w in pair]
            script = f"{self.before}\nfrom stocks_ai_assets.cli import remote\nremote.pipes()"
            finished = subprocess.run(
                [sys.executable, "-c", script, *words],
                cwd=self.folder,
                env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(code)},
                capture_output=True,
                text=True,
                check=False,
            )
        self._telling(session, told)()
        kind, state = ("failed", "FAILED") if finished.returncode else ("succeeded", "SUCCESS")
        if number < self.lost:
            kind, state = "lost", "CLUSTER_ERROR"
        end = Ending(kind=kind, state=state, message=finished.stderr[-2000:])
        return Attempt(run=RUN, end=end, request=request, session=session)


def materialized(result):
    """Asset names that Dagster holds for materialized."""
    events = result.get_asset_materialization_events()
    return {event.asset_key.to_user_string() for event in events}


def failure_of(result):
    return (
        result.all_node_events
        and next(e for e in result.all_events if e.is_step_failure).step_failure_data.error
    )
