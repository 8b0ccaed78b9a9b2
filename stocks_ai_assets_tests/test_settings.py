"""Settings: where they come from, in which order, and what is said of a bad one."""

from datetime import date
from pathlib import Path

import pytest

from stocks_ai_assets.errors import SettingsError
from stocks_ai_assets.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def _folder_without_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("CONFIG", *(field.upper() for field in Settings.model_fields)):
        monkeypatch.delenv(f"STOCKS_AI_{name}", raising=False)


def write(text: str, name: str = "stocks-ai.toml") -> Path:
    file = Path(name)
    file.write_text(text, encoding="utf-8")
    return file


def test_without_any_settings_the_simulated_market_is_predicted():
    settings = load_settings()
    assert settings.simulated
    assert settings.horizon == 21
    assert settings.universe == ()


def test_arguments_come_before_the_environment_before_the_file_before_defaults(monkeypatch):
    write("horizon = 5\ncost_bp = 6\nborrow_bp = 7\n")
    monkeypatch.setenv("STOCKS_AI_COST_BP", "16")
    monkeypatch.setenv("STOCKS_AI_BORROW_BP", "17")
    settings = load_settings(borrow_bp=27)
    found = (settings.sample_symbols, settings.horizon, settings.cost_bp, settings.borrow_bp)
    assert found == (60, 5, 16.0, 27.0)


def test_the_settings_file_may_lie_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("STOCKS_AI_CONFIG", str(tmp_path / "other.toml"))
    write("horizon = 63\n", "other.toml")
    write("horizon = 5\n")
    assert load_settings().horizon == 63


@pytest.mark.parametrize("where", ["nowhere.toml", "."])
def test_a_settings_file_that_was_asked_for_must_be_there(monkeypatch, where):
    monkeypatch.setenv("STOCKS_AI_CONFIG", where)
    with pytest.raises(SettingsError, match=f"STOCKS_AI_CONFIG names '{where}'"):
        load_settings()


def test_a_file_that_is_not_toml_is_named_with_the_line():
    write("horizon = \n")
    with pytest.raises(SettingsError, match=r"stocks-ai\.toml is not valid TOML.*line 1"):
        load_settings()


def test_an_unknown_setting_in_the_file_is_named_with_those_there_are():
    write("horizn = 5\n")
    with pytest.raises(SettingsError, match=r"`horizn` \(found 5\)\. Settings:.* horizon,"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HORIZON", "0"),
        ("HORIZON", "253"),
        ("HORIZON", "a month"),
        ("COST_BP", "-1"),
        ("BORROW_BP", "much"),
        ("FIRST_SESSION", "2021-13-01"),
        ("SAMPLE_SYMBOLS", "24"),
        ("SOURCE", "sampel"),
    ],
)
def test_a_bad_setting_is_named_with_what_was_found(monkeypatch, name, value):
    monkeypatch.setenv(f"STOCKS_AI_{name}", value)
    with pytest.raises(SettingsError, match=rf"STOCKS_AI_{name}: .*\(found '{value}'\)"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("STOCKS_AI_HORIZN", " (did you mean STOCKS_AI_HORIZON?)"),
        ("stocks_ai_source_foldr", " (did you mean STOCKS_AI_SOURCE_FOLDER?)"),
        ("STOCKS_AI_ZZZZZZZZZZZZZZZZ", ""),
    ],
)
def test_a_variable_that_nobody_reads_is_named_with_the_nearest_one(monkeypatch, name, near):
    monkeypatch.setenv(name, "5")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value) == f"Unknown variable {name.upper()}{near}. Correct or unset it."


def test_variables_that_are_no_settings_are_let_pass(monkeypatch):
    monkeypatch.setenv("STOCKS_AI_REPLAY_FOLDER", "somewhere")
    monkeypatch.setenv("STOCKS_AI_CONFIG", str(write("horizon = 5\n", "mine.toml")))
    monkeypatch.setenv("STOCKS_AIRPLANE", "1")
    monkeypatch.setenv("stocks_ai_cost_bp", "7")
    assert (load_settings().horizon, load_settings().cost_bp) == (5, 7.0)


def test_every_bad_setting_is_named_at_once(monkeypatch):
    monkeypatch.setenv("STOCKS_AI_HORIZON", "0")
    monkeypatch.setenv("STOCKS_AI_COST_BP", "-1")
    with pytest.raises(SettingsError, match=r"(?s)STOCKS_AI_HORIZON.*STOCKS_AI_COST_BP"):
        load_settings()


def test_the_folder_source_asks_for_its_folder(monkeypatch):
    monkeypatch.setenv("STOCKS_AI_SOURCE", "folder")
    with pytest.raises(SettingsError, match=r"^STOCKS_AI_SOURCE=folder needs STOCKS_AI_SOURCE_F"):
        load_settings()
    assert not load_settings(source_folder="data").simulated


@pytest.mark.parametrize("text", ["aapl, MSFT ,,brk-b", "AAPL,MSFT,BRK-B"])
def test_the_universe_is_split_at_commas_and_written_in_capitals(monkeypatch, text):
    monkeypatch.setenv("STOCKS_AI_UNIVERSE", text)
    assert load_settings().universe == ("AAPL", "MSFT", "BRK-B")


def test_the_universe_of_the_file_may_be_a_list():
    write('universe = ["aapl", " msft "]\n')
    assert load_settings().universe == ("AAPL", "MSFT")


def test_the_universe_must_be_symbols():
    write("universe = [1, 2]\n")
    with pytest.raises(SettingsError, match="STOCKS_AI_UNIVERSE"):
        load_settings()


def test_settings_do_not_change_once_they_are_loaded():
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.horizon = 5


def test_what_changes_results_is_handed_on_as_parameters():
    parameters = load_settings(horizon=5, first_session=date(2020, 1, 2), cost_bp=1).parameters
    found = (parameters.horizon, parameters.first_session, parameters.cost_bp)
    assert found == (5, date(2020, 1, 2), 1.0)


def test_lake_dagster_home_and_reports_lie_in_the_home_folder(tmp_path):
    settings = load_settings(home="here")
    assert {settings.lake.parent, settings.dagster_home.parent, settings.reports.parent} == {
        tmp_path / "here"
    }
