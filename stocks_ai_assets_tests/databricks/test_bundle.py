"""`databricks.yml`: what each target is to have, and what is refused."""

from pathlib import Path

import pytest

from stocks_ai_assets.databricks.bundle import BUILT_WHEEL, load_bundle, references
from stocks_ai_assets.databricks.bundle_resources import KINDS
from stocks_ai_assets.databricks.deploy_differences import differences
from stocks_ai_assets.databricks.wheel import JOB_ENTRY, PACKAGE
from stocks_ai_assets.domain.agents.registry import AGENTS
from stocks_ai_assets.errors import SettingsError, UsageError

FILE = Path(__file__).parents[2] / "databricks.yml"
GIVEN = {"lake_root": "s3://bucket/lake", "runner": "0000-runner"}
USER = "ann@example.com"

SMALL = """
bundle: {name: small}
variables:
  number: {default: 3}
  needed: {description: no default}
resources:
  jobs:
    one: {name: "one ${bundle.target} ${var.number}", max_concurrent_runs: "${var.number}"}
targets:
  dev: {default: true}
  other: {mode: production}
"""


@pytest.fixture
def bundle(tmp_path):
    """Load a bundle from text."""

    def load(text=SMALL, target=None, **given):
        file = tmp_path / "databricks.yml"
        file.write_text(text)
        return load_bundle(file, target, given, USER)

    return load


@pytest.mark.parametrize("target", ["dev", "staging", "prod"])
def test_every_target_of_ours_has_all_kinds_of_resources(target):
    found = load_bundle(FILE, target, GIVEN, USER)
    assert set(found.resources) == set(KINDS)
    left = references(found.resources)
    assert left == {"resources.cluster_policies.stocks_ai.id"}  # known when it is deployed
    for job in found.resources["jobs"].values():
        (task,) = job["tasks"]
        assert task["libraries"] == [{"whl": BUILT_WHEEL}]
        work = task["python_wheel_task"]
        assert (work["package_name"], work["entry_point"]) == (PACKAGE, JOB_ENTRY)
        assert job["max_concurrent_runs"] == 1
    instance = {"dev": "dev_ann"}.get(target, target)
    assert found.resources["jobs"]["daily"]["name"] == f"stocks_ai daily ({instance})"


def test_every_model_has_a_place_for_its_versions():
    models = load_bundle(FILE, "prod", GIVEN, USER).resources["registered_models"]
    assert {one["name"] for one in models.values()} == {
        *(each.name for each in AGENTS),
        "volatility",
        "supervisor",
    }


def test_jobs_run_by_themselves_and_as_a_service_principal_in_production_alone():
    dev, prod = (load_bundle(FILE, target, GIVEN, USER) for target in ("dev", "prod"))
    daily = {"dev": dev.resources["jobs"]["daily"], "prod": prod.resources["jobs"]["daily"]}
    assert daily["dev"]["schedule"]["pause_status"] == "PAUSED"
    assert daily["prod"]["schedule"]["pause_status"] == "UNPAUSED"
    assert "run_as" not in daily["dev"]
    assert daily["prod"]["run_as"] == {"service_principal_name": GIVEN["runner"]}
    assert dev.root_path.startswith(f"/Workspace/Users/{USER}/")
    assert prod.root_path == "/Workspace/stocks_ai/prod"
    assert prod.permissions == (
        {"level": "CAN_READ", "service_principal_name": GIVEN["runner"]},
    ), "the wheel is read by who runs it, and written by nobody but the deployer"
    assert dev.permissions == ()
    volume = prod.resources["volumes"]["staging"]
    assert volume["catalog_name"] == "stocks_ai"
    assert {grant["principal"] for grant in volume["grants"]} >= {GIVEN["runner"]}


