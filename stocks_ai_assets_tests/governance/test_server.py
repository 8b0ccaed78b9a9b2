"""Requests that the server did but answered with an error are not done twice."""

from types import SimpleNamespace

import pytest

from stocks_ai_assets.governance import server as module
from stocks_ai_assets.governance.calls import Call
from stocks_ai_assets.governance.server import Server

pytestmark = pytest.mark.cluster

CREATE = Call(method="POST", path="/api/2.1/unity-catalog/catalogs", body={"name": "x"})


def answering(*answers):
    """A server whose client gives these answers, one a call; errors are raised."""
    left = list(answers)

    def do(*_, **__):
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    client = SimpleNamespace(api_client=SimpleNamespace(do=do), config=SimpleNamespace())
    return Server(client=client, dialect="databricks"), left


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(module, "PAUSES", (0, 0))


def test_a_creation_that_was_done_in_spite_of_a_500_is_done():
    from databricks.sdk.errors import InternalError, ResourceConflict

    server, left = answering(InternalError("lost"), ResourceConflict("exists"))
    server.carry_out(CREATE)
    assert not left


def test_something_that_exists_from_the_start_is_an_error():
    from databricks.sdk.errors import ResourceConflict

    server, _ = answering(ResourceConflict("exists"))
    with pytest.raises(ResourceConflict):
        server.carry_out(CREATE)


def test_500s_without_end_are_given_up():
    from databricks.sdk.errors import InternalError

    server, left = answering(*(InternalError("lost") for _ in range(9)))
    with pytest.raises(InternalError):
        server.carry_out(CREATE)
    assert len(left) == 6


def test_lists_are_read_to_their_last_page_also_past_an_empty_one():
    server, _ = answering(
        {"items": [{"name": "a"}], "next_page_token": "1"},
        {"next_page_token": "2"},
        {"items": [{"name": "b"}]},
    )
    assert [each["name"] for each in server.pages("/list", "items")] == ["a", "b"]


def test_rows_of_a_statement_come_from_all_its_chunks():
    schema = {"schema": {"columns": [{"name": "n"}]}}
    server, _ = answering(
        {"warehouses": [{"id": "off", "state": "STOPPED"}, {"id": "on", "state": "RUNNING"}]},
        {
            "statement_id": "1",
            "status": {"state": "SUCCEEDED"},
            "manifest": schema,
            "result": {"data_array": [["1"]], "next_chunk_index": 1},
        },
        {"data_array": [["2"]]},
    )
    server.client.config.warehouse_id = None
    assert server.query("SELECT n FROM t") == [{"n": "1"}, {"n": "2"}]
    assert server.warehouse == "on"
