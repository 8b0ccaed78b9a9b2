"""Staging and prod deployed where rights are enforced: who runs them has what the file gives."""

import io
import json

import pytest

from stocks_ai_assets_tests.conftest import SMALLEST
from stocks_ai_assets_tests.integration.deploying import changes, edited

pytestmark = pytest.mark.cluster

RUNNER = "0000-runner"
RUN_AS = ("--var", f"runner={RUNNER}")
SYMBOLS = "{{secrets/stocks_ai_staging/symbols}}"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A workspace that enforces rights, with the catalogs of `staging` and `prod`, and a runner."""
    from stocks_ai_assets_tests.workspace.server import start

    lake, folder = tmp_path_factory.mktemp("lake"), tmp_path_factory.mktemp("workspace")
    with start(folder, authorization=True, external=(lake,)) as running:
        running.lake, running.runner = lake, running.workspace.add_service_principal(RUNNER)
        for group in ("stocks_ai_engineers", "stocks_ai_analysts"):
            running.workspace.add_user(f"{group}@example.com", groups=(group,))
        client = running.client()
        for name in ("stocks_ai_staging", "stocks_ai"):
            client.catalogs.create(name)
            # As the policy of governance does: databricks.yml leaves the catalog to it.
            path = f"/api/2.1/unity-catalog/permissions/catalog/{name}"
            use = {"principal": RUNNER, "add": ["USE_CATALOG"]}
            client.api_client.do("PATCH", path, body={"changes": [use]})
        yield running


def test_the_job_of_staging_runs_as_its_runner_with_what_the_file_gives_and_no_more(
    served, databricks, tmp_path
):
    from databricks.sdk.errors import PermissionDenied

    from stocks_ai_assets.lake import Lake

    place = "STOCKS_AI_LAKE_ROOT: ${var.lake_root}\n"
    file = edited(tmp_path, (place, f'{place}      STOCKS_AI_SAMPLE_SYMBOLS: "{SYMBOLS}"\n'))
    given = {"target": "staging", "file": file}
    assert changes(databricks("deploy --json", *RUN_AS, **given))
    client, runner = served.client(), served.client(served.runner)
    client.secrets.put_secret("stocks_ai_staging", "symbols", string_value=str(SMALLEST))

    found = databricks("run daily --json", *RUN_AS, **given)
    assert found.code == 0, found.err
    job = client.jobs.get_run(json.loads(found.out)["run_id"]).job_id
    assert client.jobs.get(job).run_as_user_name == RUNNER
    predicted = Lake(served.lake).read("meta.synthesized_predictions")
    last = f"SIM{SMALLEST:03}"
    assert predicted.get_column("symbol").max() == last, "as many companies as the secret says"

    staged = "/Volumes/stocks_ai_staging/ops/staging/step.zip"
    runner.files.upload(staged, io.BytesIO(b"code"))
    assert runner.files.download(staged).contents.read() == b"code"
    for refused in (
        lambda: runner.secrets.put_secret("stocks_ai_staging", "symbols", string_value="60"),
        lambda: runner.schemas.create("mine", "stocks_ai_staging"),
        lambda: runner.jobs.delete(job),
    ):
        with pytest.raises(PermissionDenied):
            refused()


def test_prod_is_deployed_once_and_its_clusters_stop_when_idle(served, databricks):
    from databricks.sdk.errors import InvalidParameterValue

    planned = changes(databricks("deploy --dry-run --json", *RUN_AS, target="prod"))
    assert changes(databricks("deploy --json", *RUN_AS, target="prod")) == planned
    jobs = {"jobs.daily", "jobs.stream", "jobs.backfill"}
    assert jobs | {"workspace.root_path"} <= set(planned)
    assert changes(databricks("deploy --json", *RUN_AS, target="prod")) == {}

    client = served.client()
    (daily,) = client.jobs.list(name="stocks_ai daily (prod)")
    job = client.jobs.get(daily.job_id)
    assert job.settings.schedule.pause_status.value == "UNPAUSED"
    assert job.run_as_user_name == RUNNER
    (stream,) = client.jobs.list(name="stocks_ai stream (prod)")
    job = client.jobs.get(stream.job_id)
    assert job.settings.continuous.pause_status.value == "PAUSED"
    assert job.run_as_user_name == RUNNER

    policy = job.settings.job_clusters[0].new_cluster.policy_id
    asked = {
        "policy_id": policy,
        "apply_policy_default_values": True,
        "spark_version": "19.x-scala2.13",
        "node_type_id": "i3.xlarge",
        "num_workers": 1,
    }
    made = client.clusters.create(**asked).response.cluster_id
    cluster = client.clusters.get(made)
    assert (cluster.autotermination_minutes, cluster.data_security_mode.value) == (
        30,
        "SINGLE_USER",
    )
    assert cluster.custom_tags == {"project": "stocks_ai", "target": "prod"}
    for other in (
        {"autotermination_minutes": 0},  # never
        {"autotermination_minutes": 600},
        {"num_workers": 9},
        {"node_type_id": "i3.2xlarge"},
        {"data_security_mode": "NONE"},
        {"custom_tags": {"project": "mine"}},
    ):
        with pytest.raises(InvalidParameterValue, match=next(iter(other))):
            client.api_client.do("POST", "/api/2.1/clusters/create", body={**asked, **other})
