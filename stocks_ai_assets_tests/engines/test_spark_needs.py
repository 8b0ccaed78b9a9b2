"""What Spark needs and is not there is named, with the remedy."""

import socket
import stat
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from stocks_ai_assets.engines.spark import java
from stocks_ai_assets.engines.spark.java import (
    JARS,
    fetch_jars,
    java_version,
    require_jars,
    require_java,
)
from stocks_ai_assets.errors import SparkError


def fake_java(folder, says, does=""):
    folder.mkdir(exist_ok=True)
    file = folder / "java"
    file.write_text(
        f"#!/bin/sh\nif [ \"$1\" = -version ]; then echo '{says}' >&2; exit; fi\n{does}\n"
    )
    file.chmod(file.stat().st_mode | stat.S_IEXEC)
    return folder


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_401"', 8),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", None),
    ],
)
def test_the_version_of_java_is_read_from_what_it_prints(text, version):
    assert java_version(text) == version


def test_no_java_is_said_with_the_package_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SparkError, match=r"no `java` on the path.*openjdk-17"):
        require_java()


def test_an_old_java_is_named_with_its_version(monkeypatch, tmp_path):
    folder = fake_java(tmp_path / "bin", 'java version "1.8.0_401"')
    monkeypatch.setenv("PATH", f"{folder}:/bin")
    with pytest.raises(SparkError, match=r"needs Java 17 or newer, .*java is Java 8"):
        require_java()


def test_missing_jars_are_named_with_the_command_that_fetches_them(tmp_path):
    (tmp_path / "delta-storage-4.4.0.jar").touch()
    with pytest.raises(SparkError, match=r"missing from .*: delta-spark_4\.2.*spark jars"):
        require_jars(tmp_path)


@pytest.mark.cluster
def test_a_jar_that_is_not_the_pinned_one_is_refused_and_not_kept(monkeypatch, tmp_path):
    jar = next(iter(JARS))
    retrieve = 'while [ "$1" != -retrieve ]; do shift; done; d=$(dirname "$2")\n'
    folder = fake_java(
        tmp_path / "bin", 'openjdk version "17.0.1"', f'{retrieve}echo x > "$d/{jar}"'
    )
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    with pytest.raises(SparkError, match="is not the pinned file"):
        fetch_jars(tmp_path / "jars")
    assert not list((tmp_path / "jars").iterdir())


@pytest.mark.cluster
def test_a_repository_that_is_not_reached_is_said_with_the_way_around(monkeypatch, tmp_path):
    folder = fake_java(tmp_path / "bin", 'openjdk version "17.0.1"', "echo unresolved; exit 1")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    with pytest.raises(SparkError, match=r"could not be fetched .*copy the file .*unresolved"):
        fetch_jars(tmp_path / "jars")


