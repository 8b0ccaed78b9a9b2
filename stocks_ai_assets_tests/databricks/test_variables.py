"""A remote process reads the same settings from its variables, and no secret is among them."""

from datetime import date

from stocks_ai_assets.databricks.variables import remote_variables, secret_references
from stocks_ai_assets.settings import Settings, load_settings

SAME = ("source", "first_session", "universe", "horizon", "cost_bp", "borrow_bp", "engine")


def there(environment, given):
    """Settings as a process with these variables reads them."""
    for name, value in remote_variables(given).items():
        environment.setenv(name, value)
    return load_settings()


def test_the_remote_process_reads_the_same_settings(environment, tmp_path):
    given = Settings(
        home=tmp_path / "home",
        source="folder",
        source_folder=tmp_path,
        first_session=date(2021, 3, 25),
        universe=("AAA", "BBB"),
        horizon=5,
        cost_bp=0.1 + 0.2,
        engine="spark",
        launch="step",
        databricks={"cluster_id": "0101", "can_view": ("quants",)},
    )
    read = there(environment, given)
    for name in SAME:
        assert getattr(read, name) == getattr(given, name), name
    assert read.parameters == given.parameters
    assert read.source_folder == tmp_path


def test_the_remote_process_computes_where_it_is(environment, tmp_path):
    read = there(environment, Settings(home=tmp_path, launch="step"))
    assert read.launch == "here"
    assert read.databricks.cluster_id is None


def test_folders_are_absolute_for_the_remote_process_works_elsewhere(environment):
    given = Settings(launch="step")
    read = there(environment, given)
    assert not given.home.is_absolute()
    assert read.home == given.home.resolve()


def test_secrets_are_references_and_variables_are_passed_as_given(environment, tmp_path):
    environment.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    given = Settings(
        home=tmp_path,
        launch="step",
        databricks={
            "secret_scope": "stocks",
            "secrets": {"AWS_SECRET_ACCESS_KEY": "lake-key"},
            "variables": {"AWS_REGION": "eu-west-1"},
        },
    )
    assert remote_variables(given)["AWS_REGION"] == "eu-west-1"
    assert "hidden" not in str(remote_variables(given))
    assert secret_references(given) == [
        {"name": "AWS_SECRET_ACCESS_KEY", "scope": "stocks", "key": "lake-key"}
    ]
