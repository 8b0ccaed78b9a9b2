"""A cluster gets the versions that run here, and says so when it has others."""

import importlib.metadata
import sys

import pytest

from stocks_ai_assets.databricks import step_main
from stocks_ai_assets.databricks.libraries import (
    expected_versions,
    pinned_libraries,
    pinned_versions,
)


def test_what_computes_is_pinned_to_the_version_that_runs_here():
    pins = pinned_versions()
    assert {"dagster", "polars", "deltalake", "dataframely", "numpy", "scipy"} <= set(pins)
    assert {"pyarrow", "pydantic-settings"} <= set(pins)
    assert pins == {name: importlib.metadata.version(name) for name in pins}
    assert pinned_libraries() == tuple(f"{name}=={pins[name]}" for name in pins)


def test_nothing_that_brings_a_second_pyspark_is_installed():
    for name in pinned_versions():
        assert "spark" not in name
        needed = importlib.metadata.requires(name) or []
        assert not [line for line in needed if "pyspark" in line and "extra ==" not in line]


def test_equal_versions_are_no_skew():
    assert step_main.differing(expected_versions()) == {}


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"polars": "0.0.1"}, {"polars": importlib.metadata.version("polars")}),
        ({"python": "3.1"}, {"python": f"{sys.version_info[0]}.{sys.version_info[1]}"}),
        ({"no-such-library": "1"}, {"no-such-library": "none"}),
    ],
)
def test_a_version_that_differs_is_named(changed, found):
    assert step_main.differing(expected_versions() | changed) == found
