"""The protocol over HTTP: status codes, headers, bodies, parts of files, the audit log."""

import json
import logging
from datetime import timedelta
from types import SimpleNamespace
from urllib.parse import quote

import pytest

from stocks_ai_assets.sharing.app import BODY_BYTES, Handler, build_app
from stocks_ai_assets.sharing.audit import AuditLog
from stocks_ai_assets_tests.sharing.conftest import NOW, PREDICTIONS, SYNTHESIZED

pytestmark = pytest.mark.cluster

ROOT = "/delta-sharing"
TABLE = f"{ROOT}/shares/predictions/schemas/meta/tables/synthesized_predictions"


@pytest.fixture
def web(sharing):
    """The web application, a client without a token, and headers of the two recipients."""
    from starlette.testclient import TestClient

    clock = SimpleNamespace(now=NOW)
    audit = AuditLog(sharing.folder / "audit")
    app = build_app(Handler(sharing.service, audit, None, lambda: clock.now))
    headers = {who: {"authorization": f"Bearer {text}"} for who, text in sharing.tokens.items()}
    client = TestClient(app, base_url="http://share.test", raise_server_exceptions=False)
    return SimpleNamespace(client=client, clock=clock, audit=audit, **headers)


def refused(response, status):
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/json")
    body = response.json()
    assert set(body) == {"errorCode", "message"}
    return body


def file_urls(web, path=TABLE, body=None):
    response = web.client.post(f"{path}/query", json=body or {}, headers=web.fund)
    objects = [json.loads(line) for line in response.text.splitlines()]
    return [each["file"]["url"] for each in objects if "file" in each]


def test_every_operation_answers_in_the_protocols_form(web):
    get = web.client.get
    assert get(f"{ROOT}/shares", headers=web.fund).json() == {"items": [{"name": "Predictions"}]}
    assert get(f"{ROOT}/shares/PREDICTIONS", headers=web.fund).json() == {
        "share": {"name": "Predictions"}
    }
    tables = get(f"{ROOT}/shares/predictions/all-tables", headers=web.fund).json()["items"]
    assert {"name": "audit", "schema": "meta", "share": "Predictions"} in tables
    for response in (
        get(f"{TABLE}/version", headers=web.fund),
        web.client.head(TABLE, headers=web.fund),
    ):
        assert (response.status_code, response.text) == (200, "")
        assert response.headers["delta-table-version"] == "2"
    for response in (
        get(f"{TABLE}/metadata", headers=web.fund),
        get(f"{TABLE}/changes?startingVersion=2", headers=web.fund),
        web.client.post(f"{TABLE}/query", json={}, headers=web.fund),
    ):
        assert response.headers["content-type"] == "application/x-ndjson; charset=utf-8"
        assert response.headers["delta-table-version"] == "2"
        assert [next(iter(json.loads(line))) for line in response.text.splitlines()][:2] == [
            "protocol",
            "metaData",
        ]


@pytest.mark.parametrize(
    ("capabilities", "form"),
    [
        (None, "parquet"),
        ("", "parquet"),
        ("responseformat=parquet", "parquet"),
        ("responseformat=delta,parquet;readerfeatures=deletionvectors", "parquet"),
        ("ReaderFeatures=x; ResponseFormat=Delta", "delta"),
        ("responseformat=avro", "parquet"),
    ],
)
def test_the_capabilities_header_chooses_the_format_and_is_answered(web, capabilities, form):
    asked = {} if capabilities is None else {"delta-sharing-capabilities": capabilities}
    response = web.client.post(f"{TABLE}/query", json={}, headers={**web.fund, **asked})
    assert response.headers["delta-sharing-capabilities"] == f"responseformat={form}"
    assert ("deltaProtocol" in response.text) == (form == "delta")


