"""The local workspace's Unity Catalog objects, through the unmodified databricks-sdk."""

import pytest

pytestmark = pytest.mark.cluster

COLUMNS = [
    {
        "name": "symbol",
        "type_text": "string",
        "type_name": "STRING",
        "type_json": '{"name":"symbol","type":"string","nullable":false,"metadata":{}}',
        "position": 0,
        "nullable": False,
        "comment": "Ticker",
    }
]


@pytest.fixture(scope="module")
def client(workspace):
    return workspace.client()


@pytest.fixture(scope="module")
def schema(client):
    client.catalogs.create("objects", comment="All of them")
    client.schemas.create("meta", "objects", comment="Syntheses")
    return "objects.meta"


def register(client, schema, name, place, **more):
    catalog, inner = schema.split(".")
    body = {
        "catalog_name": catalog,
        "schema_name": inner,
        "name": name,
        "table_type": "EXTERNAL",
        "data_source_format": "DELTA",
        "storage_location": str(place),
        "columns": COLUMNS,
        **more,
    }
    return client.api_client.do("POST", "/api/2.1/unity-catalog/tables", body=body)


def test_a_new_catalog_brings_the_schemas_that_databricks_adds(client, schema):
    names = {one.name for one in client.schemas.list("objects")}

    assert names == {"default", "information_schema", "meta"}
    assert {one.name for one in client.catalogs.list()} >= {"objects", "system"}
    assert client.catalogs.get("OBJECTS").comment == "All of them"


def test_what_exists_already_is_a_conflict_and_what_does_not_is_missing(client, schema):
    from databricks.sdk import errors

    with pytest.raises(errors.ResourceConflict, match=r"Schema 'objects.meta' already exists"):
        client.schemas.create("meta", "objects")
    with pytest.raises(errors.NotFound, match="Catalog 'nowhere' does not exist"):
        client.schemas.create("meta", "nowhere")
    with pytest.raises(errors.NotFound, match=r"Table 'objects.meta.none' does not exist"):
        client.tables.get("objects.meta.none")


def test_a_registered_table_keeps_columns_comment_and_owner(client, schema, workspace, tmp_path):
    workspace.workspace.add_user("owner@example.com")
    register(client, schema, "Registered", tmp_path / "a", comment="Ours", properties={"k": "v"})

    client.tables.update(f"{schema}.registered", owner="owner@example.com")

    found = client.tables.get(f"{schema}.registered")
    assert client.tables.exists(f"{schema}.registered").table_exists
    assert (found.comment, found.owner, found.properties) == (
        "Ours",
        "owner@example.com",
        {"k": "v"},
    )
    assert [(c.name, c.comment, c.nullable) for c in found.columns] == [("symbol", "Ticker", False)]


def test_a_list_of_tables_comes_in_pages_and_loses_none(client, schema, tmp_path):
    client.schemas.create("paged", "objects")
    for number in range(7):
        register(client, "objects.paged", f"t{number}", tmp_path / str(number))

    listed = client.tables.list("objects", "paged", max_results=3, omit_columns=True)

    found = [*listed]
    assert [one.name for one in found] == [f"t{number}" for number in range(7)]
    assert not any(one.columns for one in found)


def test_two_tables_never_share_a_location(client, schema, tmp_path):
    from databricks.sdk import errors

    register(client, schema, "first", tmp_path / "shared")

    with pytest.raises(errors.InvalidParameterValue, match="overlaps"):
        register(client, schema, "second", tmp_path / "shared" / "inner")


def test_what_is_not_empty_is_dropped_by_force_only(client, tmp_path):
    from databricks.sdk import errors

    client.catalogs.create("doomed")
    client.schemas.create("s", "doomed")
    register(client, "doomed.s", "t", tmp_path / "doomed")

    with pytest.raises(errors.BadRequest, match="not empty"):
        client.schemas.delete("doomed.s")
    client.catalogs.delete("doomed", force=True)
    with pytest.raises(errors.NotFound):
        client.tables.get("doomed.s.t")