@pytest.mark.parametrize("target", ["dev", "staging", "prod"])
def test_the_stream_job_does_what_the_daily_job_does_and_goes_on_by_itself_when_told_alone(target):
    paused, streaming = (
        load_bundle(FILE, target, {**GIVEN, **given}, USER).resources["jobs"]
        for given in ({}, {"streaming": "UNPAUSED", "nightly": "PAUSED"})
    )
    assert paused["stream"]["continuous"] == {"pause_status": "PAUSED"}
    assert streaming["stream"]["continuous"] == {"pause_status": "UNPAUSED"}
    assert streaming["daily"]["schedule"]["pause_status"] == "PAUSED"
    daily, stream = (paused[name]["tasks"][0] for name in ("daily", "stream"))
    assert stream["python_wheel_task"] == daily["python_wheel_task"]
    for name in ("permissions", "job_clusters"):
        assert paused["stream"][name] == paused["daily"][name]
    # What Databricks starts again and again has neither.
    assert "schedule" not in paused["stream"]
    assert "max_retries" not in stream
    for name in ("daily", "backfill"):
        assert paused[name]["queue"] == {"enabled": True}


def test_two_people_who_deploy_dev_change_nothing_of_each_other():
    ann, bob = (load_bundle(FILE, "dev", GIVEN, f"{who}@example.com") for who in ("ann", "bob"))
    assert ann.root_path != bob.root_path
    # What holds data is shared, as the catalog of the target is.
    for kind in set(KINDS) - {"schemas", "volumes", "registered_models"}:
        for key, one in ann.resources[kind].items():
            assert one["name"] != bob.resources[kind][key]["name"], (kind, key)


@pytest.mark.cluster
@pytest.mark.parametrize("target", ["dev", "staging", "prod"])
def test_databricks_own_types_take_every_resource_of_a_target_with_its_variables_filled_in(target):
    """`databricks-bundles` publishes types of resources, and none of the parts around them."""
    from databricks.bundles.core._resource_type import _ResourceType

    kinds = {kind.plural_name: kind.resource_type for kind in _ResourceType.all()}
    for kind, resources in load_bundle(FILE, target, GIVEN, USER).resources.items():
        for config in resources.values():
            read = kinds[kind].from_dict(config).as_dict()
            assert differences(config, read) == []


@pytest.mark.cluster
def test_databricks_own_types_notice_a_wrong_name_and_a_wrong_value():
    from databricks.bundles.jobs import Job

    job = load_bundle(FILE, "dev", GIVEN, USER).resources["jobs"]["daily"]
    with pytest.raises(ValueError, match="shedule"):
        Job.from_dict({**job, "shedule": {}})
    wrong = {**job["schedule"], "pause_status": "SLEEPING"}
    with pytest.raises(ValueError, match="SLEEPING"):
        Job.from_dict({**job, "schedule": wrong})
    given = {**GIVEN, "streaming": "SLEEPING"}
    with pytest.raises(ValueError, match="SLEEPING"):
        Job.from_dict(load_bundle(FILE, "dev", given, USER).resources["jobs"]["stream"])


def test_a_whole_reference_keeps_its_type_and_a_part_becomes_text(bundle):
    job = bundle().resources["jobs"]["one"]
    assert job == {"name": "one dev 3", "max_concurrent_runs": 3}
    assert bundle(number="5").resources["jobs"]["one"]["max_concurrent_runs"] == 5


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("${var.number}", "${var.needed}", "--var needed=VALUE"),
        ("${var.number}", "${var.nothing}", r"no \$\{var.nothing\}"),
        ("{default: 3}", "{default: '${var.number}'}", "refers to itself"),
        ("bundle: {name: small}", "bundle: {name: small}\nsync: {}", "does not know `sync`"),
        ("{default: true}", "{default: true, presets: {}}", "`presets` of target dev"),
        ("bundle: {name: small}", "bundle: {name: [}", "not valid YAML"),
        ("bundle: {name: small}", "", "is no bundle"),
    ],
)
def test_what_this_command_would_get_wrong_is_refused_by_name(bundle, before, after, said):
    with pytest.raises(SettingsError, match=said):
        bundle(SMALL.replace(before, after))


@pytest.mark.parametrize(
    ("right", "said"),
    [
        ("permissions: [{level: CAN_VIEW}]", "jobs.one has the permission.*one of user_name"),
        ("permissions: [{permission_level: CAN_VIEW, group_name: ops}]", "one has `level`"),
        ("permissions: [{level: CAN_VIEW, group_name: a, user_name: b}]", "one of user_name"),
        ("permissions: [CAN_VIEW]", "has the permission CAN_VIEW"),
        ("grants: [{principal: ops}]", "jobs.one has the grant.*list of `privileges`"),
        ("grants: [{principal: ops, privileges: READ_VOLUME}]", "list of `privileges`"),
    ],
)
def test_a_right_without_holder_or_level_is_named_with_what_is_missing(bundle, right, said):
    named = 'max_concurrent_runs: "${var.number}"'
    with pytest.raises(SettingsError, match=said):
        bundle(SMALL.replace(named, f"{named}, {right}"))