def test_requests_without_a_good_token_get_401_and_learn_nothing(web, sharing):
    paths = ["/shares", "/shares/predictions", "/shares/nothing", "/shares/predictions/all-tables"]
    answers = set()
    for headers in ({}, {"authorization": "Bearer x.y"}, {"authorization": "Basic eDp5"}):
        for path in paths:
            response = web.client.get(ROOT + path, headers=headers)
            assert response.headers["www-authenticate"] == "Bearer"
            answers.add((bool(headers), refused(response, 401)["errorCode"]))
    assert {code for _, code in answers} == {"UNAUTHENTICATED"}
    web.clock.now = NOW + timedelta(days=31)
    expired = refused(web.client.get(f"{ROOT}/shares", headers=web.fund), 401)
    assert "expired since" in expired["message"]
    web.clock.now = NOW
    sharing.recipients.revoke("fund", now=NOW)
    assert "revoked" in refused(web.client.get(f"{ROOT}/shares", headers=web.fund), 401)["message"]


def test_a_table_that_is_not_shared_is_answered_as_one_that_does_not_exist(web):
    base = f"{ROOT}/shares/predictions/schemas"
    paths = [
        "evaluation/tables/trials",
        "evaluation/tables/none",
        "meta/tables/none",
        "meta/tables/%2e%2e",
        "meta/tables/" + "x" * 5000,
    ]
    bodies = {web.client.get(f"{base}/{path}/metadata", headers=web.fund).text for path in paths}
    assert len(bodies) == 1
    refused(web.client.get(f"{base}/{paths[0]}/metadata", headers=web.fund), 404)
    assert web.client.get(f"{ROOT}/shares/internal", headers=web.fund).text in bodies
    trick = quote("../../evaluation/tables/trials", safe="")
    refused(web.client.get(f"{base}/meta/tables/{trick}/metadata", headers=web.fund), 404)


def test_parts_of_a_file_put_together_are_the_file(web):
    url = file_urls(web)[0]
    whole = web.client.get(url)
    size = len(whole.content)
    assert (whole.status_code, whole.headers["accept-ranges"]) == (200, "bytes")
    assert whole.content[:4] == whole.content[-4:] == b"PAR1"
    parts = [
        web.client.get(url, headers={"range": f"bytes={start}-{start + 999}"})
        for start in range(0, size, 1000)
    ]
    assert {part.status_code for part in parts} == {206}
    assert b"".join(part.content for part in parts) == whole.content
    assert parts[-1].headers["content-range"] == f"bytes {size // 1000 * 1000}-{size - 1}/{size}"
    head = web.client.head(url)
    assert (head.headers["content-length"], head.content) == (str(size), b"")
    refused(web.client.get(url, headers={"range": f"bytes={size}-"}), 416)


def test_large_parts_are_sent_in_pieces(web, monkeypatch):
    from stocks_ai_assets.sharing import responses

    url = file_urls(web)[0]
    whole = web.client.get(url).content
    monkeypatch.setattr(responses, "WHOLE", 100)
    monkeypatch.setattr(responses, "CHUNK", 777)
    assert web.client.get(url).content == whole
    assert web.client.get(url, headers={"range": "bytes=5-"}).content == whole[5:]


def test_a_file_url_needs_no_token_and_every_change_of_it_is_refused(web):
    url = file_urls(web)[0]
    assert web.client.get(url).status_code == 200
    path, _, query = url.partition("?")
    body = path.rsplit("/", 1)[1]
    root = path.removesuffix(body)
    forged = [
        path,
        f"{path}?sig=",
        f"{path}?{query}x",
        f"{root}..%2f..%2fsigning.key?{query}",
        f"{root}%2e%2e/%2e%2e/shares?{query}",
        f"{root}x{body}?{query}",
        f"{root}{quote('/etc/passwd', safe='')}.parquet?{query}",
        f"{root}.parquet?{query}",
    ]
    for each in forged:
        assert web.client.get(each).status_code in {403, 404}, each
        assert b"PAR1" not in web.client.get(each).content
    web.clock.now = NOW + timedelta(hours=1)
    assert "ended at" in refused(web.client.get(url), 403)["message"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"[]", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b'{"version": -1}', 400),
        (b'{"version": "x"}', 400),
        (b'{"version": true}', 400),
        (b'{"timestamp": "yesterday"}', 400),
        (b'{"limitHint": 1.5}', 400),
        (b" " * (BODY_BYTES + 1), 413),
        (b"", 200),
        (b'{"jsonPredicateHints": "{", "predicateHints": 3, "unknown": 1}', 200),
        (b'{"predicateHints": ["horizon = 3000000000", "n_agents < 99999999999"]}', 200),
        (b'{"jsonPredicateHints": {"op": "and", "children": []}}', 200),
        (b'{"jsonPredicateHints": {"op": "isNull", "children": [{"name": 5}]}}', 200),
    ],
)
def test_bodies_that_make_no_sense_are_refused(web, content, status):
    response = web.client.post(f"{TABLE}/query", content=content, headers=web.fund)
    assert response.status_code == status
    if status != 200:
        refused(response, status)


