"""Pipes without a workspace: the wheel runs in a process of its own, and reports through files."""

import subprocess
import sys
import zipfile
from contextlib import contextmanager
from datetime import date

import dagster as dg
import pytest
from dagster import PipesBlobStoreMessageReader, PipesTempFileContextInjector

from stocks_ai_assets.backfill import plan, run
from stocks_ai_assets.databricks import pipes as opening
from stocks_ai_assets.databricks.pipes import TAGS, Attempt, DatabricksPipes, opened_session
from stocks_ai_assets.databricks.runs import Ending, RemoteRun
from stocks_ai_assets.databricks.wheel import package_wheel
from stocks_ai_assets.deployment import open_deployment
from stocks_ai_assets.pipeline import pipeline
from stocks_ai_assets.settings import Settings

FIRST, LAST = date(2021, 1, 4), date(2021, 1, 8)
RUN = RemoteRun(run_id=7, url="https://workspace.test/run/7")
STAGE = "stage_1_market_signals_evaluation"


class FolderReader(PipesBlobStoreMessageReader):
    """Messages as files of a folder, as on a volume."""

    def __init__(self, folder):
        super().__init__(interval=0)
        self.folder = folder

    @contextmanager
    def get_params(self):
        yield {"path": str(self.folder)}

    def messages_are_readable(self, params):
        return True

    def download_messages_chunk(self, index, params):
        file = self.folder / f"{index}.json"
        return file.read_text() if file.is_file() else None

    def no_messages_debug_text(self):
        return ""


class ProcessPipes(DatabricksPipes):
    """Stands in for a workspace: runs the wheel in a process that has what the request passes."""

    def __init__(self, settings, folder, before="", lost=0, **given):
        super().__init__(settings, None, **given)
        self.folder, self.before, self.lost = folder, before, lost

    def _attempt(self, context, number, told):
        request = self._request(context)
        code, messages = self.folder / "code", self.folder / "messages"
        for made in (code, messages):
            made.mkdir(exist_ok=True)
        for old in messages.iterdir():
            old.unlink()
        wheel = self.folder / package_wheel().name
        wheel.write_bytes(package_wheel().content)
        zipfile.ZipFile(wheel).extractall(code)
        injector, reader = PipesTempFileContextInjector(), FolderReader(messages)
        with opened_session(context, injector, reader, request) as session:
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


