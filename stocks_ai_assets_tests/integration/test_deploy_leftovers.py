"""What a bundle has no more, or under another name: what is kept, and what goes."""

import pytest

from stocks_ai_assets_tests.integration.deploying import FILE, ROOT, changes, details, edited

pytestmark = pytest.mark.cluster


def test_what_the_bundle_has_no_more_is_left_until_asked_and_data_for_ever(
    served, databricks, tmp_path
):
    databricks("deploy")
    text = FILE.read_text()
    less = tmp_path / "databricks.yml"
    start = text.index("    backfill:\n      name: stocks_ai backfill")
    less.write_text(text[:start] + text[text.index("\ntargets:") :].replace("", "", 1))
    renamed = less.read_text().replace("    volatility: {<<: *model, name: volatility}\n", "")
    less.write_text(renamed)
    left = {"jobs.backfill": "left", "registered_models.volatility": "left"}
    assert changes(databricks("deploy --json", file=less)) == left
    asked = changes(databricks("deploy --delete --json", file=less))
    assert asked == {"jobs.backfill": "delete", "registered_models.volatility": "left"}
    client = served.client()
    assert list(client.jobs.list(name="stocks_ai backfill (dev_admin)")) == []
    assert client.registered_models.get("stocks_ai_dev.agents.volatility").name == "volatility"
    assert changes(databricks("deploy --json")) == {"jobs.backfill": "create"}


def test_a_renamed_job_stays_the_same_job(served, databricks, tmp_path):
    databricks("deploy")
    client = served.client()
    (daily,) = client.jobs.list(name="stocks_ai daily (dev_admin)")
    other = tmp_path / "databricks.yml"
    other.write_text(FILE.read_text().replace("stocks_ai daily (", "stocks_ai nightly ("))
    assert changes(databricks("deploy --json", file=other)) == {"jobs.daily": "update"}
    assert client.jobs.get(daily.job_id).settings.name == "stocks_ai nightly (dev_admin)"
    databricks("deploy")


def test_a_job_under_another_key_stays_the_same_job_with_its_rights(served, databricks, tmp_path):
    databricks("deploy --delete")
    client = served.client()
    (job,) = client.jobs.list(name="stocks_ai backfill (dev_admin)")
    named = ":\n      name: stocks_ai backfill"
    renamed = edited(tmp_path, (f"    backfill{named}", f"    refill{named}"))
    assert changes(databricks("deploy --delete --dry-run --json", file=renamed)) == {}
    assert changes(databricks("deploy --delete --json", file=renamed)) == {}
    assert client.jobs.get(job.job_id).settings.name == "stocks_ai backfill (dev_admin)"
    readers = """      - {level: CAN_VIEW, group_name: "${var.readers}"}\n"""
    fewer = edited(tmp_path, (readers, ""), file=renamed)
    taken = "no more CAN_VIEW for admins"
    shown = details(databricks("deploy --delete --json", file=fewer))
    assert shown == {"jobs.daily": taken, "jobs.stream": taken, "jobs.refill": taken}
    databricks("deploy")


SPARE = {
    "cluster_policies": '{name: "spare ${var.instance}", definition: {}}',
    "secret_scopes": '{name: "spare_${var.instance}"}',
    "schemas": '{name: spare, catalog_name: "${var.catalog}"}',
    "experiments": '{name: "/Shared/spare_${var.instance}"}',
    "jobs": '{name: "spare ${var.instance}"}',
}
"""One resource more of each kind whose deletion is answered in a way of its own."""


def test_what_somebody_deleted_is_no_more_asked_for_and_not_deleted_again(
    served, databricks, tmp_path
):
    more = [
        (f"\n  {kind}:\n", f"\n  {kind}:\n    spare: {config}\n") for kind, config in SPARE.items()
    ]
    databricks("deploy --delete")
    made = changes(databricks("deploy --json", file=edited(tmp_path, *more)))
    assert made == dict.fromkeys((f"{kind}.spare" for kind in SPARE), "create")
    left = dict.fromkeys(made, "left")
    assert changes(databricks("deploy --json")) == left

    client = served.client()
    (job,) = client.jobs.list(name="spare dev_admin")
    client.jobs.delete(job.job_id)
    (policy,) = [one for one in client.cluster_policies.list() if one.name == "spare dev_admin"]
    client.cluster_policies.delete(policy.policy_id)
    client.secrets.delete_scope("spare_dev_admin")
    client.schemas.delete("stocks_ai_dev.spare")
    experiment = client.experiments.get_by_name("/Shared/spare_dev_admin").experiment
    client.experiments.delete_experiment(experiment.experiment_id)
    for command in ("deploy --dry-run --delete --json", "deploy --delete --json"):
        assert changes(databricks(command)) == {}
    state = client.workspace.download(f"{ROOT}/state/stocks_ai.json").read().decode()
    assert "spare" not in state