def test_what_is_no_operation_is_refused_in_the_same_form(web):
    for method, path in (
        ("GET", "/"),
        ("GET", f"{ROOT}/files/"),
        ("DELETE", f"{ROOT}/shares"),
        ("POST", f"{ROOT}/shares"),
        ("GET", f"{TABLE}/query"),
        ("PUT", f"{TABLE}/query"),
    ):
        refused(web.client.request(method, path, headers=web.fund), 404)
    assert web.client.get("/health").json() == {"status": "ok"}


def test_a_failure_inside_is_logged_and_not_told(web, sharing, caplog, monkeypatch):
    def fail():
        message = "a path of the server: /secret"
        raise RuntimeError(message)

    monkeypatch.setattr(sharing.service.directory, "_shares", fail)
    with caplog.at_level(logging.ERROR):
        body = refused(web.client.get(f"{ROOT}/shares", headers=web.fund), 500)
    assert body["errorCode"] == "INTERNAL_ERROR"
    assert "secret" not in body["message"]
    assert "a path of the server" in caplog.text


def test_every_request_leaves_a_line_without_tokens_or_urls(web, sharing):
    (url, *_) = file_urls(web, body={"version": 1})
    web.client.get(url, headers={"range": "bytes=0-9"})
    web.client.get(f"{ROOT}/shares/nothing", headers=web.fund)
    web.client.get(f"{ROOT}/shares")
    found = [
        {k: e.get(k) for k in ("action", "status", "recipient", "table")}
        for e in web.audit.entries()
    ]
    fund = {"recipient": "fund"}
    assert found == [
        {"action": "query", "status": 200, "table": SYNTHESIZED, **fund},
        {"action": "file", "status": 206, "table": SYNTHESIZED, **fund},
        {"action": "get share", "status": 404, "table": None, **fund},
        {"action": "list shares", "status": 401, "table": None, "recipient": None},
    ]
    query, file, *_ = web.audit.entries()
    assert (query["version"], query["rows"], query["files"], query["share"]) == (
        1,
        40,
        2,
        "Predictions",
    )
    assert file["bytes"] == 10
    text = "".join(path.read_text() for path in (sharing.folder / "audit").iterdir())
    assert sharing.tokens["fund"].split(".")[1] not in text
    assert url.split("sig=")[1] not in text


def test_urls_point_to_where_recipients_reach_the_server(sharing):
    from starlette.testclient import TestClient

    public = "https://data.example.org/prefix/delta-sharing/"
    handler = Handler(sharing.service, AuditLog(sharing.folder / "audit"), public, lambda: NOW)
    client = TestClient(build_app(handler), base_url="http://127.0.0.1:1")
    response = client.post(
        f"{ROOT}/shares/predictions/schemas/{PREDICTIONS.replace('.', '/tables/')}/query",
        json={},
        headers={"authorization": f"Bearer {sharing.tokens['fund']}"},
    )
    urls = [json.loads(line)["file"]["url"] for line in response.text.splitlines()[2:]]
    assert urls
    assert all(url.startswith(f"{public}files/") for url in urls)
