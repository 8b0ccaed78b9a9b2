"""Promises of the local workspace: who calls is known, and may do what was granted."""

import pytest

pytestmark = pytest.mark.cluster


@pytest.fixture
def client(workspace):
    return workspace.client()


def test_no_wrong_and_expired_tokens_are_refused_as_databricks_does(workspace):
    import requests
    from databricks.sdk.errors import PermissionDenied, Unauthenticated

    url = f"{workspace.url}/api/2.0/preview/scim/v2/Me"
    bare = requests.get(url, timeout=10)
    assert bare.status_code == 401
    assert "Credential was not sent" in bare.json()["message"]
    with pytest.raises(PermissionDenied, match="Invalid access token"):
        workspace.client("dapiwrong").current_user.me()
    token = workspace.workspace.add_user("gone@example.com")
    assert workspace.client(token).current_user.me().user_name == "gone@example.com"
    workspace.workspace.expire(token)
    with pytest.raises(Unauthenticated, match="Token is expired"):
        workspace.client(token).current_user.me()


def test_an_unknown_path_says_so(client):
    from databricks.sdk.errors import NotFound

    with pytest.raises(NotFound, match="No API found for 'GET"):
        client.api_client.do("GET", "/api/2.0/nothing")


def test_a_person_makes_and_revokes_tokens(workspace):
    from databricks.sdk.errors import PermissionDenied

    token = workspace.workspace.add_user("maker@example.com")
    maker = workspace.client(token)
    made = maker.tokens.create(comment="for a test", lifetime_seconds=60)
    other = workspace.client(made.token_value)
    assert other.current_user.me().user_name == "maker@example.com"
    assert made.token_info.token_id in [t.token_id for t in maker.tokens.list()]
    maker.tokens.delete(made.token_info.token_id)
    with pytest.raises(PermissionDenied):
        other.current_user.me()


def test_people_groups_and_service_principals_are_kept(client, workspace):
    from databricks.sdk.errors import AlreadyExists, PermissionDenied
    from databricks.sdk.service import iam

    group = client.groups.create(display_name="regulatory_auditors")
    user = client.users.create(user_name="auditor@example.com", display_name="Auditor")
    robot = client.service_principals.create(display_name="robot")
    assert len(robot.application_id) == 36
    client.groups.patch(
        group.id,
        operations=[
            iam.Patch(
                op=iam.PatchOp.ADD,
                value={"members": [{"value": user.id}, {"value": robot.id}]},
            )
        ],
        schemas=[iam.PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP],
    )
    found = list(client.groups.list(filter="displayName eq 'regulatory_auditors'"))
    assert not found
    found = list(client.groups.list(filter='displayName eq "regulatory_auditors"'))
    assert [m.value for m in found[0].members] == [user.id, robot.id]
    assert [g.display for g in client.users.get(user.id).groups] == ["regulatory_auditors"]
    with pytest.raises(AlreadyExists):
        client.groups.create(display_name="Regulatory_Auditors")
    token = workspace.workspace.add_user("auditor@example.com")
    with pytest.raises(PermissionDenied, match="Only workspace admins"):
        workspace.client(token).users.create(user_name="b@example.com")
    client.users.delete(user.id)
    assert not list(client.users.list(filter='userName eq "auditor@example.com"'))


def test_rights_on_a_job_are_kept_and_enforced(client, workspace):
    from databricks.sdk.errors import DatabricksError, NotFound, PermissionDenied
    from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel

    job = client.jobs.create(name="guarded").job_id
    user = workspace.client(workspace.workspace.add_user("viewer@example.com", ["desk"]))
    with pytest.raises(PermissionDenied, match="does not have CAN_VIEW permission on job"):
        user.jobs.get(job)
    assert job not in [j.job_id for j in user.jobs.list()]
    view = AccessControlRequest(group_name="desk", permission_level=PermissionLevel.CAN_VIEW)
    shown = client.permissions.update("jobs", str(job), access_control_list=[view])
    assert shown.object_type == "job"
    levels = {
        e.group_name or e.user_name: e.all_permissions[0].permission_level.value
        for e in shown.access_control_list
    }
    assert levels == {"desk": "CAN_VIEW", "admin@example.com": "IS_OWNER", "admins": "CAN_MANAGE"}
    assert user.jobs.get(job).settings.name == "guarded"
    with pytest.raises(PermissionDenied, match="CAN_MANAGE_RUN"):
        user.jobs.run_now(job)
    with pytest.raises(DatabricksError, match="exactly one owner"):
        client.permissions.set("jobs", str(job), access_control_list=[view])
    nobody = AccessControlRequest(user_name="nobody", permission_level=PermissionLevel.CAN_VIEW)
    with pytest.raises(NotFound, match="Principal: nobody does not"):
        client.permissions.update("jobs", str(job), access_control_list=[nobody])
    with pytest.raises(NotFound, match="job 999 does not exist"):
        client.permissions.get("jobs", "999")