@pytest.fixture
def piped(tmp_path, monkeypatch):
    """Deployment whose assets are launched through Pipes, and how its first stage is run."""
    settings = Settings(
        home=tmp_path / "home",
        sample_symbols=25,
        launch="pipes",
        lake_root=str(tmp_path / "lake"),
        databricks={"retries": 1},
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


def materialized(result):
    """Asset names that Dagster holds for materialized."""
    events = result.get_asset_materialization_events()
    return {event.asset_key.to_user_string() for event in events}


def failure_of(result):
    return (
        result.all_node_events
        and next(e for e in result.all_events if e.is_step_failure).step_failure_data.error
    )


def test_assets_launched_through_pipes_are_the_same_assets(tmp_path):
    def graph(launch):
        settings = Settings(home=tmp_path, launch=launch, lake_root=str(tmp_path))
        return pipeline(open_deployment(settings)).resolve_asset_graph()

    here, there = graph("here"), graph("pipes")
    assert there.get_all_asset_keys() == here.get_all_asset_keys()
    assert set(there.asset_check_keys) == set(here.asset_check_keys)
    for key in here.get_all_asset_keys():
        for name in ("partitions_def", "code_version", "metadata", "group_name", "parent_keys"):
            assert getattr(there.get(key), name) == getattr(here.get(key), name), (key, name)
        mapped = [there.get_partition_mapping(key, parent) for parent in there.get(key).parent_keys]
        kept = [here.get_partition_mapping(key, parent) for parent in here.get(key).parent_keys]
        assert mapped == kept


def test_a_range_computed_by_the_wheel_elsewhere_has_the_same_content_and_verdicts(
    piped, instance, tmp_path
):
    deployment, execute = piped
    result, written = execute(instance)
    assert result.success
    assert materialized(result) == {"market/prices", "market/earnings"}
    assert {report.name for report in written} == {"market/prices", "market/earnings"}

    local = open_deployment(Settings(home=tmp_path / "here", sample_symbols=25))
    steps = plan(local, FIRST, LAST, ("market/prices", "market/earnings"))
    with dg.DagsterInstance.ephemeral() as other:
        run(local, FIRST, LAST, instance=other, steps=steps)
        key = dg.AssetKey(["market", "prices"])
        expected = other.get_latest_materialization_event(key).asset_materialization
        found = instance.get_latest_materialization_event(key).asset_materialization
    assert deployment.lake.fingerprint("market.prices") == local.lake.fingerprint("market.prices")
    told = {name: value.value for name, value in found.metadata.items()}
    assert told.pop("databricks_run_id") == RUN.run_id
    assert told.pop("databricks_run_url") == RUN.url
    assert told == {name: value.value for name, value in expected.metadata.items()}
    assert found.tags["dagster/code_version"] == expected.tags["dagster/code_version"]
    days = instance.get_materialized_partitions(key)
    assert days == {f"2021-01-0{day}" for day in range(4, 9)}
    check_verdicts(result)


def check_verdicts(result):
    found = {
        (event.asset_key.to_user_string(), event.check_name): event
        for event in result.get_asset_check_evaluations()
    }
    late = found["market/prices", "published_in_time"]
    assert late.passed
    assert late.severity == dg.AssetCheckSeverity.ERROR
    assert late.description.startswith("0 of ")
    assert late.metadata["late_rows"].value == 0
    assert found["market/prices", "fresh"].severity == dg.AssetCheckSeverity.WARN
    assert ("market/earnings", "few_in_quarantine") in found


@pytest.mark.cluster
def test_what_was_written_before_a_failure_is_recorded_and_stays(piped, instance):
    breaking = (
        "from stocks_ai_assets.assets import facts\n"
        "read = facts.read_facts\n"
        "def fails(node, *rest):\n"
        "    if node.name == 'market/prices':\n"
        "        raise ZeroDivisionError('of the code')\n"
        "    return read(node, *rest)\n"
        "facts.read_facts = fails"
    )
    result, _ = piped[1](instance, before=breaking)
    assert not result.success
    assert materialized(result) == {"market/earnings"}
    assert "ZeroDivisionError: of the code" in failure_of(result).message


@pytest.mark.cluster
def test_a_run_that_was_lost_and_tried_again_counts_what_it_wrote_once(piped, instance):
    result, written = piped[1](instance, names=("market/prices",), lost=1)
    assert result.success
    ((name, changed),) = [(report.name, report.changed) for report in written]
    assert (name, changed) == ("market/prices", True)


@pytest.mark.cluster
def test_a_lost_report_of_rows_is_noticed_though_everything_else_arrived(piped, instance):
    losing = (
        "from stocks_ai_assets.databricks import pipes_channel\n"
        "real = pipes_channel.PatientChannel.write_message\n"
        "def write(self, message):\n"
        "    if 'written' not in str((message['params'] or {}).get('payload', {}).keys()):\n"
        "        real(self, message)\n"
        "pipes_channel.PatientChannel.write_message = write"
    )
    result, written = piped[1](instance, names=("market/prices",), before=losing)
    assert written == []
    assert not result.success
    assert "the rows of market/prices were lost" in failure_of(result).message


@pytest.mark.cluster
def test_messages_that_the_volume_refuses_for_a_while_arrive(piped, instance):
    refusing = (
        "from stocks_ai_assets.databricks import pipes_channel as p\n"
        "real, left = p.PatientChannel.upload_messages_chunk, [3]\n"
        "def upload(self, payload, index):\n"
        "    left[0] -= 1\n"
        "    if left[0] >= 0:\n"
        "        raise OSError(28, 'No space left on device')\n"
        "    real(self, payload, index)\n"
        "p.PatientChannel.upload_messages_chunk = upload"
    )
    result, written = piped[1](instance, names=("market/prices",), before=refusing)
    assert result.success
    assert materialized(result) == {"market/prices"}
    assert [report.name for report in written] == ["market/prices"]


@pytest.mark.cluster
def test_a_volume_that_refuses_messages_for_good_is_named_with_its_cause(piped, instance):
    refusing = (
        "from stocks_ai_assets.databricks import pipes_channel as p\n"
        "p.PAUSES = (0.1,)\n"
        "def upload(self, payload, index):\n"
        "    raise OSError(28, 'No space left on device')\n"
        "p.PatientChannel.upload_messages_chunk = upload"
    )
    result, _ = piped[1](instance, names=("market/prices",), before=refusing)
    assert not result.success
    assert "No space left on device" in failure_of(result).message
    assert "volume writable again" in failure_of(result).message


@pytest.mark.cluster
def test_a_raw_error_there_shows_no_secret_here_or_in_what_the_run_printed(piped, instance):
    breaking = (
        "from stocks_ai_assets.assets import facts\n"
        "def fails(*_):\n"
        "    raise ZeroDivisionError('session: token=abcdef123') from OSError('Bearer hidden1')\n"
        "facts.read_facts = fails"
    )
    result, _ = piped[1](instance, names=("market/prices",), before=breaking)
    assert "ZeroDivisionError: session: token=***" in failure_of(result).message
    said = [entry.to_json() for entry in instance.all_logs(result.run_id)]
    assert not [line for line in said if "abcdef123" in line or "hidden1" in line]


@pytest.mark.cluster
def test_other_libraries_than_here_are_refused_before_anything_is_written(piped, instance):
    deployment, execute = piped
    other = (
        "import importlib.metadata as m\n"
        "known = m.version\n"
        "m.version = lambda name: '2.0.0' if name == 'polars' else known(name)"
    )
    result, _ = execute(instance, before=other)
    assert not result.success
    assert "polars 2.0.0 instead of" in failure_of(result).message
    assert deployment.lake.tables() == ()
