"""The lake whose tables a policy registers: its own root, in any spelling, else the settings'."""

import sys

import pytest

from stocks_ai_assets.errors import SettingsError
from stocks_ai_assets.governance.governing import lake_of
from stocks_ai_assets.governance.policy import load_policy
from stocks_ai_assets.settings import Settings


@pytest.fixture
def lake(tmp_path):
    """Return the lake of the packaged policy with another root."""

    def found(root):
        policy = load_policy().model_copy(update={"storage_root": root})
        return lake_of(policy, Settings(home=tmp_path / "home", lake_root=str(tmp_path / "set")))

    return found


def test_a_root_is_a_folder_or_its_url_and_without_one_the_settings_name_the_lake(lake, tmp_path):
    folder = tmp_path / "a lake"
    url = folder.as_uri()
    assert "%20" in url
    for root in (str(folder), url, f"{url}/", url.replace("file://", "file://localhost")):
        assert lake(root).root == folder
    assert lake(None).root == tmp_path / "set"


@pytest.mark.parametrize(
    ("root", "said"),
    [
        ("https://bucket/lake", "cannot lie in https://"),
        ("file://srv/lake", r"machine `srv`. Write three slashes .* file:///folder"),
        ("s3://bucket/lake?X-Amz-Signature=1", "holds a password or a signature"),
        ("s3:///lake", "names no bucket"),
    ],
)
def test_a_root_that_is_no_lake_is_to_be_corrected_in_the_policy(lake, root, said):
    with pytest.raises(SettingsError, match=rf"^`storage_root` of the policy: .*{said}") as refused:
        lake(root)
    assert "STOCKS_AI_LAKE_ROOT" not in str(refused.value), "it is not read here"


def test_a_root_in_an_object_store_needs_the_extra_cloud(lake, monkeypatch):
    for module in ("obstore", "obstore.exceptions", "obstore.store"):
        monkeypatch.setitem(sys.modules, module, None)
    said = r"stocks-ai-assets\[cloud\], or choose a folder with `storage_root`"
    with pytest.raises(SettingsError, match=said):
        lake("s3://bucket/lake")
