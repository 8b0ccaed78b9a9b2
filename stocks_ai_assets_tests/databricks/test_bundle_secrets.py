"""What of a bundle is a secret, and what is only called like one."""

from pathlib import Path

import pytest

from stocks_ai_assets.databricks.bundle import load_bundle
from stocks_ai_assets.databricks.bundle_secrets import require_no_secrets
from stocks_ai_assets.errors import SettingsError

FILE = Path(__file__).parents[2] / "databricks.yml"
GIVEN = {"lake_root": "s3://bucket/lake", "runner": "0000-runner"}
USER = "ann@example.com"

SECRETS = {
    "a token": ("default: sample", "default: dapi0123456789abcdef"),
    "a key of a store": (
        "STOCKS_AI_SOURCE: ${var.source}",
        "AWS_SECRET_ACCESS_KEY: wJalrXUtnFEMI/K7MDENG",
    ),
    "a password": ("STOCKS_AI_SOURCE: ${var.source}", "LAKE_PASSWORD: hunter2"),
    "a bearer token": ("default: sample", "default: Bearer abcdefghij"),
    "a signed address": ("default: sample", "default: 'https://store/x?sig=abcdef'"),
    "a login in an address": ("default: sample", "default: 'https://ann:hunter2@store/lake'"),
    "a private key": ("default: sample", "default: '-----BEGIN RSA PRIVATE KEY-----'"),
    "one that is hidden far inside": ("default: sample", f"default: {'word ' * 90}token=abcdef"),
}


@pytest.mark.parametrize("kind", SECRETS)
def test_no_secret_can_stand_in_the_file(tmp_path, kind):
    before, after = SECRETS[kind]
    text = FILE.read_text(encoding="utf-8")
    assert before in text
    file = tmp_path / "databricks.yml"
    file.write_text(text.replace(before, after), encoding="utf-8")
    with pytest.raises(SettingsError, match=r"looks like a secret.*secrets put-secret") as refused:
        load_bundle(file, "dev", GIVEN, USER)
    assert after.rsplit(maxsplit=1)[-1].strip("'") not in str(refused.value)


def test_no_secret_comes_by_a_variable_and_a_reference_to_one_is_none(tmp_path):
    with pytest.raises(SettingsError, match="--var: source looks like a secret"):
        load_bundle(FILE, "dev", {**GIVEN, "source": "dapi0123456789abcdef"}, USER)
    text = FILE.read_text(encoding="utf-8")
    file, key = tmp_path / "databricks.yml", "{{secrets/stocks_ai_dev/key}}"
    referring = f'AWS_SECRET_ACCESS_KEY: "{key}"'
    file.write_text(text.replace("STOCKS_AI_SOURCE: ${var.source}", referring), encoding="utf-8")
    job = load_bundle(file, "dev", GIVEN, USER).resources["jobs"]["daily"]
    given = job["job_clusters"][0]["new_cluster"]["spark_env_vars"]
    assert given["AWS_SECRET_ACCESS_KEY"] == key


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_SESSION_TOKEN", "A" * 299),
        ("AWS_SESSION_TOKEN", "FwoGZXIvYXdzE" + "Q7x" * 120),
        ("AWS_SECRET_ACCESS_KEY", "/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("url", f"eyJ{'a' * 400}.eyJ{'b' * 400}.{'c' * 80}"),
        ("spark.hadoop.fs.s3a.secret.key", "abcd1234"),
        ("fs.azure.account.key.lake.dfs.core.windows.net", "abcd1234=="),
        ("fs.azure.account.oauth2.client.secret.lake.dfs.core.windows.net", "abcd1234"),
        ("description", f"Uses dapi{'0123456789abcdef' * 2}."),
        ("description", "Started with token=abcdef"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/Volumes/a/b/c/key.json?sig=abcdef"),
    ],
)
def test_a_secret_is_found_however_long_it_is_and_however_its_name_is_written(name, value):
    with pytest.raises(SettingsError, match="looks like a secret"):
        require_no_secrets("file", {"jobs": {name: value}})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GOOGLE_APPLICATION_CREDENTIALS", "/Volumes/a/b/c/key.json"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "${var.folder}/key.json"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/token"),
        ("spark.hadoop.fs.s3a.aws.credentials.provider", "com.amazonaws.One, com.amazonaws.Two"),
        ("description", "Needs a token: see the docs"),
        ("comment", "Needs a token: see the docs"),
        ("description", "Reads secrets: those of the scope"),
    ],
)
def test_paths_classes_and_sentences_are_no_secrets_whatever_they_speak_of(name, value):
    require_no_secrets("file", {"jobs": {name: value}})
