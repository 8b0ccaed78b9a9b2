"""A lake on an S3 store is the same lake: same bits, same commands, same answers to bad input."""

import json
import os
import subprocess
import sys
import threading
import time
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl
import pytest

from stocks_ai_assets.errors import SettingsError, StorageError
from stocks_ai_assets.lake import Lake, storage
from stocks_ai_assets_tests.integration.conftest import s3_server
from stocks_ai_assets_tests.integration.writers import PREDICTIONS, SESSIONS, put

pytestmark = pytest.mark.cluster

RANGE = ("--from", "2021-01-04", "--to", "2021-01-08")
COMPANIES = {"STOCKS_AI_SAMPLE_SYMBOLS": "25"}


def fingerprints(stocks_ai, **settings):
    finished = stocks_ai("fingerprint", "--json", **settings)
    assert finished.code == 0, finished.err
    return {row["table"]: row for row in json.loads(finished.out)}


def test_a_backfill_on_a_store_gives_the_bits_of_one_on_a_disk(
    stocks_ai, in_object_store, tmp_path
):
    root = {"lake_root": in_object_store.url("backfill")}
    for settings in ({"home": tmp_path / "disk"}, {"home": tmp_path / "store", **root}):
        finished = stocks_ai("backfill", *RANGE, "--json", **settings)
        assert finished.code == 0, finished.err
        if "lake_root" not in settings:
            expected = fingerprints(stocks_ai, **settings)
    settings = {"home": tmp_path / "store", **root}
    assert fingerprints(stocks_ai, **settings) == expected
    assert not (tmp_path / "store" / "lake").exists()

    again = json.loads(stocks_ai("backfill", *RANGE, "--json", **settings).out)
    assert again["assets"] == 0, "everything is up to date"
    found = json.loads(stocks_ai("status", "--json", **settings).out)
    assert {(each["missing"], each["stale"]) for each in found["assets"]} == {(0, 0)}
    symbol = json.loads(stocks_ai("show", "2021-01-08", "--json", **settings).out)["ranking"][0]
    explained = stocks_ai("explain", symbol["symbol"], "2021-01-08", **settings)
    assert explained.code == 0, explained.err
    reported = stocks_ai("report", **settings)
    assert reported.code == 0, reported.err
    assert (tmp_path / "store" / "reports" / "report.html").is_file()
    for finished in (explained, reported):
        assert in_object_store.environment["AWS_SECRET_ACCESS_KEY"] not in finished.out


def test_a_backfill_on_a_store_that_was_killed_goes_on(
    stocks_ai, in_object_store, tmp_path, environment
):
    assert stocks_ai("backfill", *RANGE, home=tmp_path / "disk").code == 0
    expected = fingerprints(stocks_ai, home=tmp_path / "disk")
    root = in_object_store.url("killed")
    variables = {
        **os.environ,  # noqa: TID251  # handed on
        **COMPANIES,
        "STOCKS_AI_HOME": str(tmp_path / "store"),
        "STOCKS_AI_LAKE_ROOT": root,
    }
    command = [str(Path(sys.executable).with_name("stocks-ai")), "backfill", *RANGE, "--json"]
    lake = Lake(root)
    # In the middle of the facts, of the signals, of the predictions.
    for table in ("market.prices", "signals.risk", PREDICTIONS):
        with subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=-3) as run:
            while lake.version(table) is None:
                assert run.poll() is None, "it ended before it could be killed"
                time.sleep(0.02)
            run.kill()
    settings = {"home": tmp_path / "store", "lake_root": root}
    assert stocks_ai("backfill", *RANGE, "--json", **settings).code == 0
    found = json.loads(stocks_ai("status", "--json", **settings).out)
    assert {(each["missing"], each["stale"]) for each in found["assets"]} == {(0, 0)}
    assert fingerprints(stocks_ai, **settings) == expected


def test_a_lake_on_a_store_remembers_its_market(stocks_ai, in_object_store, tmp_path):
    root = {"home": tmp_path, "lake_root": in_object_store.url("market")}
    assert stocks_ai("backfill", "--from", "2021-01-04", "--to", "2021-01-04", **root).code == 0
    refused = stocks_ai("status", sample_seed=8, **root)
    assert refused.code == 1
    assert "was built with sample_seed 20210104, now it is 8" in refused.err
    assert "another STOCKS_AI_LAKE_ROOT" in refused.err


def test_the_store_puts_an_object_only_where_there_is_none(in_object_store):
    objects = storage.open_storage(in_object_store.url("objects"))
    assert objects.create("a/1.json", b"one")
    assert not objects.create("a/1.json", b"two")
    assert objects.create("a/1.json", b"one"), "sent again because the answer was lost"
    assert objects.read("a/1.json") == b"one"
    assert objects.read("a/2.json") is None
    assert objects.create("a/3.json", b"three")
    assert objects.names("a") == ["1.json", "3.json"]
    assert objects.names("a", "1.json") == ["3.json"]
    assert objects.names("b") == []
    first, missing, third = objects.stamps("a/1.json", "a/2.json", "a/3.json")
    assert missing is None
    assert first is not None
    assert objects.stamps("a/3.json") == [third]
    objects.delete(["a/1.json", "a/2.json"])
    assert objects.stamps("a/1.json", "a/3.json") == [None, third]
    objects.create("a/1.json", b"anew")
    assert objects.stamps("a/1.json") != [first], "another object of the same name"


