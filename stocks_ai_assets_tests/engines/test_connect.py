"""Databricks Connect, behind its own package: what it is given, and what is said when it fails."""

import json
import socket
import subprocess
import sys
from contextlib import closing
from importlib.metadata import requires
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from packaging.requirements import Requirement

import stocks_ai_assets
from stocks_ai_assets.engines.spark.session import EVERYWHERE, SparkOptions, open_session
from stocks_ai_assets.engines.spark.versions import LIBRARIES, requirements, versions
from stocks_ai_assets.errors import SparkError

ROOT = str(Path(stocks_ai_assets.__file__).parents[1])
DATABRICKS = SparkOptions(remote="databricks", profile="research")


class Cluster:
    """Stands for `databricks.connect` and the cluster that it reaches.

    Parameters
    ----------
    libraries
        Versions that its workers have and this process has not.
    fails
        What its client raises instead of a session.
    refuses
        Settings that it does not let anybody make.
    """

    def __init__(self, *, libraries=None, fails=None, refuses=()):
        self.libraries, self.fails, self.refuses = libraries or {}, fails, refuses
        self.profiles, self.sent, self.settings = [], [], {}
        self.conf = SimpleNamespace(set=self._set)

    def profile(self, name):
        self.profiles.append(name)
        return self

    def getOrCreate(self):  # noqa: N802  # as Databricks calls it
        if self.fails:
            raise self.fails
        return self

    def addArtifacts(self, path, *, pyfile):  # noqa: N802
        self.sent.append((path.rpartition("/")[2], pyfile))

    def range(self, *_):
        return self

    def mapInArrow(self, function, _):  # noqa: N802
        (batch,) = function([None])
        told = json.loads(batch.to_pylist()[0]["versions"]) | self.libraries
        return SimpleNamespace(collect=lambda: [SimpleNamespace(versions=json.dumps(told))])

    def _set(self, name, value):
        if name in self.refuses:
            raise ValueError(name)
        self.settings[name] = value


@pytest.fixture
def reached(monkeypatch):
    """Open a session on a cluster as Databricks Connect would."""

    def opened(**given):
        cluster, module = Cluster(**given), ModuleType("databricks.connect")
        module.DatabricksSession = SimpleNamespace(builder=cluster)
        monkeypatch.setitem(sys.modules, "databricks.connect", module)
        assert open_session(DATABRICKS) is cluster
        return cluster

    return opened


@pytest.mark.cluster
def test_databricks_connect_gets_the_profile_the_code_and_our_settings(reached):
    cluster = reached()
    assert cluster.profiles == ["research"]
    ((name, is_code),) = cluster.sent
    assert name.startswith("stocks_ai_assets_")
    assert is_code
    assert cluster.settings == EVERYWHERE


@pytest.mark.cluster
def test_without_databricks_connect_its_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "databricks.connect", None)
    with pytest.raises(SparkError, match=r"databricks-connect, which replaces pyspark: install"):
        open_session(DATABRICKS)


@pytest.mark.cluster
def test_a_session_that_databricks_refuses_shows_no_token(reached):
    with pytest.raises(SparkError, match=r"got no session: ValueError.*PROFILE") as refused:
        reached(fails=ValueError("token dapi-secret is expired"))
    assert "dapi-secret" not in str(refused.value)
    assert refused.value.__suppress_context__, "a trace would show it too"


@pytest.mark.cluster
def test_compute_that_refuses_a_setting_that_bits_depend_on_is_not_used(reached):
    with pytest.raises(SparkError, match=r"refuses the setting spark\.sql\.session\.timeZone.*cl"):
        reached(refuses={"spark.sql.session.timeZone"})


@pytest.mark.cluster
def test_workers_with_other_libraries_are_refused_with_what_differs_and_what_to_install(reached):
    here = versions()
    with pytest.raises(SparkError) as refused:
        reached(libraries={"polars": "0.0.1", "scipy": "none"})
    message = str(refused.value)
    assert f"polars 0.0.1 instead of {here['polars']}, scipy none instead of" in message
    assert "numpy" not in message
    assert "stocks-ai spark libraries" in message


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("pyarrow", r"No module named 'pyarrow'\. Install .*spark libraries"),
        ("stocks_ai_assets", r"No module named 'stocks_ai_assets'$"),
    ],
)
def test_workers_without_what_even_the_answer_needs_are_told_what_to_install(
    reached, monkeypatch, module, said
):
    def ask(_):
        raise PySparkException(f"ModuleNotFoundError: No module named '{module}'")

    monkeypatch.setattr("stocks_ai_assets.engines.spark.connect.differing", ask)
    PySparkException = type("PySparkException", (Exception,), {"__module__": "pyspark.errors"})  # noqa: N806
    with pytest.raises(SparkError, match=said):
        reached()


@pytest.mark.spark
def test_a_server_that_takes_connections_and_does_not_answer_as_spark_does_is_told(monkeypatch):
    monkeypatch.setattr("stocks_ai_assets.engines.spark.connect.SECONDS", 1.0)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        remote = f"sc://127.0.0.1:{silent.getsockname()[1]}/;token=abcdef"
        with pytest.raises(SparkError, match=r"not answered as Spark Connect.*TLS") as refused:
            open_session(SparkOptions(remote=remote))
    assert "abcdef" not in str(refused.value)


def test_what_workers_are_asked_for_is_what_the_engine_imports():
    found = imported("engines.spark.engine", "engines.spark.rows", "domain.graph")
    ours = {Requirement(each) for each in requires("stocks-ai-assets")}
    asked = {each.name for each in ours if each.marker is None} & found
    assert asked == {*LIBRARIES} - {"pyarrow"}, "which is imported with the first rows"


def test_a_worker_tells_its_versions_with_nothing_but_python():
    assert imported("engines.spark.versions", "-S") == {"stocks-ai-assets"}


def imported(*modules):
    """What is imported with modules of ours, beside Python's own library, as pip names it."""
    flags = [each for each in modules if each.startswith("-")]
    code = f"import sys; sys.path.insert(0, {ROOT!r})\n"
    code += "".join(f"import stocks_ai_assets.{each}\n" for each in modules if each not in flags)
    code += "print(*{each.partition('.')[0] for each in sys.modules})"
    command = [sys.executable, *flags, "-c", code]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    names = set(finished.stdout.split()) - sys.stdlib_module_names - {"__main__"}
    return {name.replace("_", "-") for name in names}


def test_the_libraries_of_a_cluster_are_printed_as_pip_takes_them(stocks_ai):
    finished = stocks_ai("spark", "libraries")
    assert finished.out.splitlines() == list(requirements())
    assert f"polars=={versions()['polars']}" in requirements()