def test_a_volume_is_a_folder_of_the_workspace_until_it_is_dropped(client, schema, workspace):
    from databricks.sdk.service.catalog import VolumeType

    client.volumes.create("objects", "meta", "files", VolumeType.MANAGED, comment="Staged")
    folder = workspace.workspace.folder / "Volumes" / "objects" / "meta" / "files"
    assert folder.is_dir()

    client.volumes.delete(f"{schema}.files")
    assert not folder.exists()


def test_grants_are_kept_per_principal_and_inherited_ones_say_where_from(client, schema, workspace):
    from databricks.sdk.service.catalog import PermissionsChange, Privilege

    workspace.workspace.add_user("ann@example.com", groups=("analysts",))
    on_catalog = PermissionsChange(principal="analysts", add=[Privilege.USE_CATALOG])
    on_schema = PermissionsChange(principal="analysts", add=[Privilege.SELECT, Privilege.MODIFY])
    client.grants.update("catalog", "objects", changes=[on_catalog])
    client.grants.update("schema", schema, changes=[on_schema])
    client.grants.update(
        "SCHEMA",
        schema,
        changes=[PermissionsChange(principal="analysts", remove=[Privilege.MODIFY])],
    )

    (direct,) = client.grants.get("schema", schema).privilege_assignments
    (effective,) = client.grants.get_effective("schema", schema).privilege_assignments
    assert (direct.principal, direct.privileges) == ("analysts", [Privilege.SELECT])
    assert {(p.privilege.value, p.inherited_from_name) for p in effective.privileges} == {
        ("SELECT", None),
        ("USE_CATALOG", "objects"),
    }


@pytest.mark.parametrize(
    ("kind", "principal", "privilege", "said"),
    [
        ("schema", "nobody", "SELECT", "Could not find principal with name nobody"),
        ("schema", "account users", "READ_FILES", "not applicable to SCHEMA"),
        ("schema", "account users", "USE SCHEMA", "not a valid privilege"),
        ("SecurableType.SCHEMA", "account users", "SELECT", "not a valid securable type"),
    ],
)
def test_a_grant_that_makes_no_sense_is_refused_and_changes_nothing(
    client, schema, kind, principal, privilege, said
):
    from databricks.sdk.errors import DatabricksError

    before = client.grants.get("schema", schema).as_dict()
    changes = [
        {"principal": "account users", "add": ["APPLY_TAG"]},
        {"principal": principal, "add": [privilege]},
    ]
    path = f"/api/2.1/unity-catalog/permissions/{kind}/{schema}"

    with pytest.raises(DatabricksError, match=said):
        client.api_client.do("PATCH", path, body={"changes": changes})
    assert client.grants.get("schema", schema).as_dict() == before


def test_a_share_names_its_tables_history_and_readers(client, schema, tmp_path):
    from databricks.sdk.service import sharing

    register(client, schema, "shared", tmp_path / "shared")
    client.shares.create("predictions", comment="For partners")
    table = sharing.SharedDataObject(
        name=f"{schema}.shared",
        data_object_type=sharing.SharedDataObjectDataObjectType.TABLE,
        shared_as="meta.predictions",
        history_data_sharing_status=sharing.SharedDataObjectHistoryDataSharingStatus.ENABLED,
    )
    added = sharing.SharedDataObjectUpdate(
        action=sharing.SharedDataObjectUpdateAction.ADD, data_object=table
    )
    client.shares.update("predictions", updates=[added])
    partner = client.recipients.create("partner", sharing.AuthenticationType.TOKEN)
    reader = sharing.PermissionsChange(principal="partner", add=["SELECT"])
    client.shares.update_permissions("predictions", changes=[reader])

    assert not client.shares.get("predictions").objects
    (held,) = client.shares.get("predictions", include_shared_data=True).objects
    assert (held.name, held.shared_as, held.history_data_sharing_status.value) == (
        f"{schema}.shared",
        "meta.predictions",
        "ENABLED",
    )
    (granted,) = client.recipients.share_permissions("partner").permissions_out
    assert granted.share_name == "predictions"
    assert partner.activation_url
    rotated = client.recipients.rotate_token("partner", existing_token_expire_in_seconds=0)
    assert [one.id for one in rotated.tokens] != [one.id for one in partner.tokens]


