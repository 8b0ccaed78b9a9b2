"""Servers that integration tests share: each is real, local, and lives as long as its module."""

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from stocks_ai_assets_tests.integration.deploying import FILE


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A running local Databricks workspace: `.url`, `.token`, `.client()`, `.workspace`."""
    from stocks_ai_assets_tests.workspace.server import start

    with start(tmp_path_factory.mktemp("workspace")) as running:
        yield running


@dataclass(frozen=True)
class ObjectStore:
    """An S3 server with one bucket, and the environment by which programs find it."""

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "a-secret-nobody-should-see",
        }

    def url(self, name: str) -> str:
        return f"s3://lakes/{name}"


@contextmanager
def s3_server(*arguments):
    """Start an S3 server with the bucket `lakes`."""
    script = Path(__file__).with_name("s3_server.py")
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", script, *arguments], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            endpoint = f"http://127.0.0.1:{int(server.stdout.readline())}"
            urlopen(Request(f"{endpoint}/lakes", method="PUT")).close()  # noqa: S310  # our own
            yield ObjectStore(endpoint)
        finally:
            server.kill()


@pytest.fixture(scope="session")
def object_store():
    """An S3 store: `.url(name)` of a lake in it, `.environment` of programs that use it."""
    with s3_server() as store:
        yield store


@pytest.fixture
def in_object_store(object_store, monkeypatch):
    """The same store, known to this process."""
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    return object_store


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A workspace with the catalog of the bundle's `dev`, which sees a folder for the lake."""
    from stocks_ai_assets_tests.workspace.server import start

    lake = tmp_path_factory.mktemp("lake")
    with start(tmp_path_factory.mktemp("workspace"), external=(lake,)) as running:
        running.client().catalogs.create("stocks_ai_dev")
        running.lake = lake / "dev"
        yield running


@pytest.fixture
def databricks(served, stocks_ai, environment):
    """Run `stocks-ai databricks ... --target dev`; answer what it printed."""
    environment.setenv("DATABRICKS_HOST", served.url)

    def run(command, *arguments, file=FILE, target="dev", token=served.token):
        environment.setenv("DATABRICKS_TOKEN", token)
        words = [*command.split(), "--target", target, "--file", file]
        given = (f"lake_root={served.lake}", "first_session=2024-12-20")
        variables = [word for value in given for word in ("--var", value)]
        return stocks_ai("databricks", *words, *variables, *arguments)

    yield run
    served.workspace.misbehaviour.reset()