def test_a_value_of_a_variable_that_cannot_be_read_is_named(bundle):
    with pytest.raises(UsageError, match=r"`number` \(--var\) is not valid YAML: "):
        bundle(number="[a")


def test_wrong_targets_variables_and_modes_are_refused(bundle, tmp_path):
    with pytest.raises(UsageError, match="no target `nowhere`"):
        bundle(target="nowhere")
    with pytest.raises(UsageError, match="no variable `numbr`"):
        bundle(numbr="1")
    with pytest.raises(SettingsError, match="production and has no run_as"):
        bundle(target="other")
    with pytest.raises(SettingsError, match="--file"):
        load_bundle(tmp_path / "absent.yml", None, {}, USER)


@pytest.mark.parametrize("target", ["staging", "prod"])
def test_a_deployed_target_without_a_runner_says_who_that_is(target):
    said = r"variable runner \(Who jobs run as.*service principal\). Add --var runner=VALUE"
    with pytest.raises(SettingsError, match=said):
        load_bundle(FILE, target, {"lake_root": "s3://bucket/lake"}, USER)


@pytest.mark.parametrize("root", ["/Workspace/Shared/.bundle/x", "/Workspace/Shared", "/Shared/x"])
def test_nobody_runs_as_somebody_else_what_everybody_may_write(tmp_path, root):
    file = tmp_path / "databricks.yml"
    text = FILE.read_text(encoding="utf-8")
    ours = "root_path: /Workspace/${bundle.name}/${bundle.target}"
    assert ours in text
    file.write_text(text.replace(ours, f"root_path: {root}"), encoding="utf-8")
    with pytest.raises(SettingsError, match="everybody in the workspace may write to"):
        load_bundle(file, "prod", GIVEN, USER)
    load_bundle(file, "dev", GIVEN, USER)


def test_rights_on_the_folder_are_levels_of_a_bundle(bundle):
    text = SMALL + "permissions:\n  - {level: CAN_MANAGE, group_name: ops}\n"
    assert bundle(text).permissions == ({"level": "CAN_MANAGE", "group_name": "ops"},)
    with pytest.raises(SettingsError, match="level CAN_EDIT; there are CAN_MANAGE"):
        bundle(text.replace("CAN_MANAGE", "CAN_EDIT"))
    with pytest.raises(SettingsError, match="the bundle has the permission"):
        bundle(text.replace("group_name", "group"))


def test_what_a_target_adds_is_merged_by_key_and_lists_are_joined(bundle):
    text = SMALL.replace(
        "other: {mode: production}", "other: {resources: {jobs: {one: {tags: {a: b}}}}}"
    )
    assert bundle(text, "other").resources["jobs"]["one"]["tags"] == {"a": "b"}
    staging = load_bundle(FILE, "staging", GIVEN, USER)
    holders = staging.resources["cluster_policies"]["stocks_ai"]["permissions"]
    assert [sorted(holder.values()) for holder in holders] == [
        ["CAN_USE", "stocks_ai_engineers"],
        ["0000-runner", "CAN_USE"],
    ]


def test_secrets_are_read_by_nobody_but_the_deployer_and_the_runner():
    dev, prod = (load_bundle(FILE, t, GIVEN, USER).resources for t in ("dev", "prod"))
    assert "permissions" not in dev["secret_scopes"]["stocks_ai"]
    (holder,) = prod["secret_scopes"]["stocks_ai"]["permissions"]
    assert sorted(holder.values()) == ["0000-runner", "READ"]


def test_a_difference_names_the_place_and_both_values():
    wanted = {"a": {"b": [1, {"c": "x"}]}, "d": [], "e": True}
    assert differences(wanted, {"a": {"b": [1, {"c": "x", "more": 1}]}, "e": True}) == []
    assert differences(wanted, {"a": {"b": [1, {"c": "y"}]}, "e": False}) == [
        'a.b[1].c: "y" -> "x"',
        "e: false -> true",
    ]