def test_jars_are_fetched_to_where_the_settings_look_for_them(stocks_ai, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(java, "fetch_jars", lambda folder: asked.append(folder) or folder)
    stocks_ai("spark", "jars", spark_jars=tmp_path / "jars")
    stocks_ai("spark", "jars", "--folder", tmp_path / "other", spark_jars=tmp_path / "jars")
    assert asked == [tmp_path / "jars", tmp_path / "other"]


def test_a_missing_client_of_connect_is_not_taken_for_a_server_that_does_not_answer(monkeypatch):
    from stocks_ai_assets.engines.spark.connect import connected

    monkeypatch.setitem(sys.modules, "grpc", None)
    with socket.create_server(("127.0.0.1", 0)) as server:
        remote = f"sc://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(SparkError, match=r"pyspark\[connect\].*grpc"):
            connected(None, remote)


@pytest.mark.cluster
@pytest.mark.parametrize("status", ["UNAUTHENTICATED", "PERMISSION_DENIED"])
def test_a_login_that_a_server_refuses_is_not_taken_for_no_answer(status):
    from grpc import StatusCode, server
    from pyspark.errors.exceptions.connect import SparkConnectGrpcException

    from stocks_ai_assets.engines.spark.connect import connected

    class Session:
        class builder:  # noqa: N801  # pyspark's name
            @staticmethod
            def remote(_):
                code = StatusCode[status]
                raise SparkConnectGrpcException("no: dapi-secret", grpc_status_code=code)

    answering = server(ThreadPoolExecutor(1))
    port = answering.add_insecure_port("localhost:0")
    answering.start()
    found = rf"localhost:{port} refuses the login \({status}\).*STOCKS_AI_SPARK_REMOTE"
    try:
        with pytest.raises(SparkError, match=found) as refused:
            connected(Session, f"sc://localhost:{port}/;token=dapi-secret")
    finally:
        answering.stop(None)
    assert "dapi-secret" not in str(refused.value)


def test_a_catalog_server_becomes_settings_of_spark_and_needs_its_connector(tmp_path):
    from stocks_ai_assets.engines.spark.java import require_connector
    from stocks_ai_assets.engines.spark.session import catalog_settings, options_of
    from stocks_ai_assets.settings import Settings

    settings = Settings(
        catalog="stocks_ai",
        spark_catalog_uri="http://127.0.0.1:8080",
        spark_catalog_token="let-me-in",  # noqa: S106  # of this test
    )
    assert catalog_settings(options_of(settings)) == {
        "spark.sql.catalog.stocks_ai": "io.unitycatalog.spark.UCSingleCatalog",
        "spark.sql.catalog.stocks_ai.uri": "http://127.0.0.1:8080",
    }
    assert "let-me-in" not in repr(options_of(settings))
    assert catalog_settings(options_of(Settings())) == {}
    with pytest.raises(SparkError, match=r"unitycatalog-spark\*\.jar in .*Put it there"):
        require_connector(tmp_path)
    (tmp_path / "unitycatalog-spark_2.13-0.3.0.jar").touch()
    assert len(require_connector(tmp_path)) == 1


@pytest.mark.parametrize(
    ("remote", "elsewhere"),
    [
        (None, False),
        ("sc://localhost:15002", False),
        ("sc://127.0.0.1:15002/;token=dapi-secret", False),
        ("sc://[::1]:15002", False),
        ("sc://spark.test:443/;token=dapi-secret", True),
        ("databricks", True),
    ],
)
def test_where_spark_runs_is_known_and_its_token_not_shown(remote, elsewhere):
    from stocks_ai_assets.engines.spark.connect import is_elsewhere, without_token
    from stocks_ai_assets.engines.spark.session import SparkOptions, options_of
    from stocks_ai_assets.settings import Settings

    assert is_elsewhere(remote) is elsewhere
    settings = Settings(spark_remote=remote)
    shown = f"{settings!r} {options_of(settings)!r} {without_token(remote or '')}"
    assert "dapi-secret" not in shown
    assert SparkOptions(remote=remote) == options_of(settings)


def test_a_connection_that_a_store_refuses_is_not_taken_for_a_dead_java():
    from stocks_ai_assets.engines.spark.failures import spark_failures

    with pytest.raises(ConnectionRefusedError), spark_failures("meta.synthesized_predictions"):
        raise ConnectionRefusedError("the store")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "An error occurred while calling o68.sql.\n: java.io.IOException: the disk\n\tat a.b",
            r"prices: Spark failed: java\.io\.IOException: the disk$",
        ),
        (
            "Python in worker has different version: 3.10 than that in driver: 3.12, PySpark ...",
            r"prices: the workers run Python 3\.10, this process 3\.12\. Use an environment with",
        ),
    ],
)
def test_what_java_or_another_python_says_is_told_without_what_surrounds_it(text, said):
    from stocks_ai_assets.engines.spark.failures import spark_failures

    kind = type("Py4JJavaError", (Exception,), {"__module__": "py4j.protocol"})
    with pytest.raises(SparkError, match=said), spark_failures("prices"):
        raise kind(text)


