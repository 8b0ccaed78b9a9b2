"""Promises of the local workspace: DBFS, volumes and workspace files behave as Databricks' do."""

import base64
import io
import os
import stat

import pytest

pytestmark = pytest.mark.cluster

VOLUME = "/Volumes/main/ops/staging"


@pytest.fixture
def client(workspace):
    workspace.workspace.add_volume(VOLUME)
    return workspace.client()


def test_dbfs_takes_a_file_in_blocks_and_gives_it_back(client, workspace):
    content = os.urandom(2_500_000)
    with client.dbfs.open("/a/b", write=True, overwrite=True) as written:
        written.write(content)
    with client.dbfs.open("dbfs:/a/b", read=True) as read:
        assert read.read() == content
    assert workspace.workspace.path("/dbfs/a/b").read_bytes() == content
    status = client.dbfs.get_status("dbfs:/a/b")
    assert (status.path, status.file_size, status.is_dir) == ("/a/b", len(content), False)
    # 0.5 MB, unless asked for more
    assert client.dbfs.read("/a/b").bytes_read == 524_288
    assert base64.b64decode(client.dbfs.read("/a/b", offset=2_499_999).data) == content[-1:]


def test_dbfs_keeps_its_limits(client):
    from databricks.sdk.errors import DatabricksError, NotFound

    big = base64.b64encode(b"x" * (1024**2 + 1)).decode()
    with pytest.raises(DatabricksError, match="maximum block size is 1 MB"):
        client.dbfs.put("/big", contents=big)
    client.dbfs.put("/small", contents="", overwrite=True)
    with pytest.raises(DatabricksError, match="maximum read size is 1 MB"):
        client.dbfs.read("/small", length=1024**2 + 1)
    with pytest.raises(NotFound, match="No file or directory exists on path /nowhere"):
        client.dbfs.get_status("/nowhere")
    with pytest.raises(NotFound):
        client.dbfs.add_block(123456, "")
    with pytest.raises(DatabricksError, match="already exists"):
        client.dbfs.put("/small", contents="")
    with pytest.raises(DatabricksError, match="No operations allowed on this path"):
        client.api_client.do("GET", "/api/2.0/dbfs/get-status", query={"path": VOLUME})
    with pytest.raises(DatabricksError, match="No operations allowed on this path"):
        client.api_client.do("GET", "/api/2.0/dbfs/read", query={"path": "/../state.json"})


def test_dbfs_lists_moves_and_deletes(client):
    from databricks.sdk.errors import DatabricksError

    client.dbfs.mkdirs("/moves/from")
    client.dbfs.put("/moves/from/a", contents=base64.b64encode(b"1").decode())
    client.dbfs.move("/moves/from", "/moves/to")
    assert [f.path for f in client.dbfs.list("/moves")] == ["/moves/to"]
    assert [f.path for f in client.dbfs.list("/moves/to")] == ["/moves/to/a"]
    with pytest.raises(DatabricksError, match="not an empty directory"):
        client.api_client.do("POST", "/api/2.0/dbfs/delete", body={"path": "/moves"})
    client.dbfs.delete("/moves", recursive=True)
    assert not client.dbfs.exists("/moves")


def test_without_dbfs_root_everything_on_dbfs_is_denied(client, workspace):
    from databricks.sdk.errors import PermissionDenied

    workspace.workspace.misbehaviour.change(no_dbfs=True)
    try:
        with pytest.raises(PermissionDenied, match="Public DBFS root is disabled"):
            client.dbfs.mkdirs("/a")
        client.files.upload(f"{VOLUME}/still", io.BytesIO(b"1"))
    finally:
        workspace.workspace.misbehaviour.reset()


def test_a_volume_takes_files_and_gives_ranges_and_metadata(client):
    path, content = f"{VOLUME}/in a folder/ä.bin", os.urandom(300_000)
    client.files.upload(path, io.BytesIO(content))
    found = client.files.download(path)
    assert (found.contents.read(), found.content_length) == (content, len(content))
    assert client.files.get_metadata(path).content_length == len(content)
    url = f"/api/2.0/fs/files{path.replace(' ', '%20')}"
    part = client.api_client.do("GET", url, headers={"Range": "bytes=10-19"}, raw=True)
    assert part["contents"].read() == content[10:20]
    client.files.create_directory(f"{VOLUME}/in a folder/inner")
    listed = list(client.files.list_directory_contents(f"{VOLUME}/in a folder"))
    assert [(e.name, e.is_directory, e.file_size) for e in listed] == [
        ("inner", True, None),
        ("ä.bin", False, len(content)),
    ]
    client.files.get_directory_metadata(f"{VOLUME}/in a folder")
    client.files.delete(path)
    client.files.delete_directory(f"{VOLUME}/in a folder/inner")
    client.files.delete_directory(f"{VOLUME}/in a folder")


