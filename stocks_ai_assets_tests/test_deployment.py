"""A lake remembers the market it was built from, and is not filled from another one."""

from datetime import date

import pytest

from stocks_ai_assets.deployment import IDENTITY, open_deployment, remember
from stocks_ai_assets.errors import SettingsError, StorageError
from stocks_ai_assets.settings import Settings

GIVEN = {"sample_symbols": 25, "sample_seed": 7, "first_session": date(2021, 1, 4)}


@pytest.fixture
def home(tmp_path):
    remember(Settings(home=tmp_path / "home", **GIVEN))
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("changed", "built"),
    [
        ({"sample_seed": 8}, "7"),
        ({"sample_symbols": 26}, "25"),
        ({"first_session": date(2021, 1, 5)}, "2021-01-04"),
        ({"source": "folder", "source_folder": "."}, "sample"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_lake_of_another_market_is_refused_with_what_it_was_built_with(home, changed, built):
    name = next(iter(changed))
    message = rf"built with {name} {built}, now it is .*STOCKS_AI_{name.upper()} back"
    with pytest.raises(SettingsError, match=message):
        open_deployment(Settings(home=home, **GIVEN | changed))


@pytest.mark.parametrize(
    "changed", [{"horizon": 5}, {"cost_bp": 9}, {"borrow_bp": 9}, {"universe": ("SIM001",)}]
)
def test_what_is_predicted_may_change_while_a_lake_grows(home, changed):
    assert open_deployment(Settings(home=home, **GIVEN | changed)).lake.tables() == ()


def test_what_is_remembered_first_stays(home):
    before = (home / "lake" / IDENTITY).read_text()
    remember(Settings(home=home, **GIVEN | {"sample_seed": 8}))
    assert (home / "lake" / IDENTITY).read_text() == before


@pytest.mark.parametrize("text", ["{", "[1]", ""])
def test_a_damaged_memory_is_named(home, text):
    (home / "lake" / IDENTITY).write_text(text)
    with pytest.raises(SettingsError, match=r"settings\.json is damaged\. Restore it"):
        open_deployment(Settings(home=home, **GIVEN))


def test_opening_writes_nothing(tmp_path):
    opened = open_deployment(Settings(home=tmp_path / "home", **GIVEN))
    _ = opened.registry, opened.source
    assert not (tmp_path / "home").exists()


def test_a_home_that_cannot_be_made_is_named_with_the_remedy(tmp_path):
    (tmp_path / "home").write_text("a file stands in the way")
    with pytest.raises(StorageError, match=r"cannot be written: .*STOCKS_AI_HOME"):
        remember(Settings(home=tmp_path / "home", **GIVEN))