def test_secrets_are_kept_by_scope_and_read_by_whom_the_scope_names(client, workspace):
    from databricks.sdk.errors import NotFound, PermissionDenied, ResourceAlreadyExists
    from databricks.sdk.service.workspace import AclPermission

    client.secrets.create_scope("desk")
    client.secrets.put_secret("desk", "password", string_value="opensesame")
    client.secrets.put_secret("desk", "bytes", bytes_value="YWJj")
    assert [s.key for s in client.secrets.list_secrets("desk")] == ["password", "bytes"]
    assert client.secrets.get_secret("desk", "bytes").value == "YWJj"
    assert client.dbutils.secrets.get("desk", "password") == "opensesame"
    with pytest.raises(ResourceAlreadyExists):
        client.secrets.create_scope("desk")
    reader = workspace.client(workspace.workspace.add_user("reader@example.com"))
    with pytest.raises(PermissionDenied, match="does not have READ permission on scope: desk"):
        reader.secrets.get_secret("desk", "password")
    client.secrets.put_acl("desk", "reader@example.com", AclPermission.READ)
    assert reader.secrets.get_secret("desk", "bytes").value == "YWJj"
    with pytest.raises(PermissionDenied):
        reader.secrets.put_secret("desk", "password", string_value="x")
    client.secrets.delete_acl("desk", "reader@example.com")
    assert not list(reader.secrets.list_scopes()) or "desk" not in [
        s.name for s in reader.secrets.list_scopes()
    ]
    client.secrets.delete_secret("desk", "password")
    with pytest.raises(NotFound):
        client.secrets.get_secret("desk", "password")
    client.secrets.delete_scope("desk")
    with pytest.raises(NotFound, match="Secret Scope desk does not exist"):
        client.secrets.list_secrets("desk").__iter__().__next__()


def test_a_wheel_is_installed_for_those_alone_who_may_read_its_folder(client, workspace):
    from databricks.sdk.service.jobs import SubmitTask
    from databricks.sdk.service.workspace import ImportFormat

    folder, wheel = "/Workspace/closed/inside", "/Workspace/closed/inside/none-1.0-py3-none-any.whl"
    client.workspace.mkdirs(folder)
    client.workspace.upload(wheel, b"none", format=ImportFormat.AUTO)
    reader = workspace.client(workspace.workspace.add_user("reader@example.com"))
    cluster = {"spark_version": "19.x-scala2.13", "node_type_id": "i3.xlarge", "num_workers": 1}
    task = {
        "task_key": "step",
        "new_cluster": cluster,
        "libraries": [{"whl": wheel}],
        "spark_python_task": {"python_file": "dbfs:/tests/none.py"},
    }

    def said():
        run = reader.jobs.submit(run_name="test", tasks=[SubmitTask.from_dict(task)]).run_id
        return workspace.ended(run).state.state_message

    assert f"reader@example.com does not have CAN_READ permission on {wheel}" in said()
    above = client.workspace.get_status("/Workspace/closed").object_id
    right = {"user_name": "reader@example.com", "permission_level": "CAN_READ"}
    url = f"/api/2.0/permissions/directories/{above}"
    client.api_client.do("PATCH", url, body={"access_control_list": [right]})
    assert "none-1.0-py3-none-any.whl" in said(), "read, and found to be no wheel"
    assert "CAN_READ" not in said()