def test_a_volume_refuses_what_databricks_refuses(client):
    from databricks.sdk.errors import AlreadyExists, DatabricksError, NotFound

    with pytest.raises(NotFound, match=r"Volume 'main.ops.nowhere' does not exist"):
        client.files.upload("/Volumes/main/ops/nowhere/a", io.BytesIO(b""))
    with pytest.raises(NotFound, match="file being accessed is not found"):
        client.files.download(f"{VOLUME}/nowhere")
    with pytest.raises(NotFound):
        client.files.get_metadata(f"{VOLUME}/nowhere")
    with pytest.raises(NotFound, match="directory being accessed is not found"):
        list(client.files.list_directory_contents(f"{VOLUME}/nowhere"))
    client.files.upload(f"{VOLUME}/once", io.BytesIO(b"1"))
    with pytest.raises(AlreadyExists):
        client.files.upload(f"{VOLUME}/once", io.BytesIO(b"2"), overwrite=False)
    client.files.upload(f"{VOLUME}/full/a", io.BytesIO(b""))
    with pytest.raises(DatabricksError, match="not empty"):
        client.files.delete_directory(f"{VOLUME}/full")
    for trick in (f"{VOLUME}/../../../../state.json", "/etc/passwd", "/Volumes/main/ops"):
        with pytest.raises(DatabricksError):
            client.files.download(trick)


def test_a_folder_of_many_files_is_listed_in_pages(client):
    for number in range(5):
        client.files.upload(f"{VOLUME}/pages/{number}", io.BytesIO(b""))
    names = [e.name for e in client.files.list_directory_contents(f"{VOLUME}/pages", page_size=2)]
    assert names == list("01234")


def test_a_guard_of_volumes_is_asked(client, workspace):
    from databricks.sdk.errors import PermissionDenied

    from stocks_ai_assets_tests.workspace.errors import denied

    asked = []

    def guard(principal, privilege, volume):
        asked.append((principal.name, privilege, volume))
        if privilege == "WRITE VOLUME":
            raise denied("User does not have WRITE VOLUME on Volume 'main.ops.staging'.")

    before, workspace.workspace.guard = workspace.workspace.guard, guard
    try:
        list(client.files.list_directory_contents(VOLUME))
        with pytest.raises(PermissionDenied, match="WRITE VOLUME"):
            client.files.upload(f"{VOLUME}/a", io.BytesIO(b""))
    finally:
        workspace.workspace.guard = before
    assert ("admin@example.com", "READ VOLUME", VOLUME) in asked


def test_lost_files_are_accepted_and_never_seen(client, workspace):
    from databricks.sdk.errors import NotFound

    workspace.workspace.misbehaviour.change(lose_messages="messages")
    try:
        client.files.upload(f"{VOLUME}/messages/1.json", io.BytesIO(b"{}"))
        workspace.write(f"{VOLUME}/messages/2.json", "{}")
        for number in (1, 2):
            with pytest.raises(NotFound):
                client.files.download(f"{VOLUME}/messages/{number}.json")
        assert not list(client.files.list_directory_contents(f"{VOLUME}/messages"))
    finally:
        workspace.workspace.misbehaviour.reset()


def test_workspace_files_are_imported_listed_exported_and_deleted(client):
    from databricks.sdk.errors import DatabricksError, NotFound
    from databricks.sdk.service.workspace import ImportFormat

    client.workspace.mkdirs("/Workspace/Users/a@example.com/.bundle/files")
    folder = "/Users/a@example.com/.bundle/files"
    client.workspace.upload(f"{folder}/a.py", io.BytesIO(b"1"), format=ImportFormat.AUTO)
    encoded = base64.b64encode(b"2").decode()
    client.workspace.import_(f"{folder}/b.txt", content=encoded, format=ImportFormat.AUTO)
    assert client.workspace.download(f"{folder}/a.py").read() == b"1"
    assert base64.b64decode(client.workspace.export(f"{folder}/b.txt").content) == b"2"
    listed = {o.path: o.object_type.value for o in client.workspace.list(folder)}
    assert listed == {f"{folder}/a.py": "FILE", f"{folder}/b.txt": "FILE"}
    status = client.workspace.get_status("/Workspace/Users")
    assert (status.object_type.value, status.path) == ("DIRECTORY", "/Users")
    with pytest.raises(DatabricksError, match="already exists"):
        client.workspace.upload(f"{folder}/a.py", io.BytesIO(b"3"), format=ImportFormat.AUTO)
    with pytest.raises(DatabricksError, match="not empty"):
        client.workspace.delete(folder)
    client.workspace.delete("/Users/a@example.com", recursive=True)
    with pytest.raises(NotFound):
        client.workspace.get_status(folder)


def test_experiments_are_made_found_and_deleted(client):
    from databricks.sdk.errors import DatabricksError, NotFound

    made = client.experiments.create_experiment("/Shared/stocks").experiment_id
    assert client.experiments.get_by_name("/Shared/stocks").experiment.experiment_id == made
    client.experiments.set_experiment_tag(made, "stage", "dev")
    tags = client.experiments.get_experiment(made).experiment.tags
    assert [(t.key, t.value) for t in tags] == [("stage", "dev")]
    with pytest.raises(DatabricksError, match="already exists"):
        client.experiments.create_experiment("/Shared/stocks")
    client.experiments.delete_experiment(made)
    with pytest.raises(NotFound):
        client.experiments.get_by_name("/Shared/stocks")


def test_a_half_written_file_is_never_seen(client, workspace):
    folder = workspace.workspace.path(VOLUME)
    client.files.upload(f"{VOLUME}/whole", io.BytesIO(b"1"))
    assert [p.name for p in folder.iterdir() if p.name.endswith(".part")] == []
    assert stat.S_ISREG(folder.joinpath("whole").stat().st_mode)