def test_many_threads_that_create_one_object_agree_on_one(in_object_store):
    from concurrent.futures import ThreadPoolExecutor

    objects = storage.open_storage(in_object_store.url("race"))
    with ThreadPoolExecutor(8) as pool:
        for n in range(30):
            won = [*pool.map(lambda i, n=n: objects.create(f"x/{n}", b"%d" % i), range(8))]
            assert won.count(True) == 1


def test_a_store_that_writes_over_what_is_there_is_refused(monkeypatch):
    with s3_server("--ignores-conditions") as store:
        for name, value in store.environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(StorageError, match=r"ignores If-None-Match.*Use a store with"):
            put(Lake(store.url("unsafe")), PREDICTIONS, SESSIONS[:2], "risk", 1)


def test_a_table_of_many_versions_is_read_at_each(in_object_store):
    lake = Lake(in_object_store.url("versions"))
    written = [put(lake, PREDICTIONS, SESSIONS[:2], "risk", n) for n in range(1, 6)]
    for reader in (lake, Lake(lake.root)):
        for n, each in enumerate(written, start=1):
            rows = reader.read(PREDICTIONS, version=each.version)
            assert rows["score"].unique().to_list() == [n / 1000]
        assert reader.fingerprint(PREDICTIONS).content_hash == written[-1].content_hash
    lake.compact()
    assert Lake(lake.root).fingerprint(PREDICTIONS).content_hash == written[-1].content_hash
    changed = lake.changes(PREDICTIONS, 4, 5)
    assert changed.filter(pl.col("_change_type") == "insert").height == 6


SIGNED = """<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated does not
match</Message><AWSAccessKeyId>AKIASOMEBODY</AWSAccessKeyId><StringToSign>AWS4-HMAC-SHA256
20210104T000000Z</StringToSign><SignatureProvided>deadbeef0123</SignatureProvided></Error>"""


@pytest.fixture
def refusing():
    """A store that finds every signature wrong, and says so as S3 does."""

    class Refuse(BaseHTTPRequestHandler):
        def do_GET(self):  # the library's name
            self.send_response(403)
            self.send_header("Content-Length", str(len(SIGNED)))
            self.end_headers()
            self.wfile.write(SIGNED.encode())

        do_PUT = do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuse)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def said(stocks_ai, in_object_store, environment, tmp_path):
    """What `status` says when the variables of the store are changed."""

    def run(root, **variables):
        for name, value in variables.items():
            environment.setenv(name, value)
        finished = stocks_ai("status", home=tmp_path, lake_root=root)
        assert finished.code == 1
        assert finished.err.count("\n") <= 2
        assert "Traceback" not in finished.err
        for secret in ("a-secret-nobody", "AKIASOMEBODY", "deadbeef", "StringToSign"):
            assert secret not in finished.err + finished.out
        return finished.err

    return run


def test_credentials_that_are_refused_are_named_but_not_shown(said, refusing):
    message = said("s3://lakes/x", AWS_ENDPOINT_URL=refusing)
    assert "the credentials were refused (s3://lakes/x)" in message
    assert "Correct the variables of the store (AWS_*" in message


def test_a_store_that_does_not_answer_is_named(said):
    start = time.perf_counter()
    message = said("s3://lakes/x", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert "the store does not answer (s3://lakes/x)" in message
    assert "AWS_ENDPOINT_URL" in message
    assert time.perf_counter() - start < 30


# The second root's name holds what a refusal says: names and numbers in an address say nothing.
@pytest.mark.parametrize("root", ["s3://lakes/x", "s3://lakes/403-401-Forbidden"])
def test_a_store_without_tls_must_be_allowed(said, root):
    message = said(root, AWS_ALLOW_HTTP="false")
    assert f"its address is http:// or no URL ({root})" in message
    assert "AWS_ALLOW_HTTP=true" in message


def test_a_bucket_that_does_not_exist_is_named(said):
    message = said("s3://no-such-bucket/x")
    assert "the bucket does not exist (s3://no-such-bucket/x)" in message
    assert "STOCKS_AI_LAKE_ROOT" in message


@pytest.mark.parametrize(
    ("root", "found"),
    [
        ("ftp://lakes/x", "cannot lie in ftp://: known are s3://"),
        ("s3:///x", "names no bucket"),
        ("s3://AKIA:a-secret-nobody-should-see@lakes/x", "holds a password or a signature"),
        ("https://a.blob.core.windows.net/c?sig=a-secret-nobody", "cannot lie in https://"),
        ("az://c/x?sig=a-secret-nobody", "holds a password or a signature"),
    ],
)
def test_an_address_that_is_no_store_of_a_lake_is_refused(said, root, found):
    message = said(root)
    assert found in message
    assert "STOCKS_AI_LAKE_ROOT" in message


def test_without_the_package_for_stores_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(SettingsError, match=r"Install stocks-ai-assets\[cloud\]"):
        Lake("s3://lakes/x")


def test_a_lost_file_is_named_with_its_version(in_object_store):
    lake = Lake(in_object_store.url("lost"))
    put(lake, PREDICTIONS, SESSIONS[:2], "risk", 1)
    where = storage.open_storage(lake.root)
    (data,) = lake._handle(PREDICTIONS).snapshot().files["path"]
    where.delete([data.removeprefix(f"{lake.root}/")])
    with pytest.raises(StorageError, match=r"agents\.predictions version 1: "):
        Lake(lake.root).read(PREDICTIONS, date(2020, 1, 1))