def test_lineage_from_outside_needs_an_outside_object_and_is_listed_from_both_ends(
    client, schema, tmp_path
):
    from databricks.sdk import errors
    from databricks.sdk.service import catalog as uc

    register(client, schema, "written", tmp_path / "written")
    job = uc.ExternalMetadata(
        name="delta-rs-job", system_type=uc.SystemType.OTHER, entity_type="asset"
    )
    client.external_metadata.create_external_metadata(job)
    outside = uc.ExternalLineageObject(
        external_metadata=uc.ExternalLineageExternalMetadata(name="delta-rs-job")
    )
    inside = uc.ExternalLineageObject(table=uc.ExternalLineageTable(name=f"{schema}.written"))
    lineage = client.external_lineage

    made = uc.CreateRequestExternalLineage(source=outside, target=inside)
    lineage.create_external_lineage_relationship(made)

    (up,) = lineage.list_external_lineage_relationships(inside, uc.LineageDirection.UPSTREAM)
    (down,) = lineage.list_external_lineage_relationships(outside, uc.LineageDirection.DOWNSTREAM)
    assert up.external_metadata_info.name == "delta-rs-job"
    assert (down.table_info.schema_name, down.table_info.name) == ("meta", "written")
    with pytest.raises(errors.AlreadyExists):
        lineage.create_external_lineage_relationship(made)
    with pytest.raises(errors.InvalidParameterValue, match="external metadata"):
        lineage.create_external_lineage_relationship(
            uc.CreateRequestExternalLineage(source=inside, target=inside)
        )
    lineage.delete_external_lineage_relationship(
        uc.DeleteRequestExternalLineage(source=outside, target=inside)
    )
    assert not [*lineage.list_external_lineage_relationships(inside, uc.LineageDirection.UPSTREAM)]


def test_a_registered_model_keeps_versions_and_aliases(client, schema):
    client.registered_models.create("objects", "meta", "risk", comment="Quarterly")
    path = "/api/2.1/unity-catalog/models/versions"
    body = {"catalog_name": "objects", "schema_name": "meta", "model_name": "risk", "source": "s"}
    client.api_client.do("POST", path, body=body)

    client.registered_models.set_alias(f"{schema}.risk", "champion", 1)

    assert client.model_versions.get_by_alias(f"{schema}.risk", "champion").version == 1
    found = client.registered_models.get(f"{schema}.risk", include_aliases=True)
    assert [one.alias_name for one in found.aliases] == ["champion"]


def test_secrets_of_a_storage_credential_are_never_shown(client):
    from databricks.sdk.service import catalog as uc

    secret = uc.AzureServicePrincipal("directory", "application", "hidden-secret")
    client.storage_credentials.create("lake", azure_service_principal=secret)
    client.external_locations.create("raw", "s3://bucket/raw", "lake")

    shown = [client.storage_credentials.get("lake"), *client.storage_credentials.list()]
    assert "hidden-secret" not in str([one.as_dict() for one in shown])
    assert client.external_locations.get("raw").credential_name == "lake"


def test_what_unity_catalog_knew_survives_a_restart(tmp_path):
    from stocks_ai_assets_tests.workspace.server import start

    with start(tmp_path) as running:
        running.client().catalogs.create("kept", comment="still here")
    with start(tmp_path) as running:
        assert running.client().catalogs.get("kept").comment == "still here"