@pytest.fixture
def unanswered():
    """What gRPC raises when nobody listens."""
    import grpc

    with grpc.insecure_channel("127.0.0.1:1") as channel:
        call = channel.unary_unary("/spark.connect.SparkConnectService/Config")
        with pytest.raises(grpc.RpcError) as refused:
            call(b"", timeout=10)
    return refused.value


@pytest.mark.cluster
def test_a_server_that_is_gone_in_mid_run_is_told_with_the_cause_and_what_to_do(unanswered):
    from pyspark.errors.exceptions.connect import SparkConnectGrpcException

    from stocks_ai_assets.engines.spark.failures import spark_failures

    ended = "[INVALID_HANDLE.SESSION_NOT_FOUND] The handle 7 is invalid. Session not found."
    code = unanswered.code()
    for error, cause in (
        (unanswered, "failed to connect to all addresses"),
        (SparkConnectGrpcException(str(unanswered), grpc_status_code=code), "failed to connect"),
        (SparkConnectGrpcException(ended), "Session not found"),
    ):
        with pytest.raises(SparkError) as told, spark_failures("prices"):
            raise error
        found = str(told.value)
        assert found.startswith("prices: Spark no longer answers")
        assert cause in found
        assert found.endswith("Run the same command again when it is there.")
        assert len(found.splitlines()) == 1


@pytest.mark.cluster
def test_that_a_server_is_gone_is_not_taken_for_a_refusal_of_a_catalog(unanswered):
    from stocks_ai_assets.engines.spark.failures import refusals

    with pytest.raises(type(unanswered)), refusals("STOCKS_AI_CATALOG=main", "Name another."):
        raise unanswered


@pytest.mark.cluster
def test_a_token_that_ends_in_mid_run_is_told_with_what_to_correct_and_not_shown():
    from grpc import StatusCode
    from pyspark.errors.exceptions.connect import SparkConnectGrpcException

    from stocks_ai_assets.engines.spark.failures import spark_failures

    code = StatusCode.UNAUTHENTICATED
    with pytest.raises(SparkError, match=r"prices: .*expired.*SPARK_REMOTE") as told:  # noqa: SIM117
        with spark_failures("prices"):
            raise SparkConnectGrpcException("no: dapi-secret", grpc_status_code=code)
    assert "dapi-secret" not in str(told.value)


def test_a_catalog_server_without_a_catalog_is_refused():
    from stocks_ai_assets.errors import SettingsError
    from stocks_ai_assets.settings import load_settings

    with pytest.raises(SettingsError, match=r"SPARK_CATALOG_URI needs STOCKS_AI_CATALOG"):
        load_settings(spark_catalog_uri="http://127.0.0.1:8080")


@pytest.mark.cluster
def test_the_catalogs_token_is_no_argument_of_a_process(monkeypatch, tmp_path):
    from pyspark.sql import SparkSession

    from stocks_ai_assets.engines.spark import session as module
    from stocks_ai_assets.settings import Settings

    given, later = {}, {}

    class Builder:
        def config(self, key, value):
            given[key] = value
            return self

        def appName(self, _):  # noqa: N802  # as Spark calls it
            return self

        def getOrCreate(self):  # noqa: N802
            conf = type("Conf", (), {"set": lambda _, key, value: later.update({key: value})})
            return type("Session", (), {"conf": conf()})()

    monkeypatch.setattr(module, "require_java", lambda: None)
    monkeypatch.setattr(module, "require_jars", lambda _: [])
    monkeypatch.setattr(SparkSession, "builder", Builder())
    (tmp_path / "unitycatalog-spark_2.13-0.3.0.jar").touch()
    settings = Settings(
        catalog="stocks_ai",
        spark_catalog_uri="http://127.0.0.1:8080",
        spark_catalog_token="let-me-in",  # noqa: S106  # of this test
        spark_jars=tmp_path,
    )
    module.open_session(module.options_of(settings))
    assert "let-me-in" not in str(given)
    assert later["spark.sql.catalog.stocks_ai.token"] == "let-me-in"
